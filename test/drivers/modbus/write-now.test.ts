import t, { type Test } from 'tap';
import type { ModbusConfig } from '../../../src/drivers/modbus/config.ts';
import { modbusRtuTcp, modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { Status } from '../../../src/model/quality.ts';
import type { TagDefinition, TagValue } from '../../../src/model/tag.ts';
import type { Driver, DriverModule } from '../../../src/ports/driver.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedClock } from '../../support/lived-time.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { SerialUnitServer, TcpLine } from '../../support/serial-unit-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const soon = () => ({ deadline: livedClock.monotonic() + 2_000 });
const make = (address: string, over: Partial<TagDefinition> = {}) =>
  tag('x', { address, type: 'uint16', access: 'rw', device: 'unit', ...over });

async function started(
  t: Test,
  module: DriverModule<ModbusConfig>,
  config: ModbusConfig,
  scanned: readonly TagDefinition[] = [],
): Promise<{ driver: Driver; witness: DriverWitness }> {
  const witness = new DriverWitness();
  const groups = scanned.length === 0 ? [] : [{ device: 'unit', periodMs: 20, tags: scanned }];
  const driver = await witness.create(module, [{ name: 'unit', config, groups }]);
  t.teardown(() => driver.stop());
  await driver.start();
  return { driver, witness };
}

async function tcp(t: Test, scanned: readonly TagDefinition[] = [], over: Partial<ModbusConfig> = {}) {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  const config = { name: 'unit', driver: 'modbus-tcp', host: '127.0.0.1', port: server.port, timeout_ms: 200, ...over };
  return { server, ...(await started(t, modbusTcp, config as ModbusConfig, scanned)) };
}

const write = async (driver: Driver, one: TagDefinition, value: TagValue, options = soon()) =>
  (await driver.writeNow?.('unit', [{ tag: one, value }], options))?.[0];

t.test('writes coils, registers, long values and texts by the function that fits', async (t) => {
  const { server, driver } = await tcp(t);
  const { coil, holding } = server.unit.areas;
  holding[9] = 0xff00;
  holding[10] = 0xff00;
  t.equal(await write(driver, make('CO:5', { type: 'bool' }), true), Status.Good);
  t.equal(await write(driver, make('HR:1', { type: 'int16' }), -2), Status.Good);
  t.equal(await write(driver, make('HR:2', { type: 'float32', byteOrder: 'CDAB' }), 1.5), Status.Good);
  t.equal(await write(driver, make('HR:4', { type: 'string', length: 6 }), 'pump'), Status.Good);
  t.equal(await write(driver, make('HR:9', { bit: 3 }), true), Status.Good);
  t.equal(await write(driver, make('HR:10', { type: 'uint8' }), 7), Status.Good);
  t.equal(coil[5], 1);
  t.strictSame([...holding.subarray(1, 11)], [0xfffe, 0, 0x3fc0, 0x7075, 0x6d70, 0, 0, 0, 0xff08, 0xff07]);
  t.strictSame(
    server.seen.map(({ code }) => code),
    [5, 6, 16, 16, 22, 22],
  );
});

t.test(
  'a function that the unit does not know is replaced by another of the same effect, or the refusal stands',
  async (t) => {
    const { server, driver } = await tcp(t);
    for (const code of [5, 6, 16, 22]) server.unit.unknown.add(code);
    t.equal(await write(driver, make('CO:5', { type: 'bool' }), true), Status.Good);
    t.equal(await write(driver, make('HR:2', { type: 'uint32' }), 0x10002), Status.Good);
    t.equal(await write(driver, make('HR:1'), 7), Status.Bad_NotSupported, 'one register, neither by 6 nor by 16');
    t.equal(
      await write(driver, make('HR:1', { bit: 2 }), true),
      Status.Bad_NotSupported,
      'never by reading and writing back',
    );
    t.equal(server.unit.areas.coil[5], 1);
    t.strictSame([...server.unit.areas.holding.subarray(1, 4)], [0, 1, 2]);
    t.strictSame(
      server.seen.map(({ code }) => code),
      [5, 15, 16, 23, 6, 16, 22],
    );
  },
);

t.test('gives the verdict on each, in the order asked', async (t) => {
  const { server, driver } = await tcp(t);
  server.unit.refuse('holding', 3);
  const writes = [
    { tag: make('HR:1'), value: 1 },
    { tag: make('HR:3'), value: 2 },
    { tag: make('HR:4'), value: 70_000 },
    { tag: make('HR:4'), value: 'x' },
    { tag: make('IR:4'), value: 1 },
    { tag: make('nowhere'), value: 1 },
    { tag: make('HR:5'), value: 3 },
  ];
  t.strictSame(await driver.writeNow?.('unit', writes, soon()), [
    Status.Good,
    Status.Bad_NodeIdUnknown,
    Status.Bad_OutOfRange,
    0x80740000,
    0x803b0000,
    Status.Bad_ConfigurationError,
    Status.Good,
  ]);
  t.strictSame([...server.unit.areas.holding.subarray(1, 6)], [1, 0, 0, 0, 3]);
});

t.test('what is not answered is sent once and not confirmed', async (t) => {
  const { server, driver } = await tcp(t);
  server.behave = () => {};
  t.equal(await write(driver, make('HR:1'), 9), Status.Bad_NoCommunication);
  server.behave = ({ socket, honest }) => socket.write(Buffer.concat([honest.subarray(0, -1), Buffer.from([0x55])]));
  t.equal(await write(driver, make('HR:1'), 10), Status.Bad_NoCommunication, 'another value than ours confirmed');
  t.equal(server.seen.filter(({ code }) => code === 6).length, 2);
});

for (const max_in_flight of [1, 4]) {
  t.test(
    `a write reaches a device that closes the connection behind each answer, ${max_in_flight} in flight`,
    async (t) => {
      const scanned = ['HR:1', 'HR:300', 'HR:600'].map((address, index) => make(address, { name: `s${index}` }));
      const { server, driver, witness } = await tcp(t, scanned, { max_in_flight });
      // A connection is of use for one request: what else was sent on it meets a closed door.
      const used = new WeakSet<object>();
      const done: number[] = [];
      server.behave = ({ socket, honest, code, frame }) => {
        if (used.has(socket)) return;
        used.add(socket);
        if (code === 6) done.push(frame.readUInt16BE(10));
        setTimeout(() => socket.write(honest, () => setTimeout(() => socket.end(), 2)), 1);
      };
      await until(() => witness.batches >= 3, { what: 'three scans' });
      const count = 20;
      const read = () => driver.readNow('unit', [make('HR:1')]);
      for (let value = 0; value < count; value++) {
        await read();
        t.equal(await write(driver, make('HR:1'), value), Status.Good, `write ${value}`);
      }
      t.strictSame(
        done,
        Array.from({ length: count }, (_none, value) => value),
        'each was carried out once',
      );
      t.equal(server.seen.filter(({ code }) => code === 6).length, count, 'none was sent twice');
      const before = witness.batches;
      await until(() => witness.batches >= before + 3, { what: 'scans go on' });
    },
  );
}

t.test('a write to a device that keeps its connections uses the one that is open', async (t) => {
  const { server, driver } = await tcp(t);
  for (let value = 0; value < 3; value++) t.equal(await write(driver, make('HR:1'), value), Status.Good);
  t.equal(server.connections, 1);
});

t.test('nothing is sent after the deadline', async (t) => {
  const { server, driver } = await tcp(t);
  t.equal(await write(driver, make('HR:1'), 9, { deadline: livedClock.monotonic() }), Status.Bad_Timeout);
  const held: (() => void)[] = [];
  server.behave = ({ socket, honest }) => held.push(() => socket.write(honest));
  const first = write(driver, make('HR:1'), 1);
  await until(() => held.length === 1, { what: 'the first write on the wire' });
  const late = await write(driver, make('HR:2'), 2, { deadline: livedClock.monotonic() + 30 });
  t.equal(late, Status.Bad_Timeout, 'told when the time is over, not when the wire is free');
  for (const answer of held) answer();
  t.equal(await first, Status.Good);
  server.behave = null;
  t.equal(await write(driver, make('HR:3'), 3), Status.Good);
  t.equal(server.unit.areas.holding[2], 0);
});

t.test('goes ahead of the reads that wait, and never between the requests of one', async (t) => {
  const long = make('HR:100', { name: 'long', type: 'string', length: 300 });
  const { server, driver, witness } = await tcp(t, [long]);
  await until(() => witness.readings.has('long'), { what: 'a scan' });
  server.behave = ({ socket, honest }) => setTimeout(() => socket.write(honest), 3);
  for (let i = 0; i < 20; i++) t.equal(await write(driver, make('HR:1'), i), Status.Good);
  const parts = server.seen
    .filter(({ code }) => code === 3 || code === 6)
    .map(({ code, offset }) => (code === 6 ? 'w' : offset));
  for (const [at, part] of parts.entries()) {
    if (part === 100 && at < parts.length - 1) t.equal(parts[at + 1], 225, 'the second part follows the first');
  }
});

t.test('on a serial line a write to unit 0 reaches all units, and nobody confirms it', async (t) => {
  const server = new SerialUnitServer('rtu');
  server.unitAt(2);
  const line = await TcpLine.open(server);
  t.teardown(() => line.close());
  const { driver } = await started(t, modbusRtuTcp, {
    ...{ name: 'unit', driver: 'modbus-rtu-tcp', host: '127.0.0.1', port: line.port },
    ...{ timeout_ms: 200, turnaround_ms: 40 },
  });
  const began = performance.now();
  t.equal(await write(driver, make('0!HR:1', { access: 'w' }), 77), Status.Uncertain);
  t.equal(await write(driver, make('2!HR:2'), 78), Status.Good);
  t.ok(performance.now() - began >= 40, 'the units had time to carry it out');
  t.equal(server.unitAt(1).areas.holding[1], 77);
  t.strictSame([...server.unitAt(2).areas.holding.subarray(1, 3)], [77, 78]);
});
