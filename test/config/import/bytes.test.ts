import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { headgate } from '../../cli/run-headgate.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';

const TABLES = join(import.meta.dirname, '../../../fixtures/import');

/** What stands in the registers of the unit that all tables are about. */
const HOLDING: Readonly<Record<number, readonly number[]>> = {
  0: [0x4148, 0xf5c3, 0x4567, 0x89ab],
  10: [0x8006],
  20: [0x5075, 0x6d70, 0x2037],
  30: [0x7550, 0x706d, 0x3720],
  40: [0x1234, 0x5678],
};

/**
 * What a product shows: the bytes that it takes for the number, most significant first, and their type, before scaling; or the value
 * itself.
 */
type Shown =
  | readonly [type: 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'f32' | 'f64', bytes: string]
  | boolean
  | string
  | number;

interface Case {
  readonly file: string;
  readonly options?: readonly string[];
  /** By name of the tag that it became. */
  readonly shown: Readonly<Record<string, Shown>>;
  /** Names in the table, with the reasons. */
  readonly rejected: Readonly<Record<string, RegExp>>;
}

const NEURON: Omit<Case, 'file'> = {
  options: ['--device', 'meter'],
  shown: {
    u16: 1671.2,
    u16_b: ['u16', '4841'],
    f32: ['f32', '4148f5c3'],
    f32_ll: ['f32', '4148f5c3'],
    u32_lb: ['u32', '4841c3f5'],
    u32_bb: ['u32', 'c3f54841'],
    u32_bl: ['u32', '0102c148'],
    i64: ['i64', '4148f5c3456789ab'],
    i64_b: ['i64', 'ab896745c3f54841'],
    bit: true,
    coil: true,
    input: true,
    text: 'Pump 7',
    text_l: 'Pump 7',
    biased: (0x8006 - 0x10000) * 2 + 100,
  },
  rejected: { text_d: /one character in each/, constant: /Static/, other: /address/, bytes: /BYTES/ },
};

const KEPWARE_REJECTED: Case['rejected'] = {
  '': /quote that never closes/,
  'Meter.Byte': /Byte/,
  'Meter.Wrong': /D100/,
  'Meter.Zero': /its holding register is 0, not one from 1 to 65536/,
};

