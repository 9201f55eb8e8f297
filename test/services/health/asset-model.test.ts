import t from 'tap';
import { Status } from '../../../src/model/quality.ts';
import { type Assessment, AssetModel } from '../../../src/services/health/asset-model.ts';
import type { HealthAssetConfig, HealthSettings } from '../../../src/services/health/config.ts';

const SETTINGS: HealthSettings = { tickMs: 1000, learnTicks: 200, settleTicks: 2, staleMs: 5000, horizonMs: 3_600_000 };
const PUMP: HealthAssetConfig = {
  asset: 'acme/pump',
  machine: { group: 2, mount: 'rigid' },
  running: { tag: 'speed', above: 100 },
  signals: [
    { tag: 'vibration', role: 'vibration_velocity', range_low: 0, range_high: 50 },
    { tag: 'temperature', range_low: -40, range_high: 200 },
    { tag: 'current' },
  ],
};

/** A small linear congruential generator: the same noise in every run. */
function noise(seed = 7): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296 - 0.5;
  };
}

/** Drives a model with healthy noise; `over` changes single signals of a tick. */
function rig(config = PUMP, model = new AssetModel(config, SETTINGS)) {
  const random = noise();
  let now = 1_000_000;
  const tick = (over: Record<string, number | null> = {}, status: Record<string, number> = {}): Assessment => {
    const load = random();
    const values: Record<string, number | null> = {
      speed: 1480,
      vibration: 1 + 0.1 * random() + 0.05 * load,
      temperature: 60 + 2 * load + random(),
      current: 20 + 2 * load + 0.2 * random(),
      ...over,
    };
    for (const [tag, value] of Object.entries(values)) model.take(tag, now, value, status[tag] ?? Status.Good);
    const assessment = model.tick(now);
    now += SETTINGS.tickMs;
    return assessment;
  };
  const ticks = (count: number, over: (i: number) => Record<string, number | null> = () => ({})) => {
    let last = tick(over(0));
    for (let i = 1; i < count; i++) last = tick(over(i));
    return last;
  };
  return { model, tick, ticks };
}

t.test('learns first, says how far it is, and does not judge by what it has not learnt', async (t) => {
  const { ticks } = rig();
  const half = ticks(100);
  t.equal(half.state, 'learning');
  t.ok(half.learned > 0.4 && half.learned < 0.6, `learned ${half.learned}`);
  t.equal(half.score, 100);
});

t.test('a healthy asset stays above 90 for long after learning', async (t) => {
  const { tick, ticks } = rig();
  ticks(210);
  let least = 100;
  for (let i = 0; i < 2000; i++) least = Math.min(least, tick().score ?? 0);
  t.ok(least > 90, `least score ${least}`);
});

t.test('a drift of one signal lowers the score and is named first, with expected and actual', async (t) => {
  const { ticks } = rig();
  ticks(210);
  const worn = ticks(60, () => ({ temperature: 75 }));
  t.ok((worn.score ?? 100) < 70, `score ${worn.score}`);
  const [first] = worn.contributors;
  t.equal(first?.tag, 'temperature');
  t.ok(Math.abs((first?.expected ?? 0) - 60) < 1);
  t.equal(first?.actual, 75);
  t.ok((first?.share ?? 0) > 0.5);
});

t.test('two signals that no longer go together are seen though each is in its range', async (t) => {
  const { ticks } = rig();
  ticks(210);
  const odd = ticks(60, (i) => ({ temperature: i % 2 === 0 ? 61.2 : 61.1, current: 19 }));
  t.ok((odd.score ?? 100) < 90, `score ${odd.score}`);
});

t.test('a single odd tick moves nobody', async (t) => {
  const { tick, ticks } = rig();
  ticks(210);
  t.ok((tick({ temperature: 140 }).score ?? 0) >= 90);
});

const caps: { zone: string; vibration: number; cap: number }[] = [
  { zone: 'A', vibration: 1.4, cap: 100 },
  { zone: 'B', vibration: 2.8, cap: 90 },
  { zone: 'C', vibration: 4.5, cap: 60 },
  { zone: 'D', vibration: 4.6, cap: 30 },
];
for (const { zone, vibration, cap } of caps) {
  t.test(`ISO zone ${zone} caps the score at ${cap} while the baseline is still being learnt`, async (t) => {
    const { ticks } = rig();
    ticks(10);
    const assessment = ticks(80, () => ({ vibration }));
    t.equal(assessment.zone, zone);
    t.ok(Math.abs((assessment.score ?? -1) - cap) < 0.5, `score ${assessment.score}`);
  });
}

t.test('a bad sensor lowers confidence, never health', async (t) => {
  const { tick, ticks } = rig();
  ticks(210);
  let assessment = tick();
  for (let i = 0; i < 60; i++) assessment = tick({ temperature: null }, { temperature: Status.Bad_SensorFailure });
  t.same(assessment.sensorFaults, [{ tag: 'temperature', kind: 'bad_quality' }]);
  t.ok((assessment.score ?? 0) > 90, `score ${assessment.score}`);
  t.ok(assessment.confidence < 0.7, `confidence ${assessment.confidence}`);
  t.ok(assessment.contributors.every(({ tag }) => tag !== 'temperature'));
});

