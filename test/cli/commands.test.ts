import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { headgate, headgateProcess } from './run-headgate.ts';

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A small valid configuration. */
async function configured(t: Test): Promise<string> {
  const directory = await temporary(t);
  await mkdir(join(directory, 'devices'));
  await mkdir(join(directory, 'tags'));
  await writeFile(
    join(directory, 'gateway.yaml'),
    `gateway:\n  name: g1\n  asset: acme/hh\n  data_dir: ${directory}/data\n`,
  );
  await writeFile(join(directory, 'devices/meter.yaml'), 'name: meter\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: 9\n');
  await writeFile(
    join(directory, 'tags/meter.csv'),
    'device,name,asset,address\nmeter,voltage,acme/hh/supply,40001\nmeter,current,acme/hh/supply,40002\nmeter,current,acme/hh/other,40003\n',
  );
  return directory;
}

t.test('the help names every command and every exit code', async (t) => {
  const { code, out } = await headgateProcess(['--help']);
  t.equal(code, 0);
  for (const word of [
    'init',
    'validate',
    'run',
    'status',
    'simulate',
    'record',
    'demo',
    'device',
    'tag',
    'event',
    'journal',
    'service',
    'health',
    '69',
    '78',
  ]) {
    t.match(out, new RegExp(`^  ${word}\\b`, 'm'));
  }
});

const MISTAKES: readonly (readonly [args: string, says: RegExp])[] = [
  ['vlidate', /unknown command 'vlidate'.*Did you mean validate/],
  ['tag lst', /unknown command 'lst'.*Did you mean list/],
  ['status --jsno', /unknown option '--jsno'.*Did you mean --json/],
  ['validate a b', /too many arguments/],
  ['init', /missing required argument 'dir'/],
  ['device add x', /--driver, or a --profile/],
  ['device add x --driver modbus-tpc', /expected one of modbus-tcp, .*opcua; did you mean modbus-tcp/],
  ['device add x --driver opcua --set nonsense', /expected key=value/],
  ['tag add x --device a --asset b', /required option '--address <value>'/],
  ['tag import x.csv --format xml', /Allowed choices are auto, csv, neuron/],
  ['tag import x.csv --file ../x.csv', /expected the name of a table/],
  ['simulate x --speed 0', /Expected a factor from/],
  ['simulate x --fault gone', /expected DEVICE:KIND/],
  ['simulate x --fault a:gnoe', /expected one of gone, frozen/],
  ['simulate x --port 4840', /expected DEVICE=PORT/],
  [
    'simulate fixtures/line --port pcl-1=1',
    /expected a device of the line: plc-1, meter-1, press-1; did you mean plc-1/,
  ],
  ['event tail --count 0', /Expected a count/],
  ['event tail --asset a//b', /expected an asset path/],
  ['demo --duration soon', /Expected a duration/],
  ['run --log-level loud', /Allowed choices are debug, info, warn, error/],
];
t.test('every mistake in a command line ends with 2 and says what would be right', async (t) => {
  for (const [args, says] of MISTAKES) {
    const { code, err } = await headgate([...args.split(' ')]);
    t.equal(code, 2, args);
    t.match(err, says, args);
  }
});

t.test('with --json a mistake is one JSON value too', async (t) => {
  const result = await headgate(['tag', 'lst', '--json']);
  t.equal(result.code, 2);
  t.match(result.json(), { error: { code: 'CLI_USAGE', message: /lst/, action: /headgate tag --help/ } });
  t.equal(result.err, '');
});

t.test('run with --json says what is wrong with the configuration as JSON too', async (t) => {
  const directory = await temporary(t);
  const result = await headgateProcess(['run', '-c', directory, '--json']);
  t.equal(result.code, 78);
  t.match(result.json(), { error: { code: 'CONFIG_NOT_FOUND', action: /headgate init/ } });
});