const CASES: readonly Case[] = [
  { file: 'neuron.csv', ...NEURON },
  { file: 'neuron.xlsx', ...NEURON },
  {
    file: 'kepware.csv',
    options: ['--device', 'meter'],
    shown: {
      Word: ['u16', '4148'],
      Float: ['f32', 'f5c34148'],
      Long: ['i32', '0102c148'],
      Double: ['f64', '89ab4567f5c34148'],
      QWord: ['u64', '89ab4567f5c34148'],
      Bit: true,
      Coil: true,
      Text: 'Pump 7',
      TextLow: 'Pump 7',
      Array_0: ['u16', '4148'],
      Array_1: ['u16', 'f5c3'],
      Array_2: ['u16', '4567'],
      Scaled: 0x8006 / 10,
      Negated: -0x8006,
      Clamped: 100,
      Root: Math.sqrt(0x4148 / 65_535) * 100,
      Bcd: 1234,
      LongBcd: 56_781_234,
      Hash: ['u16', '4148'],
      Falling: 100 - 0x8006 / 100,
      FallingHigh: 0,
      NegatedHigh: -100,
      Comma: (0x8006 / 10_000) * 15,
      Behind: ['u16', '4148'],
    },
    rejected: KEPWARE_REJECTED,
  },
  {
    file: 'kepware.csv',
    options: ['--device', 'meter', '--byte-order', 'ABCD'],
    shown: { Float: ['f32', '4148f5c3'], Double: ['f64', '4148f5c3456789ab'], Word: ['u16', '4148'] },
    rejected: KEPWARE_REJECTED,
  },
  {
    file: 'telegraf.toml',
    shown: {
      coil: true,
      discrete: true,
      float: ['f32', '4148f5c3'],
      float_cdab: ['f32', 'f5c34148'],
      fixed: 0x4841c3f5 / 10,
      ufixed: 0xc3f54841 / 100,
      swapped: ['u16', '4841'],
      wide: ['u64', '89ab4567f5c34148'],
      low: 0x48,
      high: 0x41,
      input: ['i16', 'c148'],
      energy: (numberOf('f32', 'f5c34148') as number) * 0.001,
      text: 'Pump 7',
      bit: true,
      door: true,
      power: ['i32', 'c1480102'],
      count: ['u64', '4148f5c3456789ab'],
    },
    rejected: { apart: /not consecutive/, strange: /ABDC/ },
  },
  {
    file: 'thingsboard.json',
    shown: {
      u16: ['u16', '4841'],
      // 0x4841 as a half: 2^3 × (1 + 65/1024).
      half: 8.5078125,
      f32: ['f32', 'c3f54841'],
      u64: ['u64', 'ab896745c3f54841'],
      bit: true,
      text: 'Pump 7',
      u32: ['u32', '4148f5c3'],
      u32_words: ['u32', 'f5c34148'],
      u32_bytes: ['u32', '4841c3f5'],
      scaled: (0xc148 - 0x10000) / 5,
      u8: 0x41,
      coils_0: false,
      coils_1: true,
    },
    rejected: { raw: /bytes/, u16: /udp/ },
  },
  {
    file: 'oibus.csv',
    options: ['--device', 'meter'],
    shown: { word: 1671.2, float: ['f32', 'f5c34148'], long: ['i32', '0102c148'], bit: true, coil: true },
    rejected: { off: /switched off/, wide: /--byte-order/ },
  },
  {
    file: 'edgex.yaml',
    shown: {
      word: 1671.2,
      float: ['f32', '4148f5c3'],
      words: ['u32', 'f5c34148'],
      bytes: ['u32', '4841c3f5'],
      both: ['f32', 'c3f54841'],
      wide: ['u64', '4148f5c3456789ab'],
      temperature: (0xc148 - 0x10000) * 0.5 + 10,
      bit: true,
      coil: true,
      text: 'Pump 7',
    },
    rejected: { masked: /mask/, elsewhere: /primaryTable/ },
  },
  {
    file: 'ignition.csv',
    options: ['--device', 'meter'],
    shown: {
      word: ['u16', '4148'],
      signed: ['i16', 'c148'],
      float: ['f32', '4148f5c3'],
      long: ['u32', '4148f5c3'],
      wide: ['u64', '4148f5c3456789ab'],
      bit: true,
      coil: true,
      text: 'Pump 7',
      scaled: 0x8006 / 100,
      root: Math.sqrt(0x4148 / 65_535) * 10,
      bcd: 1234,
    },
    rejected: { memory: /Memory/, filtered: /Exponential Filter/, other: /N7:0/ },
  },
];

for (const { file, options = [], shown, rejected } of CASES) {
  t.test(`${file} ${options.join(' ')}: reads what its product shows`, async (t) => {
    const { directory, port } = await rig(t);
    const table = join(directory, file);
    const content = await readFile(join(TABLES, file));
    await writeFile(table, file.endsWith('.xlsx') ? content : content.toString().replaceAll('50200', String(port)));
    const imported = await headgate(['-c', directory, 'tag', 'import', table, ...options, '--json']);
    t.equal(imported.code, 1, 'some tags were rejected');
    const found = imported.json<{ written: boolean; format: string; rejected: { tag: string; reason: string }[] }>();
    t.ok(found.written, imported.out + imported.err);
    t.equal(found.format, basename(file).replace(/\..*$/, ''), 'told from the content alone');
    t.strictSame(found.rejected.map(({ tag }) => tag).sort(), Object.keys(rejected).sort());
    for (const { tag, reason } of found.rejected) t.match(reason, rejected[tag], tag);
    const values = await readAll(directory, t);
    for (const [tag, expected] of Object.entries(shown)) {
      t.same(
        rounded(values.get(tag)),
        rounded(Array.isArray(expected) ? numberOf(expected[0], expected[1]) : expected),
        tag,
      );
    }
  });
}