t.test('a value outside the sensor range is a sensor fault, not a finding', async (t) => {
  const { ticks } = rig();
  ticks(210);
  const assessment = ticks(30, () => ({ temperature: 850 }));
  t.same(assessment.sensorFaults, [{ tag: 'temperature', kind: 'out_of_range' }]);
  t.ok((assessment.score ?? 0) > 90);
});

t.test('standstill and run-up are not scored', async (t) => {
  const { tick, ticks } = rig();
  ticks(210);
  const stopped = ticks(20, () => ({ speed: 0, vibration: 0, current: 0 }));
  t.equal(stopped.state, 'idle');
  t.ok((stopped.score ?? 0) > 90, 'the score stays where it was');
  t.equal(tick({ current: 100 }).state, 'idle', 'first tick after the start');
  ticks(1, () => ({ current: 100 }));
  t.equal(tick().state, 'scoring');
});

t.test('each regime has its own baseline', async (t) => {
  const config = { ...PUMP, running: { tag: 'speed', above: 100, levels: [1000] } };
  const { ticks } = rig(config, new AssetModel(config, SETTINGS));
  ticks(250);
  const slow = ticks(20, () => ({ speed: 800, current: 8 }));
  t.equal(slow.regime, 'running-0');
  t.equal(slow.state, 'learning');
  t.ok((slow.score ?? 0) > 90, 'half the current is no finding at half the speed');
});

t.test('steady exponential wear gets a date that holds, once degraded', async (t) => {
  const { ticks } = rig();
  ticks(210);
  const random = noise(3);
  const wear = (i: number) => 1.05 * Math.exp(i * 0.004) * (1 + 0.02 * random());
  const atTick = 280;
  const assessment = ticks(atTick + 1, (i) => ({ vibration: wear(i) }));
  const { failure, reason } = assessment.prediction;
  t.equal(reason, null);
  const trueFailure = assessment.time + (Math.log(4.5 / 1.05) / 0.004 - atTick) * SETTINGS.tickMs;
  t.ok(
    failure !== null && failure.p10 <= trueFailure && trueFailure <= failure.p90,
    JSON.stringify({ failure, trueFailure }),
  );
  t.ok(failure !== null && failure.p10 < failure.p50 && failure.p50 < failure.p90);
});

t.test('no date without a trend, and the reason is said', async (t) => {
  const { ticks } = rig();
  ticks(210);
  const assessment = ticks(80, () => ({ temperature: 80 }));
  t.equal(assessment.prediction.failure, null);
  t.type(assessment.prediction.reason, 'string');
});

t.test('a restored model goes on as if nothing had happened', async (t) => {
  const first = rig();
  first.ticks(260);
  const restored = rig(PUMP, new AssetModel(PUMP, SETTINGS, JSON.parse(JSON.stringify(first.model.snapshot()))));
  const assessment = restored.ticks(40, () => ({ temperature: 75 }));
  t.equal(assessment.state, 'scoring');
  t.ok((assessment.score ?? 100) < 80);
});

t.test('a sensor that is broken from the start keeps nobody from learning, and is learnt once it works', async (t) => {
  const { tick, ticks } = rig();
  const broken = { current: null };
  const bad = { current: Status.Bad_NoCommunication };
  let last = tick(broken, bad);
  for (let i = 0; i < 205; i++) last = tick(broken, bad);
  t.match(last, { state: 'scoring', score: 100, sensorFaults: [{ tag: 'current', kind: 'bad_quality' }] });
  t.ok(last.confidence < 0.7, `confidence ${last.confidence}`);

  const back = ticks(50);
  t.match(back, { state: 'scoring', sensorFaults: [] });
  t.equal(back.score, 100, 'what was never learnt is not judged');
  t.ok(back.confidence < 0.7, 'and says so');

  const known = ticks(60);
  t.ok(known.confidence > 0.95, `confidence ${known.confidence}`);
  t.equal(known.score, 100);
  const degraded = ticks(30, () => ({ current: 40 }));
  t.ok((degraded.score ?? 100) < 70, `score ${degraded.score}`);
  t.equal(degraded.contributors[0]?.tag, 'current');
});

t.test('ticks with a sensor fault now and then are learnt from, too', async (t) => {
  const { tick } = rig();
  let last = tick();
  for (let i = 0; i < 205; i++)
    last = i % 3 === 0 ? tick({ temperature: null }, { temperature: Status.Bad_NoCommunication }) : tick();
  t.match(last, { state: 'scoring', score: 100 });
  for (let i = 0; i < 30; i++) last = tick({ temperature: 75 });
  t.equal(last.contributors[0]?.tag, 'temperature');
});

t.test('a baseline is not taken for one of other signals', async (t) => {
  const { model, ticks } = rig();
  ticks(220);
  const snapshot = model.snapshot();
  const signals = PUMP.signals.map((signal) => (signal.tag === 'current' ? { ...signal, tag: 'flow' } : signal));
  const other = new AssetModel({ ...PUMP, signals }, SETTINGS, snapshot);
  t.equal(rig(PUMP, new AssetModel(PUMP, SETTINGS, snapshot)).ticks(5).state, 'scoring');
  t.equal(rig({ ...PUMP, signals }, other).ticks(5).state, 'learning');
});
