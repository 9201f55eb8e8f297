import t from 'tap';
import type { Assessment } from '../../../src/services/health/asset-model.ts';
import { CaseKeeper } from '../../../src/services/health/maintenance-case.ts';

const HEALTHY: Assessment = {
  time: 1_000_000,
  regime: 'running',
  state: 'scoring',
  learned: 1,
  score: 98,
  confidence: 1,
  zone: 'A',
  contributors: [],
  sensorFaults: [],
  prediction: { failure: null, reason: 'not degraded' },
};

function stepping(keeper = new CaseKeeper('acme/pump-1')) {
  let time = HEALTHY.time;
  return (count: number, over: Partial<Assessment>) =>
    Array.from({ length: count }, () => {
      time += 1000;
      return keeper.step({ ...HEALTHY, ...over, time });
    }).filter((news) => news !== null);
}

t.test('a case opens once, after several degraded ticks in a row', async (t) => {
  const step = stepping();
  t.same(step(4, { score: 60 }), []);
  step(1, {});
  t.same(step(4, { score: 60 }), []);
  t.same(
    step(200, { score: 60 }).map(({ kind, state }) => [kind, state.urgency]),
    [['opened', 'planned']],
  );
});

t.test('news of an open case comes when it grows more urgent, under the same id', async (t) => {
  const step = stepping();
  const [opened] = step(10, { score: 65 });
  const worse = step(20, { score: 28, zone: 'D' });
  t.same(
    worse.map(({ kind, state }) => [kind, state.urgency, state.id]),
    [['updated', 'immediate', opened?.state.id]],
  );
  t.same(step(100, { score: 60 }), [], 'and never less urgent while it is open');
});

t.test('a new date is news, a slightly moved one is not', async (t) => {
  const step = stepping();
  step(10, { score: 60 });
  const date = (p50: number) => ({
    score: 60,
    prediction: { failure: { p10: p50 - 1, p50, p90: p50 + 1 }, reason: null },
  });
  t.equal(step(60, date(9_000_000)).length, 1);
  t.equal(step(60, date(9_100_000)).length, 0);
  t.equal(step(60, date(5_000_000)).length, 1);
});

t.test('a case closes after a long healthy time, and not before', async (t) => {
  const step = stepping();
  step(10, { score: 60 });
  t.same(step(59, { score: 95 }), []);
  t.same(
    step(1, { score: 95 }).map(({ kind }) => kind),
    ['closed'],
  );
});

t.test('standstill says nothing', async (t) => {
  const step = stepping();
  t.same(step(100, { state: 'idle', score: 10 }), []);
});