t.test('opc-publisher.json: endpoints become devices, nodes tags', async (t) => {
  const { directory } = await rig(t);
  const imported = await headgate(['-c', directory, 'tag', 'import', join(TABLES, 'opc-publisher.json'), '--json']);
  const { rejected } = imported.json<{ rejected: unknown[] }>();
  t.strictSame(rejected, [{ tag: 'Nothing', place: '[0].OpcNodes[3]', reason: 'it has no Id' }], imported.err);
  const list = await headgate(['-c', directory, 'tag', 'list', '--json']);
  t.match(list.json<Record<string, unknown>[]>(), [
    { device: '10_0_0_5_4840', name: 'Speed', address: 'nsu=http://example.com/plc;s=Motor.Speed', scanMs: 500 },
    { name: '17', scanMs: 5000, deadband: 2, deadbandType: 'percent' },
    { name: 'Old', address: 'nsu=http://example.com/plc;s=Old.Style', scanMs: 1000 },
    { device: '10_0_0_6_4840', name: '2258', address: 'i=2258' },
  ]);
  t.match(await readFile(join(directory, 'devices/10_0_0_5_4840.yaml'), 'utf8'), /security:\n {2}policy: None/);
  t.notMatch(await readFile(join(directory, 'devices/10_0_0_6_4840.yaml'), 'utf8'), /security/);
});

t.test('a telegraf file brings its OPC UA servers along', async (t) => {
  const { directory } = await rig(t);
  const table = join(directory, 'telegraf.toml');
  await writeFile(table, await readFile(join(TABLES, 'telegraf.toml')));
  await headgate(['-c', directory, 'tag', 'import', table, '--json']);
  const list = await headgate(['-c', directory, 'tag', 'list', '--device', 'plc', '--json']);
  t.match(list.json<Record<string, unknown>[]>(), [
    { name: 'speed', address: 'ns=3;s=Motor.Speed', scanMs: 2000 },
    { name: 'temperature', address: 'ns=2;i=1001' },
    { name: 'level', address: 'ns=4;s=Level' },
  ]);
});

t.test('periods that are too short or too long are taken over as the nearest that is allowed, and told', async (t) => {
  const { directory } = await rig(t);
  const table = join(directory, 'fast.csv');
  const rows = [
    ...['Tag Name,Address,Data Type,Client Access,Scan Rate', 'Fast,400001,Word,RO,5', 'Odd,400002,Word,RO,12.4'],
    ...['Slow,400003,Word,RO,99999990', 'Least,400004,Word,RO,10', 'None,400005,Word,RO,0'],
  ];
  await writeFile(table, rows.join('\n'));
  const imported = await headgate(['-c', directory, 'tag', 'import', table, '--device', 'meter', '--json']);
  const { rejected, notes } = imported.json<{ rejected: unknown[]; notes: string[] }>();
  t.strictSame(rejected, [], imported.err);
  const told = notes.filter((note) => /period/.test(note));
  t.strictSame(told, ['periods below 10 ms: read every 10 ms', 'periods above a day: read once a day']);
  const list = await headgate(['-c', directory, 'tag', 'list', '--json']);
  const periods = list.json<{ name: string; scanMs: number }[]>().map(({ name, scanMs }) => [name, scanMs]);
  t.strictSame(Object.fromEntries(periods), { Fast: 10, Odd: 12, Slow: 86_400_000, Least: 10, None: 1000 });
});