t.test('init writes a configuration that validates, and overwrites nothing unasked', async (t) => {
  const directory = join(await temporary(t), 'config');
  const made = await headgate(['init', directory, '--json']);
  t.equal(made.code, 0);
  t.ok(made.json<{ files: string[] }>().files.includes(join(directory, 'gateway.yaml')));
  const checked = await headgate(['validate', directory, '--json']);
  t.equal(checked.code, 0);
  t.match(checked.json(), { ok: true, errors: 0, warnings: 0, devices: 2 });
  const elsewhere = join(directory, '..', 'elsewhere');
  await headgate(['init', elsewhere, '--data-dir', join(directory, 'data')]);
  const status = await headgate(['status', '-c', elsewhere]);
  t.match(status.err, join(directory, 'data', 'headgate.sock'), 'commands look for the daemon in the data directory');
  const again = await headgateProcess(['init', directory]);
  t.equal(again.code, 1);
  t.match(again.err, /is not empty[\s\S]*--force/);
  const minimal = join(directory, '..', 'minimal');
  // A directory that exists and takes no children, where mkdir with recursive never returns.
  const nowhere = await headgate(['init', '/proc/headgate', '--json']);
  t.match(nowhere.json(), { error: { code: 'CLI_FILE_UNWRITABLE', message: /ENOENT/ } });
  t.equal((await headgate(['init', minimal, '--minimal'])).code, 0);
  t.equal((await headgate(['validate', minimal])).code, 0);
});

t.test('validate reports everything and ends with 78', async (t) => {
  const directory = await configured(t);
  await writeFile(join(directory, 'devices/bad.yaml'), 'name: b\ndriver: modbus-tcp\nhots: x\n');
  await writeFile(join(directory, 'tags/bad.csv'), 'device,name,asset,address\nmeter,x y,acme,40001\n');
  const text = await headgateProcess(['validate', directory]);
  t.equal(text.code, 78);
  t.match(text.out, /devices\/bad\.yaml:3:1: hots: .*did you mean host/);
  t.match(text.out, /tags\/bad\.csv:2:7: tag x y, name: .*did you mean x_y/);
  const json = await headgate(['-c', directory, 'validate', '--json']);
  t.equal(json.code, 78);
  t.match(json.json(), {
    ok: false,
    errors: 3,
    problems: [{ file: 'devices/bad.yaml' }, {}, { file: 'tags/bad.csv', line: 2, column: 7 }],
  });
  const absent = await headgate(['validate', join(directory, 'absent'), '--json']);
  t.equal(absent.code, 78);
  t.match(absent.json(), { problems: [{ code: 'CONFIG_NOT_FOUND' }] });
});

t.test('the directory comes from --config, else from the environment', async (t) => {
  const directory = await configured(t);
  const result = await headgate(['device', 'list', '--json'], { environment: { HEADGATE_CONFIG: directory } });
  t.equal(result.code, 0);
  t.match(result.json(), { daemon: false, devices: [{ name: 'meter', driver: 'modbus-tcp', tags: 3, state: null }] });
});

t.test('without a daemon, commands that need one end with 69', async (t) => {
  const directory = await configured(t);
  for (const command of [['status'], ['event', 'tail'], ['service', 'list'], ['health', 'show']]) {
    const { code, err } = await headgate([...command, '-c', directory]);
    t.equal(code, 69, command.join(' '));
    t.match(err, /No Headgate answers[\s\S]*systemctl start headgate/);
  }
});

t.test('tags are added, listed, exported and removed', async (t) => {
  const directory = await configured(t);
  const cli = (...args: string[]) => headgate(['-c', directory, ...args]);
  const added = await cli(
    'tag',
    'add',
    'power',
    '--device',
    'meter',
    '--asset',
    'acme/hh/supply',
    '--address',
    '40005',
    '--type',
    'REAL',
    '--byte-order',
    'CDAB',
    '--scan-ms',
    '500',
    '--json',
  );
  t.same(added.json(), { written: true, files: ['tags/meter.csv'] });
  const list = (await cli('tag', 'list', '--asset', 'acme/hh/supply', '--json')).json<Record<string, unknown>[]>();
  t.match(list.at(-1), {
    name: 'power',
    type: 'float32',
    byteOrder: 'CDAB',
    scanMs: 500,
    resolvedAddress: /holding 4 \(2 registers\)/,
  });
  t.equal(list.length, 3);
  const refused = await cli(
    'tag',
    'add',
    'power',
    '--device',
    'mter',
    '--asset',
    'acme/hh/supply',
    '--address',
    '40005',
  );
  t.equal(refused.code, 78);
  t.match(refused.err, /did you mean meter/);
  t.equal((await cli('tag', 'remove', 'current')).code, 1, 'an ambiguous name');
  t.equal((await cli('tag', 'remove', 'acme/hh/other/current', 'voltage')).code, 0);
  const exported = await cli('tag', 'export');
  t.match(
    exported.out.split('\n').map((row) => row.split(',')[1]),
    ['name', 'current', 'power'],
  );
  const unknown = await cli('tag', 'list', '--device', 'metre');
  t.equal(unknown.code, 1);
  t.match(unknown.err, /no device "metre"; did you mean "meter"/);
});

