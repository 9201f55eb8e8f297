import t from 'tap';
import Value from 'typebox/value';
import { loadConfiguration } from '../../../src/config/load.ts';
import { type ModbusTcpConfig, modbusTcpConfigSchema } from '../../../src/drivers/modbus/config.ts';
import { formatExtent, parseExtent } from '../../../src/drivers/modbus/extent-text.ts';
import { settingsOf } from '../../../src/drivers/modbus/settings.ts';
import { modbusSpecs } from '../../../src/drivers/modbus/spec.ts';
import type { DataType, TagDefinition } from '../../../src/model/tag.ts';
import { configDirectory, GATEWAY, testSpecs } from '../../config/fixture.ts';
import { tag } from '../../support/tag.ts';

const specOf = (kind: string) => modbusSpecs.find((spec) => spec.kind === kind) as (typeof modbusSpecs)[number];
const modbusTcpSpec = specOf('modbus-tcp');
const config: ModbusTcpConfig = { name: 'meter', driver: 'modbus-tcp', host: '10.0.0.5' };

const fields = (over: Partial<TagDefinition>, device: ModbusTcpConfig = config) =>
  modbusTcpSpec.checkTag(tag('x', over), device).map(({ field }) => field);

t.test('accepts tags whose columns fit together', async (t) => {
  const table: Partial<TagDefinition>[] = [
    { address: '40001', type: 'uint16' },
    { address: '40001', type: 'auto' },
    { address: '49999', type: 'float64', byteOrder: 'DCBA' },
    { address: 'HR:65532', type: 'float64' },
    { address: 'CO:0', type: 'bool' },
    { address: '10001', type: 'auto' },
    { address: 'HR:0', type: 'bool', bit: 15 },
    { address: 'HR:0.15', type: 'uint16' },
    { address: 'HR:0.15', type: 'uint16', bit: 15 },
    { address: 'HR:0', type: 'uint64', bit: 63 },
    { address: 'HR:0', type: 'int8', byteOrder: 'BADC' },
    { address: 'HR:0', type: 'string', length: 1000 },
    { address: '1!400001.10H', type: 'string' },
    { address: '40001#CDAB', type: 'float32' },
    { address: '40001#CDAB', type: 'float32', byteOrder: 'CDAB' },
    { address: '40001', type: 'uint16', access: 'rw' },
  ];
  for (const over of table) t.strictSame(fields(over), [], JSON.stringify(over));
});

t.test('names the column that does not fit', async (t) => {
  const table: [Partial<TagDefinition>, string][] = [
    [{ address: '4000' }, 'address'],
    [{ address: 'CO:0', type: 'uint16' }, 'type'],
    [{ address: 'CO:0', type: 'bool', bit: 3 }, 'bit'],
    [{ address: 'CO:0.3', type: 'bool' }, 'address'],
    [{ address: 'DI:0', type: 'bool', byteOrder: 'CDAB' }, 'byte_order'],
    [{ address: 'HR:0', type: 'uint16', bit: 16 }, 'bit'],
    [{ address: 'HR:0.16', type: 'uint16' }, 'address'],
    [{ address: 'HR:0', type: 'uint8', bit: 8 }, 'bit'],
    [{ address: 'HR:0', type: 'bool', bit: 16 }, 'bit'],
    [{ address: 'HR:0.3', type: 'uint16', bit: 4 }, 'bit'],
    [{ address: 'HR:0', type: 'float32', bit: 3 }, 'bit'],
    [{ address: 'HR:0', type: 'string' }, 'length'],
    [{ address: 'HR:0', type: 'string', length: 0 }, 'length'],
    [{ address: 'HR:0.10', type: 'string', length: 12 }, 'length'],
    [{ address: 'HR:0', type: 'string', length: 4, bit: 1 }, 'bit'],
    [{ address: 'HR:0', type: 'uint16', length: 4 }, 'length'],
    [{ address: 'HR:65535', type: 'uint32' }, 'address'],
    [{ address: 'HR:65533', type: 'float64' }, 'address'],
    [{ address: 'HR:65530', type: 'string', length: 13 }, 'address'],
    [{ address: '40001#CDAB', type: 'float32', byteOrder: 'DCBA' }, 'byte_order'],
    [{ address: 'IR:0', type: 'uint16', access: 'rw' }, 'access'],
    [{ address: 'DI:0', type: 'bool', access: 'w' }, 'access'],
  ];
  for (const [over, field] of table) {
    const problems = modbusTcpSpec.checkTag(tag('x', over), config);
    t.strictSame(
      problems.map((problem) => problem.field),
      [field],
      JSON.stringify(over),
    );
    t.match(problems[0]?.expected, /\w/);
  }
});

t.test('refuses a number that the device cannot give in one piece', async (t) => {
  t.strictSame(fields({ address: 'HR:0', type: 'float64' }, { ...config, max_registers: 2 }), ['type']);
  t.strictSame(fields({ address: 'HR:0', type: 'float32' }, { ...config, max_registers: 2 }), []);
});

t.test('shows the resolved address, zero-based', async (t) => {
  const table: [Partial<TagDefinition>, string][] = [
    [{ address: '40001', type: 'float32' }, 'unit 1 holding 0 (2 registers)'],
    [{ address: '400010.4', type: 'uint16' }, 'unit 1 holding 9 bit 4 (1 register)'],
    [{ address: '7!IR:0x10', type: 'int64' }, 'unit 7 input 16 (4 registers)'],
    [{ address: '00004', type: 'bool' }, 'unit 1 coil 3'],
    [{ address: 'HR:2', type: 'string', length: 5 }, 'unit 1 holding 2 (3 registers)'],
  ];
  for (const [over, shown] of table) t.equal(modbusTcpSpec.describeAddress(tag('x', over), config), shown);
  t.equal(
    modbusTcpSpec.describeAddress(tag('x', { address: 'DI:9', type: 'bool' }), { ...config, unit: 3 }),
    'unit 3 discrete 9',
  );
});

