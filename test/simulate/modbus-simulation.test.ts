import { connect } from 'node:net';
import ModbusRTU from 'modbus-serial';
import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import type { Fault } from '../../src/simulate/faults.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { makeFixture, makeTag } from './support.ts';

const METER = makeTag({ device: 'meter', name: 'voltage', address: '30001', type: 'float32' });
const COUNT = makeTag({ device: 'press', name: 'count', address: '40001', type: 'uint32', byteOrder: 'CDAB' });
const GUARD = makeTag({ device: 'press', name: 'guard', address: '40003', type: 'uint16', bit: 2 });
const ORDER = makeTag({ device: 'press', name: 'order', address: '40010', type: 'string', length: 8 });
const OTHER = makeTag({ device: 'press', name: 'other', address: '7!DI:0', type: 'bool' });

function makeLine() {
  return makeFixture(
    [
      { name: 'meter', protocol: 'modbus-tcp', port: 502, unit: 1 },
      { name: 'press', protocol: 'modbus-tcp', port: 502, unit: 2, identity: { vendor: 'Acme', product: 'MP' } },
    ],
    [
      [METER, [0, 230.5], [30_000, null, Status.Bad_SensorFailure]],
      [COUNT, [0, 65_538], [30_000, 65_539]],
      [GUARD, [0, true]],
      [ORDER, [0, 'PO-7']],
      [OTHER, [0, true]],
    ],
  );
}

async function startLine(t: Tap, speed = 1, faults: Fault[] = [], clock: Clock = systemClock) {
  const observer = recordingObserver();
  const simulation = await startSimulation({
    fixture: makeLine(),
    speed,
    loop: false,
    host: '127.0.0.1',
    faults,
    clock,
    observer,
  });
  t.teardown(() => simulation.close());
  const port = simulation.endpoints[0]?.port ?? 0;
  const client = async (unit: number, timeoutMs = 10_000) => {
    const modbus = new ModbusRTU.default();
    modbus.setTimeout(timeoutMs);
    await modbus.connectTCP('127.0.0.1', { port });
    modbus.setID(unit);
    t.teardown(() => modbus.close(() => undefined));
    return modbus;
  };
  return { simulation, port, client, observer };
}

type Tap = { teardown(act: () => unknown): void };

t.test('a client reads what was recorded, by unit, type and byte order', async (t) => {
  const { simulation, client } = await startLine(t);
  t.equal(simulation.endpoints.length, 2);
  t.equal(simulation.endpoints[0]?.port, simulation.endpoints[1]?.port, 'two units on one port');
  const meter = await client(1);
  t.equal((await meter.readInputRegisters(0, 2)).buffer.readFloatBE(0), 230.5);
  const press = await client(2);
  t.same((await press.readHoldingRegisters(0, 3)).data, [2, 1, 4]);
  t.equal((await press.readHoldingRegisters(9, 4)).buffer.toString('latin1'), 'PO-7\0\0\0\0');
  const other = await client(7);
  t.equal((await other.readDiscreteInputs(0, 1)).data[0], true, 'an address may name another unit');
  t.equal(await exceptionOf(press.readHoldingRegisters(3, 1)), 2, 'a register without a tag');
  t.equal(await exceptionOf(press.writeRegister(0, 1)), 1, 'nothing is written to the past');
  press.setID(99);
  t.equal(await exceptionOf(press.readHoldingRegisters(0, 1)), 11, 'a unit that is not there');
});

t.test('time goes on: later values, Bad ones as exceptions, and the end', async (t) => {
  const { simulation, client } = await startLine(t, 300);
  const meter = await client(1);
  const press = await client(2);
  await simulation.done;
  t.equal(simulation.positionMs, 60_000);
  t.same((await press.readHoldingRegisters(0, 2)).data, [3, 1]);
  t.equal(await exceptionOf(meter.readInputRegisters(0, 2)), 4, 'no value is not the value before');
});

t.test('a dead unit on a shared port is silent, and its neighbour answers', async (t) => {
  const { simulation, client } = await startLine(t);
  const meter = await client(1, 50);
  const press = await client(2);
  const end = simulation.inject({ device: 'meter', kind: 'unit_dead' });
  await t.rejects(meter.readInputRegisters(0, 2), /Timed out/);
  t.same((await press.readHoldingRegisters(0, 1)).data, [2]);
  await end();
  t.equal((await (await client(1)).readInputRegisters(0, 2)).buffer.readFloatBE(0), 230.5);
});

