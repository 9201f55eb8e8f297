import t from 'tap';
import {
  costliestTags,
  describeSlowDowns,
  type PolledDevice,
  shortestPeriodMs,
  slowDowns,
} from '../../../src/config/wire-forecast.ts';
import { busTiming } from '../../../src/drivers/modbus/bus-timing.ts';
import { foreseeModbus } from '../../../src/drivers/modbus/foresight.ts';
import { LatencyMeter } from '../../../src/drivers/modbus/latency-meter.ts';
import { modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { UseMeter } from '../../../src/drivers/modbus/use-meter.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedClock } from '../../support/lived-time.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const meter = (
  over: Record<string, unknown>,
  tags: readonly [address: string, scanMs: number][],
  name = 'meter',
): PolledDevice => ({
  name,
  config: {
    name,
    driver: 'modbus-rtu',
    path: '/dev/ttyUSB0',
    baud_rate: 9_600,
    parity: 'none',
    latency_ms: 20,
    ...over,
  },
  tags: tags.map(([address, scanMs], index) => tag(`t${index}`, { device: name, address, type: 'uint16', scanMs })),
});

t.test('says what a scan takes the line, to the character', async (t) => {
  // 10 registers of 8N1: 8 + 25 characters of 10 bits, the unit's 20 ms, t3.5 behind.
  const forecast = foreseeModbus([
    meter(
      {},
      Array.from({ length: 10 }, (_, i) => [`HR:${i}`, 100]),
    ),
  ]);
  const character = 10 / 9.6;
  const [group] = forecast.groups;
  t.equal(group?.busMs.toFixed(6), (33 * character + 20 + 3.5 * character).toFixed(6));
  t.equal(group?.reads.length, 1);
  t.equal(group?.reads[0]?.place, 'unit 1 HR:0-9');
  t.equal(forecast.utilisation, (group?.busMs ?? 0) / 100);
  t.equal(forecast.requestsPerSecond, 10);
  t.ok(forecast.isKnown);
});

t.test('adds up the devices and groups that share a wire; writes alone cost nothing', async (t) => {
  const first = meter({}, [
    ['HR:0', 1_000],
    ['HR:0', 500],
  ]);
  const second = meter({ unit: 2 }, [['HR:0', 250]], 'second');
  const alone = [first, second].map((device) => foreseeModbus([device]).utilisation);
  const both = foreseeModbus([first, second]);
  t.equal(both.utilisation.toFixed(9), alone.reduce((a, b) => a + b, 0).toFixed(9));
  t.strictSame(
    both.groups.map(({ device, periodMs }) => `${device} ${periodMs}`),
    ['meter 500', 'meter 1000', 'second 250'],
  );
  const written = { ...first, tags: [tag('w', { device: 'meter', address: 'HR:9', access: 'w', scanMs: 10 })] };
  t.equal(foreseeModbus([written]).utilisation, 0);
});

t.test('says what to slow down when a wire is asked for too much, and what costs most', async (t) => {
  const slow = meter(
    {},
    [
      ['HR:0', 10_000],
      ['HR:1', 10_000],
    ],
    'slow',
  );
  const fast = meter({ unit: 2 }, [['HR:0', 30]], 'fast');
  const forecast = foreseeModbus([slow, fast]);
  t.ok(forecast.utilisation > 1);
  const changes = slowDowns(forecast);
  t.strictSame(
    changes.map(({ device, periodMs }) => `${device} ${periodMs}`),
    ['fast 30'],
  );
  t.match(describeSlowDowns(changes), /^raise scan_ms of fast from 30 to at least \d+$/);
  const mended = foreseeModbus([slow, meter({ unit: 2 }, [['HR:0', changes[0]?.toMs ?? 0]], 'fast')]);
  t.ok(mended.utilisation <= 0.9, `${mended.utilisation}`);
  t.strictSame(
    costliestTags(forecast, 1).map(({ device, tag }) => `${device} ${tag}`),
    ['fast t0'],
  );
  const [group] = forecast.groups;
  t.equal(group === undefined ? 0 : shortestPeriodMs(forecast, group), null, 'the other leaves it no time');
  t.strictSame(slowDowns(foreseeModbus([slow])), []);
});

t.test(
  'one group that takes many times what there is, beside others that take little, is alone to blame',
  async (t) => {
    const many = meter(
      {},
      Array.from({ length: 1_000 }, (_, i) => [`HR:${i * 7}`, 1_000]),
      'many',
    );
    const forecast = foreseeModbus([many, meter({ unit: 2 }, [['HR:0', 1_000]], 'innocent')]);
    t.ok(forecast.utilisation > 15);
    const changes = slowDowns(forecast);
    t.strictSame(
      changes.map(({ device }) => device),
      ['many'],
    );
    t.ok((changes[0]?.toMs ?? 0) >= (forecast.utilisation * 1_000) / 0.95);
  },
);

t.test('the latencies of many units are told as a range', async (t) => {
  const devices = Array.from({ length: 30 }, (_, i) =>
    meter({ unit: i + 1, latency_ms: i === 7 ? undefined : 5 + i }, [['HR:0', 5_000]], `m${i}`),
  );
  t.match(foreseeModbus(devices).basis, /, units answering after 5 to 34 ms \(configured\), 10 ms \(guessed: [^)]*\)$/);
});

