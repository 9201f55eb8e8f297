import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type LoadResult, loadConfiguration } from '../../src/config/load.ts';
import { formatProblem, type Problem } from '../../src/config/problem.ts';
import { configDirectory, DEVICE, GATEWAY, testSpecs } from './fixture.ts';

async function load(t: Test, files: Readonly<Record<string, string | Uint8Array>>): Promise<LoadResult> {
  return loadConfiguration(await configDirectory(t, files), testSpecs, {});
}

/** Code and place of each problem. */
function places(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, code, file, line, column, where }) =>
    [severity === 'error' ? code : `${severity} ${code}`, `${file}:${line}:${column}`, where].join(' ').trim(),
  );
}

t.test('gives a whole configuration with every default filled in', async (t) => {
  const { configuration, problems } = await load(t, {
    'gateway.yaml': `${GATEWAY}journal:\nsinks:\n  up: { kind: mqtt, url: x }\n  off: { kind: mqtt, url: y, enabled: false }\nservices:\n  health:\n`,
    'devices/plc.yaml': DEVICE,
    'tags/a.csv': 'device,name,asset,address\nplc-1,speed,acme/press,40001\nplc-1,on,acme/press,10001\n',
  });
  t.same(problems, []);
  t.match(configuration, {
    gateway: {
      gateway: { name: 'g1', asset: 'acme/hamburg', data_dir: '/var/lib/headgate' },
      log: { level: 'info', format: 'auto' },
      journal: { quota_mb: 100 },
    },
    devices: [{ name: 'plc-1', driver: 'plc', file: 'devices/plc.yaml' }],
    sinks: [{ name: 'up', kind: 'mqtt' }],
    services: [{ name: 'health', config: { window: 5 } }],
  });
  t.same(configuration?.devices[0]?.config, {
    name: 'plc-1',
    driver: 'plc',
    host: '10.0.0.5',
    port: 502,
    timeout_ms: 1000,
  });
  t.same(configuration?.sinks[0]?.config, { name: 'up', url: 'x', port: 502 });
  t.same(
    [...(configuration?.tags ?? [])].map(({ name, type, scanMs, access, lane }) => [name, type, scanMs, access, lane]),
    [
      ['speed', 'uint16', 1000, 'r', 'bulk'],
      ['on', 'bool', 1000, 'r', 'bulk'],
    ],
  );
});

t.test('takes the data directory from systemd', async (t) => {
  const directory = await configDirectory(t, { 'gateway.yaml': GATEWAY });
  const { configuration } = await loadConfiguration(directory, testSpecs, { STATE_DIRECTORY: '/var/lib/hg:/x' });
  t.equal(configuration?.gateway.gateway.data_dir, '/var/lib/hg');
});

t.test('reports all problems of all files at once, each with its place and what would be right', async (t) => {
  const { configuration, problems } = await load(t, {
    'gateway.yaml':
      'gateway:\n  name: press shop\nlog: { levl: info }\njournal:\n  quota_mb: "5"\nsinks:\n  up:\n    kind: mqt\nservices:\n  healt: {}\n',
    'devices/plc.yaml': 'name: plc-1\ndriver: plc\nhots: 10.0.0.5\n',
    'tags/a.csv': 'device,name,asset,address\nplc-1,speed,acme/press,x\nplc-2,b c,acme/press,2\n',
  });
  t.equal(configuration, null);
  t.same(places(problems), [
    'CONFIG_MISSING_KEY devices/plc.yaml:1:1 host',
    'CONFIG_UNKNOWN_KEY devices/plc.yaml:3:1 hots',
    'CONFIG_MISSING_KEY gateway.yaml:1:1 gateway.asset',
    'CONFIG_INVALID_VALUE gateway.yaml:2:9 gateway.name',
    'CONFIG_UNKNOWN_KEY gateway.yaml:3:8 log.levl',
    'CONFIG_INVALID_VALUE gateway.yaml:5:13 journal.quota_mb',
    'CONFIG_UNKNOWN_REFERENCE gateway.yaml:8:11 sinks.up.kind',
    'CONFIG_UNKNOWN_REFERENCE gateway.yaml:10:3 services.healt',
    'CONFIG_UNKNOWN_REFERENCE tags/a.csv:3:1 tag b c, device',
    'CONFIG_INVALID_VALUE tags/a.csv:3:7 tag b c, name',
  ]);
  t.same(
    problems.map(({ suggestion }) => suggestion),
    [undefined, 'host', undefined, 'press_shop', 'level', undefined, 'mqtt', 'health', 'plc-1', 'b_c'],
  );
  t.equal(
    formatProblem(problems[1] as Problem),
    'devices/plc.yaml:3:1: hots: found the key "hots", expected one of the keys name, driver, host, port, timeout_ms, password (did you mean host?)',
  );
});

t.test('a tag of a device whose file is broken is not blamed for it', async (t) => {
  const { problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/plc.yaml': 'name: plc-1\ndriver: plc\n',
    'tags/a.csv': 'device,name,asset,address\nplc-1,speed,acme/press,1\n',
  });
  t.same(places(problems), ['CONFIG_MISSING_KEY devices/plc.yaml:1:1 host']);
});

