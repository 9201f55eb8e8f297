// What is right by itself and leads nowhere: named, so that nobody waits for a value that never comes.
import t from 'tap';
import { componentSpecs } from '../../src/component-specs.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { configDirectory } from './fixture.ts';

const GATEWAY = 'gateway: { name: g1, asset: acme/hh }\n';
const METER = 'name: meter\ndriver: modbus-tcp\nhost: 127.0.0.1\n';
const HEADER = 'device,name,asset,address,type,bit\n';

type Files = Readonly<Record<string, string | Uint8Array>>;
const CASES: readonly (readonly [title: string, files: Files, says: readonly RegExp[]])[] = [
  [
    'a tag that a service reads and no table has',
    {
      'gateway.yaml': `${GATEWAY}services:
  health: { assets: [{ asset: acme/pump, running: { tag: sped, above: 1 }, signals: [{ tag: speed }, { tag: heat }] }] }
  equipment-state: { assets: [{ asset: acme/pump, running_tag: speed }, { asset: acme/pumpe, running_tag: x, fault_tag: y }] }
`,
      'tags/a.csv': `${HEADER}meter,speed,acme/pump,40001,,\n`,
    },
    [
      /^gateway.yaml:3:\d+: services.health.assets\[0\].running.tag: found the tag "sped", expected a tag of acme\/pump: speed \(did you mean speed\?\)$/,
      /services.health.assets\[0\].signals\[1\].tag: found the tag "heat"/,
      /services.equipment-state.assets\[1\].asset: found the asset "acme\/pumpe".*did you mean acme\/pump\?/,
    ],
  ],
  [
    'a secret whose file is not there',
    {
      'gateway.yaml': `${GATEWAY}sinks: { up: { kind: mqtt, url: 'mqtts://h', username: u, password: { file: /absent/secret } } }\n`,
    },
    [/^gateway.yaml:2:\d+: sinks.up.password.file: found no file "\/absent\/secret"/],
  ],
  [
    'values that overlap, but not bits, the same value twice, or another unit',
    {
      'tags/a.csv': `${HEADER}meter,a,acme/m,HR:0,float32,\nmeter,b,acme/m,HR:1,uint16,\nmeter,c,acme/m,HR:2,uint16,3\nmeter,d,acme/m,HR:2,uint16,\n`,
      'tags/b.csv':
        `${HEADER}meter,e,acme/m,HR:2,uint16,\nmeter,f,acme/m,2!HR:1,float32,\nmeter,g,acme/m,IR:1,float32,\nmeter,h,acme/m,HR:10,uint64,\n`.replace(
          'string,',
          'uint64,',
        ),
      'tags/c.csv': `${HEADER}meter,i,acme/m,HR:12,uint16,\nmeter,j,acme/m,HR:13,float32,\n`,
    },
    [
      /^tags\/a.csv:3:\d+: tag b, address: found registers that tag a takes too \(HR:0, tags\/a.csv:2\)/,
      /^tags\/c.csv:2:\d+: tag i, .* tag h takes too/,
      /^tags\/c.csv:3:\d+: tag j, .* tag h takes too/,
    ],
  ],
  [
    'names that are nearly read, and folders',
    { 'gatway.yml': '', 'device/a.yaml': '', 'tags/line-1/a.csv': '', 'tags/~$a.csv': 'open in a spreadsheet' },
    [/^device:1:1: .*did you mean devices\?/, /^gatway.yml:1:1: .*gateway.yaml/, /^tags\/line-1:1:1: found a folder/],
  ],
];

for (const [title, files, says] of CASES) {
  t.test(`a warning tells of ${title}`, async (t) => {
    const directory = await configDirectory(t, { 'gateway.yaml': GATEWAY, 'devices/meter.yaml': METER, ...files });
    const { configuration, problems } = await loadConfiguration(directory, componentSpecs, {});
    t.ok(configuration, 'it keeps the daemon from nothing');
    t.same([...new Set(problems.map(({ severity }) => severity))], ['warning']);
    t.match(problems.map(formatProblem), says);
    t.equal(problems.length, says.length);
  });
}

t.test('a wrong cell hides no wrong address in its row', async (t) => {
  const directory = await configDirectory(t, {
    'gateway.yaml': GATEWAY,
    'devices/meter.yaml': METER,
    'tags/a.csv': `${HEADER}meter,a,acme/m,XX:1,flaot,99\nmeter,b,acme/m,HR:1,flaot,3\nmeter,c,acme/m,,flaot,\n`,
  });
  const { problems } = await loadConfiguration(directory, componentSpecs, {});
  t.same(
    problems.map(({ line, where }) => `${line} ${where}`),
    ['2 tag a, address', '2 tag a, type', '2 tag a, bit', '3 tag b, type', '4 tag c, address', '4 tag c, type'],
  );
});

t.test('a workbook, and a table with another separator, are one problem each', async (t) => {
  const directory = await configDirectory(t, {
    'gateway.yaml': GATEWAY,
    'tags/a.csv': 'device|name|asset|address\nmeter|a|acme|40001\n',
    'tags/b.csv': Buffer.from('PK\u0003\u0004....', 'latin1'),
  });
  const { problems } = await loadConfiguration(directory, componentSpecs, {});
  t.match(problems.map(formatProblem), [/a.csv:1:1: header: found one column/, /b.csv:1:1: found a spreadsheet/]);
  t.equal(problems.length, 2);
});