t.test('exceptions, bad quality and slow answers on request', async (t) => {
  const { simulation, client } = await startLine(t);
  const meter = await client(1);
  const endBusy = simulation.inject({ device: 'meter', kind: 'exception', exception: 6 });
  t.equal(await exceptionOf(meter.readInputRegisters(0, 2)), 6);
  await endBusy();
  const endBad = simulation.inject({ device: 'press', kind: 'bad_quality', tags: ['count'] });
  const press = await client(2);
  t.equal(await exceptionOf(press.readHoldingRegisters(0, 2)), 4);
  t.same((await press.readHoldingRegisters(2, 1)).data, [4], 'only the tag that was named');
  await endBad();
  t.same((await press.readHoldingRegisters(0, 2)).data, [2, 1]);
  const endSlow = simulation.inject({ device: 'meter', kind: 'slow', delay_ms: 120 });
  const before = performance.now();
  await meter.readInputRegisters(0, 2);
  t.ok(performance.now() - before >= 115, 'the answer is late');
  await endSlow();
});

t.test('a device that is gone refuses connections and comes back on its port', async (t) => {
  const { simulation, client, port } = await startLine(t);
  const meter = await client(1, 50);
  const end = simulation.inject({ device: 'press', kind: 'gone' });
  await t.rejects(client(1), { message: /ECONNREFUSED/ });
  await t.rejects(meter.readInputRegisters(0, 2), 'connections that were there are cut');
  await end();
  t.equal((await (await client(1)).readInputRegisters(0, 2)).buffer.readFloatBE(0), 230.5);
  t.equal(simulation.endpoints[0]?.port, port);
});

t.test('faults come and go by schedule', async (t) => {
  const clock = new FakeClock();
  const fault: Fault = { device: 'meter', kind: 'exception', exception: 8, from_ms: 30, duration_ms: 30 };
  const { client } = await startLine(t, 1, [fault], clock);
  const meter = await client(1);
  const answers: number[] = [];
  for (const byMs of [29, 1, 29, 1]) {
    await clock.advance(byMs);
    answers.push(await exceptionOf(meter.readInputRegisters(0, 2)));
  }
  t.same(answers, [0, 8, 8, 0], 'good, then failing, then good');
});

t.test('a frozen device accepts connections and answers nothing', async (t) => {
  const { simulation, client } = await startLine(t);
  const end = simulation.inject({ device: '*', kind: 'frozen' });
  const meter = await client(1, 50);
  await t.rejects(meter.readInputRegisters(0, 2), /Timed out/);
  await end();
  t.equal((await (await client(1)).readInputRegisters(0, 2)).buffer.readFloatBE(0), 230.5);
});

t.test('requests in pieces and in one packet are answered in order; garbage ends the connection', async (t) => {
  const { port, observer } = await startLine(t);
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  let received = '';
  let isClosed = false;
  socket.on('data', (chunk) => {
    received += chunk.toString('hex');
  });
  socket.on('close', () => {
    isClosed = true;
  });
  socket.setNoDelay(true);
  const two = Buffer.from('000100000006020300000001' + '000200000006020300020001', 'hex');
  socket.write(two.subarray(0, 9));
  await until(() => socket.bytesWritten === 9, { what: 'a piece is sent' });
  socket.write(two.subarray(9));
  await until(() => received.length >= 44, { what: 'two answers' });
  t.equal(received, '0001000000050203020002' + '0002000000050203020004');
  socket.write(Buffer.from('00030000ffff0203', 'hex'));
  await until(() => isClosed, { what: 'the connection ends' });
  t.match(observer.emitted, [{ name: 'simulate-started' }, { name: 'simulate-malformed-request' }]);
});

t.test('a fault that no device has is refused', async (t) => {
  const { simulation } = await startLine(t);
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ device: 'pump', kind: 'gone' }, /no device pump; there are meter, press/],
    [{ device: 'meter', kind: 'tired' }, /kind/],
    [{ device: 'meter', kind: 'slow', delay_ms: -1 }, /delay_ms/],
    [{ device: 'meter', kind: 'gone', later: 1 }, /later is no setting/],
  ];
  for (const [fault, problem] of refused) {
    t.throws(() => simulation.inject(fault as Fault), { code: 'SIMULATE_FAULT_INVALID', message: problem });
  }
});

t.test('a port that is taken is named', async (t) => {
  const { port } = await startLine(t);
  const second = startSimulation({
    fixture: makeLine(),
    speed: 1,
    loop: false,
    host: '127.0.0.1',
    ports: { meter: port },
    clock: systemClock,
    observer: recordingObserver(),
  });
  await t.rejects(second, { code: 'SIMULATE_PORT_TAKEN', context: { port } });
});

/** The exception that a request is answered with; 0 for none. */
function exceptionOf(request: Promise<unknown>): Promise<number> {
  return request.then(
    () => 0,
    (error: { modbusCode?: number }) => error.modbusCode ?? -1,
  );
}
