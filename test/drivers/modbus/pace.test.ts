import t from 'tap';
import { busTiming } from '../../../src/drivers/modbus/bus-timing.ts';
import { LatencyMeter } from '../../../src/drivers/modbus/latency-meter.ts';
import { modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { type KnownPace, PlannedPace } from '../../../src/drivers/modbus/planned-pace.ts';
import type { UnitPace } from '../../../src/drivers/modbus/read-cost.ts';
import { Status } from '../../../src/model/quality.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedClock, livedMs } from '../../support/lived-time.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const answer = (registers: number) => ({ request: 5, reply: 2 + registers * 2 });

t.test('what comes before an answer is told from what each register takes', async (t) => {
  const meter = new LatencyMeter(busTiming('tcp', null, 0), 0);
  for (let i = 0; i < 15; i++) meter.take(12, answer(1));
  t.equal(meter.pace, null, 'too few answers');
  meter.take(12, answer(1));
  t.strictSame(meter.pace, { latencyMs: 12, registerMs: null }, 'all of one length');
  for (let i = 0; i < 64; i++) meter.take(i % 3 === 0 ? 700 : 10 + 0.5 * (1 + (i % 2) * 99), answer((i % 2) * 99));
  const pace = meter.pace as UnitPace;
  t.ok(Math.abs(pace.latencyMs - 10) < 0.6, `${pace.latencyMs} ms, whatever a third of the answers do`);
  t.ok(Math.abs((pace.registerMs ?? 0) - 0.5) < 0.01, `${pace.registerMs} ms a register`);
});

t.test('a plan reckons with another pace only when it is clearly another, once a minute at most', async (t) => {
  let measured: UnitPace | null = null;
  const guessed: KnownPace = { latencyMs: 2, registerMs: null, from: 'guessed' };
  const pace = new PlannedPace(guessed, () => measured);
  t.equal(pace.at(0), guessed);
  measured = { latencyMs: 2.1, registerMs: null };
  const first = pace.at(10);
  t.strictSame(first, { ...measured, from: 'measured' }, 'what is measured is better than a guess');
  measured = { latencyMs: 40, registerMs: null };
  t.equal(pace.at(60_009), first, 'not yet');
  const second = pace.at(60_010);
  t.equal(second.latencyMs, 40);
  for (const [minute, latencyMs] of [45, 33, 49, 40.5].entries()) {
    measured = { latencyMs, registerMs: null };
    t.equal(pace.at(120_010 + minute * 60_000), second, `${latencyMs} ms is about the same`);
  }
  measured = { latencyMs: 40, registerMs: 0.5 };
  t.equal(pace.at(600_000).registerMs, 0.5);
});

t.test('reads are planned anew as a unit is found faster or slower, and no value is ever wrong', async (t) => {
  const server = await TestModbusServer.start();
  for (let at = 0; at < 64; at++) {
    server.unit.areas.holding[at] = 1_000 + at;
    server.unit.areas.input[at] = 2_000 + at;
  }
  let delayMs = (registers: number) => 8 + registers;
  server.behave = ({ socket, honest, count }) => livedClock.after(delayMs(count), () => socket.write(honest));
  let aheadMs = 0;
  const clock = { ...livedClock, monotonic: () => livedClock.monotonic() + aheadMs };
  const witness = new DriverWitness();
  const addresses = ['HR:0', 'HR:3', 'HR:30', 'HR:60', 'IR:5'];
  const tags = addresses.map((address) =>
    tag(address.replace(':', '_'), { device: 'm', address, type: 'uint16', scanMs: 10 }),
  );
  const config = { name: 'm', driver: 'modbus-tcp' as const, host: '127.0.0.1', port: server.port };
  const groups = [{ device: 'm', periodMs: 10, tags }];
  const driver = await witness.create(modbusTcp, [{ name: 'm', config, groups }], clock);
  t.teardown(async () => {
    await driver.stop();
    await server.close();
  });
  const plans = () => witness.observer.emitted.filter(({ name }) => name === 'modbus-plan-changed');
  const requests = () => plans().map(({ fields }) => [fields['requests_before'], fields['requests']]);
  t.match(driver.stats()[0]?.wire, { predicted: null, basis: /2 ms \(guessed/ });
  await driver.start();
  await until(() => plans().length === 1, { what: 'a plan for registers that take a millisecond each' });
  t.strictSame(requests(), [[2, 4]], 'gaps of 26 and 29 registers are not read across any more, the gap of 2 is');
  t.match(driver.stats()[0]?.wire, { predicted: Number, basis: /\(measured\)/ });
  delayMs = () => 40;
  const mark = server.seen.length;
  await until(() => server.seen.length > mark + 70, { what: 'answers of the new kind' });
  t.equal(plans().length, 1, 'not within a minute');
  aheadMs = 70_000;
  await until(() => plans().length === 2, { what: 'a plan for requests that take 40 ms each' });
  t.strictSame(requests()[1]?.[1], 2);
  const seen = server.seen.length;
  await until(() => server.seen.length > seen + 4, { what: 'more scans' });
  const wrong = witness.history.filter(({ tag: name, reading }) => {
    const [area, offset] = name.split('_');
    return reading.status === Status.Good && reading.value !== (area === 'HR' ? 1_000 : 2_000) + Number(offset);
  });
  t.strictSame(wrong, []);
  t.ok(witness.history.length > 100);
});

t.test('how long a unit takes is measured of what waits for nothing else, also with several in flight', async (t) => {
  const server = await TestModbusServer.start();
  const workMs = 15;
  let freeAt = 0;
  let mostAtOnce = 0;
  let atOnce = 0;
  server.behave = ({ socket, honest, at }) => {
    freeAt = Math.max(freeAt, at) + workMs;
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    livedClock.after(freeAt - livedMs(), () => {
      atOnce--;
      socket.write(honest);
    });
  };
  const witness = new DriverWitness();
  const tags = Array.from({ length: 6 }, (_none, i) =>
    tag(`r${i}`, { device: 'm', address: `HR:${i * 500}`, type: 'uint16', scanMs: 20 }),
  );
  const config = { name: 'm', driver: 'modbus-tcp' as const, host: '127.0.0.1', port: server.port, max_in_flight: 6 };
  const driver = await witness.create(modbusTcp, [
    { name: 'm', config, groups: [{ device: 'm', periodMs: 20, tags }] },
  ]);
  t.teardown(async () => {
    await driver.stop();
    await server.close();
  });
  await driver.start();
  await until(() => /measured/.test(driver.stats()[0]?.wire?.basis ?? ''), { what: 'a measured pace' });
  t.equal(mostAtOnce, 6, 'the unit has six requests to work off');
  const latencyMs = driver.stats()[0]?.latencyMs ?? 0;
  t.ok(latencyMs >= workMs - 1 && latencyMs < 3 * workMs, `${latencyMs.toFixed(1)} ms, not what the queue takes`);
});