t.test('a table is imported as it is, or not at all', async (t) => {
  const directory = await configured(t);
  const file = join(directory, 'from plant.csv');
  const text = '\ufeffName;Device;Asset;Address\r\nfrequency;meter;acme/hh/supply;40010\r\n';
  await writeFile(file, text);
  const cli = (...args: string[]) => headgate(['-c', directory, ...args]);
  t.equal((await cli('tag', 'import', file)).code, 0);
  t.equal(await readFile(join(directory, 'tags/from plant.csv'), 'utf8'), text);
  t.match((await cli('tag', 'import', file)).err, /exists already/);
  t.equal((await cli('tag', 'import', file, '--replace')).code, 0);
  await writeFile(file, text.replace('40010', '4x'));
  const refused = await cli('tag', 'import', file, '--file', 'other.csv');
  t.equal(refused.code, 78);
  t.match(refused.err, /tags\/other\.csv:2:\d+: tag frequency, address/);
  t.same((await readdir(join(directory, 'tags'))).sort(), ['from plant.csv', 'meter.csv']);
  t.match((await cli('tag', 'import', join(directory, 'absent.csv'))).err, /Cannot read/);
});

t.test('a device is added if it validates', async (t) => {
  const directory = await configured(t);
  const cli = (...args: string[]) => headgate(['-c', directory, ...args]);
  const added = await cli(
    'device',
    'add',
    'plc',
    '--driver',
    'opcua',
    '--endpoint',
    'opc.tcp://10.0.0.5:4840',
    '--set',
    'security.policy=None',
    '--set',
    'security.mode=None',
  );
  t.equal(added.code, 0, added.err);
  t.equal(
    await readFile(join(directory, 'devices/plc.yaml'), 'utf8'),
    'name: plc\ndriver: opcua\nendpoint: opc.tcp://10.0.0.5:4840\nsecurity:\n  policy: None\n  mode: None\n',
  );
  t.match(
    (await cli('device', 'add', 'plc', '--driver', 'opcua', '--endpoint', 'opc.tcp://h:1')).err,
    /exists already/,
  );
  const refused = await cli('device', 'add', 'a b', '--driver', 'modbus-tcp', '--host', 'h');
  t.equal(refused.code, 78);
  t.match(refused.err, /did you mean a_b/);
  const removed = await cli('device', 'remove', 'plc');
  t.equal(removed.code, 0, removed.err);
  t.match(removed.out, /device plc removed: changed devices\/plc.yaml/);
  t.match((await cli('device', 'remove', 'plc')).err, /there is no device plc/);
});

t.test('output that the disk has no room for is said in one line', async (t) => {
  const directory = await configured(t);
  const entry = join(import.meta.dirname, '../../src/entry.js');
  const command = `"${process.execPath}" "${entry}" -c "${directory}" tag list > /dev/full`;
  const { status, stderr } = spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(stderr, /^error: cannot write to the standard output: ENOSPC[^\n]*\n$/);
});

t.test('a command that is written wrongly points to its own help, wherever the global options stand', async (t) => {
  for (const globals of [['-c', 'somewhere'], ['--config', 'somewhere', '--socket', 'x'], ['--config=somewhere']]) {
    const { code, err } = await headgate([...globals, 'event', 'query', '--from', 'tomorrow']);
    t.equal(code, 2);
    t.match(err, /headgate event query --help/);
  }
});

t.test('output into a closed pipe is no error', async (t) => {
  const directory = await configured(t);
  const entry = join(import.meta.dirname, '../../src/entry.js');
  const child = spawn('/bin/sh', ['-c', `"${process.execPath}" "${entry}" -c "${directory}" tag list | true; exit 0`]);
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  await new Promise((resolve) => child.on('close', resolve));
  t.equal(err, '');
});