t.test('a dry run writes nothing; without a device the table is refused tag by tag', async (t) => {
  const { directory } = await rig(t);
  const dry = await headgate([
    '-c',
    directory,
    'tag',
    'import',
    join(TABLES, 'neuron.csv'),
    '--device',
    'meter',
    '--dry-run',
  ]);
  t.match(dry.out, /neuron: 15 tags taken over, 4 rejected; would be written to tags\/neuron\.csv/);
  t.match(dry.out, /text_d +line 17 +a string with one character/);
  t.match(dry.err, /#BL CDAB/);
  const none = await headgate(['-c', directory, 'tag', 'import', join(TABLES, 'neuron.csv'), '--json']);
  t.equal(none.code, 1);
  t.match(none.json(), { written: false, rejected: [{ reason: /--device/ }] });
  await t.rejects(readFile(join(directory, 'tags/neuron.csv')));
});

t.test('a table is read in UTF-8 and UTF-16, with a mark in front or between others', async (t) => {
  const text = await readFile(join(TABLES, 'kepware.csv'), 'utf8');
  const marked = Buffer.from(`\ufeff${text}`, 'utf16le');
  const encodings = {
    utf8: Buffer.from(`\ufeff${text}`),
    utf16le: marked,
    utf16be: Buffer.from(marked).swap16(),
    tabs: Buffer.from(`\ufeff${text.replace('"1,5E1"', '15').replaceAll(',', '\t')}`, 'utf16le'),
  };
  for (const [name, bytes] of Object.entries(encodings)) {
    const { directory } = await rig(t);
    const table = join(directory, name);
    await writeFile(table, bytes);
    const { out } = await headgate(['-c', directory, 'tag', 'import', table, '--device', 'meter', '--dry-run']);
    t.match(out, /kepware: 24 tags taken over, 4 rejected/, name);
  }
});

t.test('files that are nothing of the kind are refused with a reason', async (t) => {
  const { directory } = await rig(t);
  const refused: [string, string, RegExp][] = [
    ['neuron', 'a,b\n1,2\n', /no column group, address, attribute/],
    ['neuron', 'PK\u0003\u0004 and nothing more', /no spreadsheet/],
    ['telegraf', '[[inputs.modbus]\n', /line 1: /],
    ['thingsboard', '{"master": ', /not JSON/],
    ['opc-publisher', '{}', /not a list/],
    ['edgex', 'a: [1\n', /not YAML/],
  ];
  for (const [format, text, says] of refused) {
    const file = join(directory, 'table');
    await writeFile(file, text);
    const { code, err } = await headgate([
      '-c',
      directory,
      'tag',
      'import',
      file,
      '--format',
      format,
      '--device',
      'meter',
    ]);
    t.equal(code, 1, format);
    t.match(err, says, format);
  }
});

/** A unit with known bytes and a configuration with a device for it. */
async function rig(t: Test): Promise<{ readonly directory: string; readonly port: number }> {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  for (const [offset, registers] of Object.entries(HOLDING)) server.unit.areas.holding.set(registers, Number(offset));
  server.unit.areas.input.set([0xc148, 0x0102, 0x0304, 0x0506]);
  server.unit.areas.coil[5] = 1;
  server.unit.areas.discrete[3] = 1;
  const directory = await mkdtemp(join(tmpdir(), 'headgate-import-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await headgate(['init', directory, '--minimal', '--force']);
  const device = ['--driver', 'modbus-tcp', '--host', '127.0.0.1', '--port', String(server.port)];
  await headgate(['-c', directory, 'device', 'add', 'meter', ...device]);
  return { directory, port: server.port };
}

/** Every tag that can be read, by the real driver, by name. */
async function readAll(directory: string, t: Test): Promise<ReadonlyMap<string, unknown>> {
  const devices = (await headgate(['-c', directory, 'device', 'list', '--json'])).json<{
    devices: { name: string; driver: string; tags: number }[];
  }>();
  const values = new Map<string, unknown>();
  for (const { name, driver, tags } of devices.devices) {
    if (!driver.startsWith('modbus') || tags === 0) continue;
    const read = await headgate(['-c', directory, 'tag', 'read', '--device', name, '--json']);
    for (const { tag, value, quality } of read.json<{ tag: string; value: unknown; quality: string }[]>()) {
      t.match(quality, /^Good/, tag);
      values.set(tag.split('/').at(-1) ?? tag, value);
    }
  }
  return values;
}

function numberOf(type: string, bytes: string): number | bigint | string {
  const view = new DataView(Uint8Array.from(Buffer.from(bytes, 'hex')).buffer);
  switch (type) {
    case 'u16':
      return view.getUint16(0);
    case 'i16':
      return view.getInt16(0);
    case 'u32':
      return view.getUint32(0);
    case 'i32':
      return view.getInt32(0);
    case 'f32':
      return view.getFloat32(0);
    case 'f64':
      return view.getFloat64(0);
    case 'i64':
      return view.getBigInt64(0).toString();
    default:
      return view.getBigUint64(0).toString();
  }
}

/** Scaling may differ in the last digit. */
function rounded(value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(12)) : value;
}