t.test('takes the type of a tag without one from its area', async (t) => {
  t.equal(modbusTcpSpec.defaultType?.('40001', config), 'uint16');
  t.equal(modbusTcpSpec.defaultType?.('CO:1', config), 'bool');
  t.equal(modbusTcpSpec.defaultType?.('nonsense', config), 'uint16');
});

t.test('checks the host', async (t) => {
  for (const host of ['tcp://10.0.0.5', '10.0.0.5:502', '[::1]', 'a b', 'meter/1']) {
    t.strictSame(
      modbusTcpSpec.checkDevice({ ...config, host }).map(({ field }) => field),
      ['host'],
      host,
    );
  }
  for (const host of ['10.0.0.5', 'meter-7.plant.example', '::1', 'fe80::1']) {
    t.strictSame(modbusTcpSpec.checkDevice({ ...config, host }), [], host);
  }
  t.strictSame(
    modbusTcpSpec.checkDevice({ ...config, reconnect_min_ms: 500, reconnect_max_ms: 100 }).map(({ field }) => field),
    ['reconnect_max_ms'],
  );
});

t.test('devices at one host and port share a connection', async (t) => {
  const key = (over: Partial<ModbusTcpConfig>) => modbusTcpSpec.connection?.({ ...config, ...over }).key;
  t.equal(key({}), 'tcp://10.0.0.5:502');
  t.equal(key({ unit: 9 }), key({ unit: 1, port: 502 }));
  t.not(key({ port: 503 }), key({}));
  t.equal(key({ host: 'Meter.Example' }), key({ host: 'meter.example' }));
  t.equal(key({ host: '::1' }), 'tcp://[::1]:502');
});

t.test('what cannot share a wire is refused, what only differs is warned of', async (t) => {
  const serial = (name: string, over: string) => `name: ${name}\nbaud_rate: 9600\n${over}\n`;
  const directory = await configDirectory(t, {
    'gateway.yaml': GATEWAY,
    'devices/a.yaml': serial('a', 'driver: modbus-rtu\npath: /dev/ttyUSB0'),
    'devices/b.yaml': serial('b', 'driver: modbus-ascii\npath: /dev/ttyUSB0'),
    'devices/c.yaml': serial('c', 'driver: modbus-rtu\npath: /dev/ttyUSB0\nparity: none'),
    'devices/d.yaml': serial('d', 'driver: modbus-rtu\npath: /dev/ttyUSB0\npause_ms: 5'),
    'devices/e.yaml': 'name: e\ndriver: modbus-tcp\nhost: h\nport: 4001\n',
    'devices/f.yaml': serial('f', 'driver: modbus-rtu-tcp\nhost: h\nport: 4001'),
  });
  const { problems } = await loadConfiguration(directory, { ...testSpecs, drivers: modbusSpecs }, {});
  t.strictSame(
    problems.map(({ severity, file, where }) => `${severity} ${file} ${where}`),
    [
      'error devices/b.yaml driver',
      'error devices/c.yaml parity',
      'warning devices/d.yaml pause_ms',
      'error devices/f.yaml driver',
    ],
  );
  t.match(problems[0], { expected: /modbus-rtu.* as for a, which shares the connection serial:\/dev\/ttyUSB0/ });
});

t.test('the defaults of the schema and of the driver are the same', async (t) => {
  const filled = Value.Default(modbusTcpConfigSchema, { ...config }) as ModbusTcpConfig;
  const { costOf, ...settings } = settingsOf(filled);
  const { costOf: costOfBare, ...bare } = settingsOf(config);
  t.strictSame(settings, bare);
  t.equal(costOf({ area: 'holding', count: 9 }), costOfBare({ area: 'holding', count: 9 }));
  t.ok(Value.Check(modbusTcpConfigSchema, filled));
  t.notOk(Value.Check(modbusTcpConfigSchema, { ...config, unit: 256 }));
  t.notOk(Value.Check(modbusTcpConfigSchema, { ...config, hots: 'x' }));
});

t.test('forbidden ranges are read as people write them, and no tag may lie in one', async (t) => {
  const ranges: [string, string | null][] = [
    ['HR:100-120', 'HR:100-120'],
    ['hr:100 - HR:120', 'HR:100-120'],
    ['40101-40121', 'HR:100-120'],
    ['IR:7', 'IR:7'],
    ['CO:0-0', 'CO:0'],
    ['HR:120-100', null],
    ['HR:1-IR:5', null],
    ['HR:1-2-3', null],
    ['2!HR:1-5', null],
    ['HR:1.3', null],
    ['everything', null],
  ];
  for (const [text, shown] of ranges) {
    const fields = modbusTcpSpec.checkDevice({ ...config, forbidden: [text] }).map(({ field }) => field);
    t.strictSame(fields, shown === null ? ['forbidden[0]'] : [], text);
    if (shown !== null) t.equal(formatExtent(parseExtent(text)), shown);
  }
  const barred = { ...config, forbidden: ['HR:100-120'] };
  const at = (address: string, type: DataType) =>
    modbusTcpSpec.checkTag(tag('x', { address, type }), barred).map(({ field, expected }) => `${field}: ${expected}`);
  t.strictSame(at('HR:98', 'float32'), []);
  t.strictSame(at('HR:121', 'float32'), []);
  t.match(at('HR:99', 'float32'), [/^address: an address outside HR:100-120/]);
  t.strictSame(at('IR:100', 'uint16'), []);
});
