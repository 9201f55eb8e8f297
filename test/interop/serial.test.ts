// Units that others wrote, in RTU and ASCII, on serial ports and behind TCP: pymodbus and libmodbus.
import t, { type Test } from 'tap';
import type { ModbusConfig } from '../../src/drivers/modbus/config.ts';
import * as modules from '../../src/drivers/modbus/module.ts';
import { isGood, Status } from '../../src/model/quality.ts';
import type { TagDefinition } from '../../src/model/tag.ts';
import type { DriverModule } from '../../src/ports/driver.ts';
import { DriverWitness } from '../conformance/driver.ts';
import { livedClock } from '../support/lived-time.ts';
import { NullModem } from '../support/null-modem.ts';
import { tag } from '../support/tag.ts';
import { until } from '../support/until.ts';
import { startLibmodbus, startPython } from './peer.ts';

const make = (name: string, address: string, over: Partial<TagDefinition> = {}) =>
  tag(name, { device: 'unit', address, type: 'uint16', scanMs: 100, access: 'rw', ...over });

async function read(t: Test, module: DriverModule<ModbusConfig>, config: ModbusConfig, tags: readonly TagDefinition[]) {
  const witness = new DriverWitness();
  const driver = await witness.create(module, [
    { name: 'unit', config, groups: [{ device: 'unit', periodMs: 100, tags }] },
  ]);
  t.teardown(() => driver.stop());
  await driver.start();
  await until(() => witness.areAll('good', tags), { what: 'all tags Good', timeoutMs: 20_000 });
  const value = (name: string) => witness.readings.get(name)?.value;
  return { driver, value };
}

const common = { name: 'unit', timeout_ms: 2_000 };
const serial = (path: string) => ({ ...common, path, baud_rate: 115_200, parity: 'none' as const });
const socket = (port: number) => ({ ...common, host: '127.0.0.1', port });

/** What pymodbus_server.py serves. */
const PYMODBUS = [
  make('i16', '40001', { type: 'int16' }),
  make('f32', 'HR:4', { type: 'float32', byteOrder: 'CDAB' }),
  make('u64', 'HR:10', { type: 'uint64' }),
  make('text', 'HR:14', { type: 'string', length: 8 }),
  make('input', '30008', { access: 'r' }),
  make('coil', 'CO:3', { type: 'bool' }),
  make('other', '2!HR:3'),
];

async function checkPymodbus(t: Test, module: DriverModule<ModbusConfig>, config: ModbusConfig): Promise<void> {
  const { driver, value } = await read(t, module, config, PYMODBUS);
  t.equal(value('i16'), -1234);
  t.equal(value('f32'), 3.25);
  t.equal(value('u64'), 2n ** 63n + 5n);
  t.equal(value('text'), 'PUMP-7');
  t.equal(value('input'), 1007);
  t.equal(value('coil'), true);
  t.equal(value('other'), 7);
  t.match(await driver.identify('unit'), { vendor: 'pymodbus', product: 'PM' });
  const writes = [
    { tag: make('w1', 'HR:50'), value: 4711 },
    { tag: make('w2', 'HR:51', { type: 'float64', byteOrder: 'DCBA' }), value: -1.5 },
    { tag: make('w3', 'CO:9', { type: 'bool' }), value: false },
    { tag: make('w4', 'HR:60', { bit: 5 }), value: true },
    { tag: make('w5', 'HR:61', { type: 'string', length: 6 }), value: 'Größe' },
  ];
  // "Größe" has seven bytes.
  const statuses = await driver.writeNow?.('unit', writes, { deadline: livedClock.monotonic() + 10_000 });
  t.strictSame(statuses, [Status.Good, Status.Good, Status.Good, Status.Good, Status.Bad_OutOfRange]);
  const back = await driver.readNow('unit', [...writes.slice(0, 4).map((one) => one.tag), make('whole', 'HR:60')]);
  t.ok(back.every(({ status }) => isGood(status)));
  t.strictSame(
    back.map((reading) => reading.value),
    [4711, -1.5, false, true, 32],
  );
}

for (const framing of ['rtu', 'ascii'] as const) {
  t.test(`pymodbus in ${framing} on a serial port is read, identified and written`, async (t) => {
    const line = await NullModem.open();
    const server = await startPython('pymodbus_server.py', [framing, line.far.path]);
    t.teardown(async () => {
      await server.stop();
      await line.close();
    });
    const module = framing === 'rtu' ? modules.modbusRtu : modules.modbusAscii;
    const config = { ...serial(line.near.path), driver: framing === 'rtu' ? 'modbus-rtu' : 'modbus-ascii' } as const;
    await checkPymodbus(t, module, framing === 'rtu' ? config : { ...config, driver: 'modbus-ascii', data_bits: 8 });
  });

  t.test(`pymodbus in ${framing} over TCP is read, identified and written`, async (t) => {
    const server = await startPython('pymodbus_server.py', [framing]);
    t.teardown(() => server.stop());
    const module = framing === 'rtu' ? modules.modbusRtuTcp : modules.modbusAsciiTcp;
    await checkPymodbus(t, module, {
      ...socket(server.port),
      driver: framing === 'rtu' ? 'modbus-rtu-tcp' : 'modbus-ascii-tcp',
    });
  });
}

t.test('libmodbus in RTU on a serial port is read and written', async (t) => {
  const line = await NullModem.open();
  const server = await startLibmodbus(['rtu', line.far.path]);
  t.teardown(async () => {
    await server.stop();
    await line.close();
  });
  const tags = [make('h7', 'HR:7'), make('i9', 'IR:9', { access: 'r' }), make('c3', 'CO:3', { type: 'bool' })];
  const config: ModbusConfig = { ...serial(line.near.path), driver: 'modbus-rtu' };
  const { driver, value } = await read(t, modules.modbusRtu, config, tags);
  t.strictSame([value('h7'), value('i9'), value('c3')], [1007, 2009, true]);
  const writes = [
    { tag: make('w', 'HR:7', { bit: 15 }), value: true },
    { tag: make('w', 'HR:20', { type: 'uint32' }), value: 0x12345678 },
    { tag: make('w', 'HR:5000'), value: 1 },
  ];
  t.strictSame(await driver.writeNow?.('unit', writes, { deadline: livedClock.monotonic() + 10_000 }), [
    Status.Good,
    Status.Good,
    Status.Bad_NodeIdUnknown,
  ]);
  const back = await driver.readNow('unit', [make('h7', 'HR:7'), make('long', 'HR:20', { type: 'uint32' })]);
  t.strictSame(
    back.map((reading) => reading.value),
    [1007 + 0x8000, 0x12345678],
  );
});