t.test('an absent directory, a file in its place and an absent gateway.yaml are told apart', async (t) => {
  const directory = await configDirectory(t, { file: 'x' });
  const absent = await loadConfiguration(join(directory, 'absent'), testSpecs);
  t.match(absent.problems, [{ code: 'CONFIG_NOT_FOUND', file: join(directory, 'absent'), found: 'nothing' }]);
  const file = await loadConfiguration(join(directory, 'file'), testSpecs);
  t.match(file.problems, [{ code: 'CONFIG_NOT_FOUND', found: 'a file' }]);
  const empty = await loadConfiguration(directory, testSpecs);
  t.match(empty.problems, [{ code: 'CONFIG_NOT_FOUND', file: 'gateway.yaml' }]);
  t.equal(empty.configuration, null);
});

t.test('names files that it ignores, and not what editors leave behind', async (t) => {
  const { configuration, problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/plc.yaml.txt': DEVICE,
    'devices/plc.yaml~': 'x',
    'devices/.plc.yaml.swp': 'x',
    'tags/README.md': 'x',
    'tags/tags.xlsx': 'x',
  });
  t.same(places(problems), [
    'warning CONFIG_IGNORED_FILE devices/plc.yaml.txt:1:1',
    'warning CONFIG_IGNORED_FILE tags/tags.xlsx:1:1',
  ]);
  t.not(configuration, null);
});

t.test('a folder where a file should be is a problem of its own', async (t) => {
  const directory = await configDirectory(t, { 'gateway.yaml': GATEWAY });
  await mkdir(join(directory, 'tags'));
  await writeFile(join(directory, 'devices'), 'x');
  const { problems } = await loadConfiguration(directory, testSpecs);
  t.same(places(problems), ['CONFIG_FILE_UNREADABLE devices:1:1']);
});

t.test('other encodings are named with the first byte that is wrong', async (t) => {
  const latin = Buffer.from('device,name,asset,address,unit\nplc-1,a,acme/p,1,°C\n', 'latin1');
  const { problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/plc.yaml': DEVICE,
    'tags/latin.csv': latin,
    'tags/lead.csv': Buffer.from('device,name,asset,address,description\nplc-1,a,acme/p,1,Wärme\n', 'latin1'),
    'tags/utf16.csv': Buffer.from('\ufeffdevice\tname', 'utf16le'),
  });
  t.same(places(problems), [
    'CONFIG_ENCODING tags/latin.csv:2:18',
    'CONFIG_ENCODING tags/lead.csv:2:19',
    'CONFIG_ENCODING tags/utf16.csv:1:1',
  ]);
  t.match(problems[0], { found: /0xB0.*Windows-1252/, expected: /UTF-8/ });
  t.match(problems[1], { found: /0xE4/ }, 'the byte itself, not the one behind it');
  t.match(problems[2], { found: /UTF-16/, expected: /iconv -f UTF-16/ });
});

t.test('two devices of one name, and two tags of one asset and name, name the first place', async (t) => {
  const { problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/a.yaml': DEVICE,
    'devices/b.yaml': `- ${DEVICE.replaceAll('\n', '\n  ')}\n`,
    'tags/a.csv': 'device,name,asset,address\nplc-1,x,acme/p,1\n',
    'tags/b.csv': 'device,name,asset,address\nplc-1,x,acme/p,2\nplc-1,x,acme/q,2\n',
  });
  t.same(places(problems), ['CONFIG_DUPLICATE devices/b.yaml:1:1 name', 'CONFIG_DUPLICATE tags/b.csv:2:7 tag x, name']);
  t.match(problems[0]?.expected, 'devices/a.yaml:1');
  t.match(problems[1]?.expected, 'tags/a.csv:2');
});

t.test('devices that share a connection and disagree about it are a warning', async (t) => {
  const { configuration, problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/a.yaml': DEVICE,
    'devices/b.yaml': 'name: plc-2\ndriver: plc\nhost: 10.0.0.5\ntimeout_ms: 50\n',
  });
  t.same(places(problems), ['warning CONFIG_CONTRADICTION devices/b.yaml:4:13 timeout_ms']);
  t.equal(configuration?.devices.length, 2);
});

t.test('device names must leave room for group names, and be no numbers', async (t) => {
  const { problems } = await load(t, {
    'gateway.yaml': GATEWAY,
    'devices/a.yaml': `name: ${'x'.repeat(41)}\ndriver: plc\nhost: a\n`,
    'devices/b.yaml': 'name: 7\ndriver: plc\nhost: a\n',
    'devices/c.yaml': 'name: _x\ndriver: plc\nhost: a\n',
    'devices/d.yaml': 'just text\n',
  });
  t.same(places(problems), [
    'CONFIG_INVALID_VALUE devices/a.yaml:1:7 name',
    'CONFIG_INVALID_VALUE devices/b.yaml:1:7 name',
    'CONFIG_INVALID_VALUE devices/c.yaml:1:7 name',
    'CONFIG_INVALID_VALUE devices/d.yaml:1:1',
  ]);
});

t.test('never shows what may be a secret', async (t) => {
  const { problems } = await load(t, {
    'gateway.yaml': `${GATEWAY}sinks:\n  up: { kind: mqtt, url: 'mqtt://u:hunter2@h', password: hunter2, apitoken: hunter2, port: 'mqtt://u:hunter2@h' }\n`,
    'devices/plc.yaml': `${DEVICE}password: [hunter2]\n`,
    'devices/bad.yaml': 'password: "hunter2\n',
  });
  t.equal(problems.length, 5);
  t.notMatch(JSON.stringify(problems), /hunter2/);
});

t.test('relative paths of the daemon are refused', async (t) => {
  const { problems } = await load(t, { 'gateway.yaml': `${GATEWAY}  data_dir: data\n` });
  t.same(places(problems), ['CONFIG_INVALID_VALUE gateway.yaml:4:13 gateway.data_dir']);
});
