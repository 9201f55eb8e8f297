import t, { type Test } from 'tap';
import { LossBudget } from '../../../src/drivers/modbus/loss-budget.ts';
import { modbusRtuTcp } from '../../../src/drivers/modbus/module.ts';
import { Status } from '../../../src/model/quality.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedClock, livedMs } from '../../support/lived-time.ts';
import { SerialUnitServer, TcpLine } from '../../support/serial-unit-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const TIMEOUT_MS = 250;
const FLAPPING = 9;

t.test('a budget has a burst, and a tenth of the time', async (t) => {
  const budget = new LossBudget(300);
  t.notOk(budget.isSpent(0));
  budget.take(299, 1_000);
  t.notOk(budget.isSpent(1_000), 'some may be lost at once');
  budget.take(2, 1_000);
  t.ok(budget.isSpent(1_000));
  t.ok(budget.isSpent(1_009));
  t.notOk(budget.isSpent(1_011), 'a millisecond is made good in ten');
  for (let second = 10; second < 100; second++) budget.take(90, second * 1_000);
  t.notOk(budget.isSpent(100_000), 'what costs less than a tenth may go on for ever');
  for (let second = 100; second < 200; second++) budget.take(120, second * 1_000);
  t.ok(budget.isSpent(200_000));
});

/** A serial line with a good unit, if any, and one of which `answers` says for each request, counted from 0, whether it is answered. */
async function rig(t: Test, names: readonly string[], answers: (request: number) => boolean) {
  const server = new SerialUnitServer('rtu');
  server.unitAt(FLAPPING);
  let requests = 0;
  const line = { answers };
  server.behave = ({ unit, honest, send }) => {
    if (unit !== FLAPPING || line.answers(requests++)) send(honest);
  };
  const wire = await TcpLine.open(server);
  const common = { host: '127.0.0.1', port: wire.port, driver: 'modbus-rtu-tcp', timeout_ms: TIMEOUT_MS } as const;
  const device = (name: string) => ({
    name,
    config: {
      ...{ ...common, name, unit: name === 'flapping' ? FLAPPING : 1 },
      ...{ late_reply_ms: 20, reconnect_min_ms: 50, reconnect_max_ms: 200 },
    },
    groups: [{ device: name, periodMs: 20, tags: [tag(name, { device: name, address: 'HR:0', scanMs: 20 })] }],
  });
  const witness = new DriverWitness();
  const time = { aheadMs: 0 };
  const clock = { ...livedClock, monotonic: () => livedClock.monotonic() + time.aheadMs };
  const driver = await witness.create(modbusRtuTcp, names.map(device), clock);
  t.teardown(async () => {
    await driver.stop();
    await wire.close();
  });
  await driver.start();
  const is = (name: string, status: number) => witness.readings.get(name)?.status === status;
  const state = (name: string) => witness.states.findLast((one) => one.device === name);
  const seen = (unit: number, from: number) => server.seen.filter((one) => one.unit === unit && one.at >= from);
  return { server, witness, driver, time, line, is, state, seen };
}

t.test('a unit that answers only now and then costs the others some time-outs, not one a scan', async (t) => {
  const { witness, driver, time, line, is, state, seen } = await rig(t, ['alive', 'flapping'], (n) => n % 3 === 2);
  await until(() => /only now and then/.test(state('flapping')?.reason ?? ''), { what: 'the unit to be left alone' });
  t.ok(is('flapping', Status.Bad_NoCommunication), 'and its value is Bad');
  const values = witness.history.filter(({ tag: name }) => name === 'flapping').length;
  const predicted = driver.stats()[0]?.wire?.predicted ?? 0;
  const from = livedMs();
  await until(() => seen(FLAPPING, from).length >= 12, { what: 'probes, of which it answers every third' });
  const asked = seen(1, from).map(({ at }) => at);
  const waits = asked.slice(1).map((at, i) => at - (asked[i] as number));
  const long = waits.filter((ms) => ms >= TIMEOUT_MS).length;
  t.ok(long <= 4, `${long} waits of a time-out in ${waits.length} scans: only the probes that have it`);
  t.equal(witness.history.filter(({ tag: name }) => name === 'flapping').length, values, 'no value comes and goes');
  t.match(state('flapping'), { state: 'disconnected' });
  t.match(state('alive'), { state: 'connected' });
  const answered = witness.observer.emitted.filter(({ name }) => name === 'modbus-unit-answers').length;
  line.answers = () => true;
  const steadyAt = livedMs();
  time.aheadMs += 20_000;
  await until(() => is('flapping', Status.Good), { what: 'the unit that has answered steadily' });
  const probes = seen(FLAPPING, steadyAt).length;
  t.ok(probes >= 3, `${probes} requests before it is believed and read`);
  t.equal(witness.observer.emitted.filter(({ name }) => name === 'modbus-unit-answers').length, answered + 1);
  await until(() => (driver.stats()[0]?.wire?.predicted ?? 0) > predicted, { what: 'the load of its scans' });
});

t.test('a frame that is lost now and then silences no unit', async (t) => {
  const { witness, is, seen } = await rig(t, ['alive', 'flapping'], (n) => n % 25 !== 24);
  const from = livedMs();
  await until(() => seen(FLAPPING, from).length > 60 && is('flapping', Status.Good), {
    what: 'scans with lost frames',
  });
  t.strictSame(
    witness.history.filter(({ reading }) => reading.status !== Status.Good),
    [],
  );
  t.equal(witness.observer.emitted.filter(({ name }) => name === 'modbus-unit-silent').length, 0);
});

t.test('a unit that is alone on its line costs nobody anything, so every answer counts', async (t) => {
  const { witness, state } = await rig(t, ['flapping'], (n) => n % 3 === 2);
  const comings = () => witness.observer.emitted.filter(({ name }) => name === 'modbus-unit-answers').length;
  await until(() => comings() >= 6, { what: 'the unit to come and go' });
  t.notMatch(state('flapping')?.reason ?? '', /only now and then/);
});