t.test('where many are to blame all are slowed down alike', async (t) => {
  const devices = Array.from({ length: 30 }, (_, i) => meter({ unit: i + 1 }, [['HR:0', 500]], `m${i}`));
  const forecast = foreseeModbus(devices);
  const changes = slowDowns(forecast);
  t.equal(changes.length, 30);
  t.match(describeSlowDowns(changes), /and all others alike$/);
  const mended = foreseeModbus(
    devices.map((_, i) => meter({ unit: i + 1 }, [['HR:0', changes[i]?.toMs ?? 0]], `m${i}`)),
  );
  t.ok(mended.utilisation <= 0.9);
});

t.test('over TCP without a measured latency the times are no reason to warn', async (t) => {
  const over = { driver: 'modbus-tcp', host: '10.0.0.5', path: undefined, baud_rate: undefined, parity: undefined };
  const guess = foreseeModbus([meter({ ...over, latency_ms: undefined }, [['HR:0', 10]])]);
  t.notOk(guess.isKnown);
  const measured = foreseeModbus([meter({ ...over, latency_ms: 30 }, [['HR:0', 10]])]);
  t.ok(measured.isKnown);
  t.equal(measured.utilisation, 3);
  t.equal(foreseeModbus([meter({ ...over, latency_ms: 30, max_in_flight: 4 }, [['HR:0', 10]])]).utilisation, 0.75);
});

t.test('latency is the median, without the time of the frames', async (t) => {
  const line = { baudRate: 9_600, dataBits: 8, parity: 'none', stopBits: 1 } as const;
  const latency = new LatencyMeter(busTiming('rtu', line, 0), 4);
  t.equal(latency.medianMs, null);
  // 8 characters there, 9 back, 17.7 ms, and 4 ms of silence.
  for (const tookMs of [41.7083, 44, 504]) latency.take(tookMs, { request: 5, reply: 6 });
  t.equal(latency.medianMs?.toFixed(1), '22.3');
  for (let i = 0; i < 64; i++) latency.take(21.8, { request: 5, reply: 6 });
  t.ok((latency.medianMs ?? 9) < 1, 'what is long ago is forgotten');
});

t.test('use is of the last ten seconds', async (t) => {
  const use = new UseMeter(0);
  t.equal(use.share(500, 400), null);
  t.equal(use.share(2_000, 500), 0.25);
  let busyMs = 0;
  for (let now = 0; now <= 60_000; now += 100) {
    busyMs += now < 30_000 ? 0 : 50;
    use.take(now, busyMs);
  }
  t.equal(use.share(60_000, busyMs)?.toFixed(2), '0.50');
});

t.test('a driver tells what its wire is used and what was foreseen, and how fast its unit answers', async (t) => {
  const server = await TestModbusServer.start();
  server.behave = ({ socket, honest }) => livedClock.after(20, () => socket.write(honest));
  const witness = new DriverWitness();
  const tags = [tag('x', { device: 'm', address: 'HR:0', type: 'uint16', scanMs: 100 })];
  const config = { name: 'm', driver: 'modbus-tcp' as const, host: '127.0.0.1', port: server.port, latency_ms: 20 };
  const driver = await witness.create(modbusTcp, [
    { name: 'm', config, groups: [{ device: 'm', periodMs: 100, tags }] },
  ]);
  t.teardown(async () => {
    await driver.stop();
    await server.close();
  });
  await driver.start();
  const used = () => driver.stats()[0]?.wire?.utilisation ?? null;
  await until(() => (used() ?? 0) > 0.15, { what: 'the wire is used' });
  const [stats] = driver.stats();
  t.match(stats?.wire, { wire: `tcp://127.0.0.1:${server.port}`, predicted: 0.2 });
  t.ok((used() ?? 1) < 0.7, `${used()}`);
  t.ok((stats?.latencyMs ?? 0) >= 19, `${stats?.latencyMs}`);
});
