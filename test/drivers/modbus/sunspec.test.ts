import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { discoverSunspec } from '../../../src/drivers/modbus/sunspec.ts';
import { headgate } from '../../cli/run-headgate.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';

/** Registers from an offset; undefined ones are refused. */
const unit = (base: number, registers: readonly number[]) => async (offset: number, count: number) => {
  const from = offset - base;
  return from >= 0 && from + count <= registers.length ? registers.slice(from, from + count) : null;
};

const text = (words: string, registers: number) =>
  Array.from(
    { length: registers },
    (_, i) => ((words.charCodeAt(i * 2) || 0) << 8) | (words.charCodeAt(i * 2 + 1) || 0),
  );

/** A common model, an unknown one, and a single-phase inverter that implements little. */
function map(): number[] {
  const common = [
    1,
    66,
    ...text('Acme', 16),
    ...text('Sun 5', 16),
    ...text('', 8),
    ...text('1.2', 8),
    ...text('S-77', 16),
    1,
    0,
  ];
  const unknown = [64_001, 2, 7, 7];
  const inverter = [101, 50, ...Array.from({ length: 50 }, () => 0xffff)];
  const set = (at: number, ...values: number[]) => inverter.splice(at, values.length, ...values);
  set(2, 123);
  set(6, 0xffff);
  set(10, 2301);
  set(13, 0xffff);
  set(14, 0x8000, 0);
  set(16, 5001, 0xfffe);
  set(18, 0x8000, 0x8000, 0x8000, 0x8000, 0x8000, 0x8000);
  set(24, 0x0001, 0x86a0, 2);
  set(31, 0x8000, 0x8000, 0x8000, 0x8000);
  set(35, 0x8000, 0x8000, 0x8000);
  set(38, 4);
  return [0x5375, 0x6e53, ...common, ...unknown, ...inverter, 0xffff, 0];
}

t.test('walks the models and proposes what the unit implements, scale factors read', async (t) => {
  for (const base of [40_000, 50_000, 0]) {
    const found = await discoverSunspec(unit(base, map()));
    t.equal(found?.base, base);
    t.strictSame(
      found?.models.map(({ id, offset }) => [id, offset - base]),
      [
        [1, 2],
        [64_001, 70],
        [101, 74],
      ],
    );
    t.strictSame(
      found?.tags.map(({ name, offset, type, scale }) => `${name} ${offset - base} ${type} ${scale}`),
      [
        'manufacturer 4 string 1',
        'model 20 string 1',
        'version 44 string 1',
        'serial_number 52 string 1',
        'current 76 uint16 0.1',
        'voltage_l1 84 uint16 0.1',
        'frequency 90 uint16 0.01',
        'energy 98 uint32 100',
        'state 112 uint16 1',
      ],
    );
  }
});

t.test('strings of an inverter are found as often as it says, and no oftener than it has registers', async (t) => {
  const strings = [160, 48, 0xffff, 0xffff, 0, 0, 0, 0, 9, 0];
  for (let i = 0; i < 2; i++) strings.push(i + 1, ...text('', 8), 10, 600, 6000, 0, 7, 0, 0, 0, 0, 0, 0);
  const found = await discoverSunspec(unit(40_000, [...[0x5375, 0x6e53], ...strings, 0xffff, 0]));
  t.strictSame(
    found?.tags.map(({ name }) => name),
    [
      ...['string_current_1', 'string_voltage_1', 'string_power_1', 'string_energy_1'],
      ...['string_current_2', 'string_voltage_2', 'string_power_2', 'string_energy_2'],
    ],
  );
});

t.test('a unit that lies about its lengths, or has no map, comes to an end', async (t) => {
  t.equal(await discoverSunspec(unit(40_000, [1, 2, 3])), null);
  t.equal(await discoverSunspec(async () => null), null);
  const endless = await discoverSunspec(async (offset, count) =>
    offset === 40_000 ? [0x5375, 0x6e53] : Array.from({ length: count }, () => 1),
  );
  t.equal(endless?.models.length, 100);
  const long = await discoverSunspec(unit(40_000, [0x5375, 0x6e53, 103, 65_000]));
  t.strictSame(long?.models, []);
});

t.test('the command writes a table that reads the unit', async (t) => {
  const server = await TestModbusServer.start();
  server.unit.refuse('holding', 0, 40_000);
  server.unit.areas.holding.set(map(), 40_000);
  const directory = await mkdtemp(join(tmpdir(), 'headgate-sunspec-'));
  t.teardown(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  await headgate(['init', directory, '--minimal', '--force']);
  const cli = (...args: string[]) => headgate(['-c', directory, ...args]);
  await cli('device', 'add', 'pv', '--driver', 'modbus-tcp', '--host', '127.0.0.1', '--port', String(server.port));
  const proposed = await cli('modbus', 'sunspec', 'pv');
  t.equal(proposed.code, 0, proposed.err);
  t.match(proposed.out, /64001 +not known here +HR:40070/);
  t.match(proposed.out, /voltage_l1 +HR:40084 +uint16 +0\.1 +V/);
  await t.rejects(readFile(join(directory, 'tags/pv.csv')));
  t.match((await cli('modbus', 'sunspec', 'pv', '--asset', 'a/pv', '--write', '--json')).json(), {
    written: true,
    rejected: [],
  });
  const read = await cli('tag', 'read', 'current', 'voltage_l1', 'frequency', 'energy', 'serial_number', '--json');
  t.strictSame(
    read
      .json<{ value: unknown }[]>()
      .map(({ value }) => (typeof value === 'number' ? Number(value.toFixed(3)) : value)),
    [12.3, 230.1, 50.01, 10_000_000, 'S-77'],
  );
});
