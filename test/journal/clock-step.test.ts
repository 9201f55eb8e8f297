import t from 'tap';
import { ClockWatch } from '../../src/journal/clock-step.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { openEngine, record, scratch } from './support.ts';

const DAY_MS = 86_400_000;
const NOW = 1_700_000_000_000;

t.test('a step of the wall clock is told once, with before and after; slewing and a leap smear are none', (t) => {
  let [wall, monotonic] = [NOW, 5_000];
  const clock: Clock = {
    now: () => wall,
    monotonic: () => monotonic,
    after: () => ({ cancel: () => undefined }),
    soon: () => undefined,
  };
  const watch = new ClockWatch(clock);
  const pass = (ms: number, wallMs = ms) => {
    monotonic += ms;
    wall += wallMs;
    return watch.look();
  };
  t.equal(pass(1000), null);
  t.strictSame(pass(1000, 1000 - 365 * DAY_MS), {
    before: NOW + 2000,
    after: NOW + 2000 - 365 * DAY_MS,
    stepMs: -365 * DAY_MS,
  });
  t.equal(pass(1000), null);
  for (let second = 0; second < 100; second++) t.equal(pass(1000, 1020), null, 'smeared');
  t.equal(pass(1000, 1000 + 30 * DAY_MS)?.stepMs, 30 * DAY_MS);
  t.end();
});

for (const [title, before, stepMs] of [
  ['30 days ahead', NOW, 30 * DAY_MS],
  ['a year back', NOW, -365 * DAY_MS],
  ['from 1970 to now', 10_000, NOW - 10_000],
] as const) {
  t.test(`a clock that steps ${title} makes nothing old, in this run and after the next start`, (t) => {
    const directory = scratch(t);
    const config = { max_age_days: { bulk: 1 }, segment_mb: 0.0625 };
    const { store } = openEngine(directory, config, NOW - 3_600_000);
    store.openCursor('sink', 'beginning', NOW - 3_600_000);
    for (let n = 0; n < 40; n++) store.commit([{ records: [record(n, 'bulk', 4000)], recorded: NOW }], NOW - 3_600_000);
    store.close(NOW - 3_600_000);
    const second = openEngine(directory, config, before);
    for (let n = 40; n < 80; n++)
      second.store.commit([{ records: [record(n, 'bulk', 4000)], recorded: before }], before);
    second.store.clockStepped({ before, after: before + stepMs, stepMs });
    second.store.tick(before + stepMs + 1000);
    t.equal(second.store.status().ledger[0]?.waiting, 80);
    second.store.close(before + stepMs + 2000);
    const third = openEngine(directory, config, before + stepMs + 3000);
    third.store.tick(before + stepMs + 4000);
    t.match(third.store.status().ledger, [{ received: 80, waiting: 80, gaps: 0 }]);
    t.equal(third.store.status().lanes.bulk.events, 80);
    third.store.close(before + stepMs + 5000);
    t.end();
  });
}
