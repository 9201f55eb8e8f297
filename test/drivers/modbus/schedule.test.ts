import fc from 'fast-check';
import t from 'tap';
import { backoffMs, earliest, nextBeat } from '../../../src/drivers/modbus/schedule.ts';

t.test('beats stay on their grid', async (t) => {
  const table: [string, number, number, number, number, number][] = [
    ['in time', 0, 100, 30, 100, 0],
    ['just in time', 0, 100, 99.9, 100, 0],
    ['on the next beat: that one is left out', 0, 100, 100, 200, 1],
    ['late by half a beat', 0, 100, 150, 200, 1],
    ['after a stall of ten beats', 500, 100, 1_550, 1_600, 10],
    ['a timer that fired early', 500, 100, 499.5, 600, 0],
  ];
  for (const [what, due, periodMs, now, next, missed] of table) {
    t.strictSame(nextBeat(due, periodMs, now), { due: next, missed }, what);
  }
});

t.test('never bursts and never drifts, however long scans take', async (t) => {
  const durations = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(durations, fc.integer({ min: 10, max: 200 }), (scans, periodMs) => {
      let due = 0;
      let now = 0;
      let beats = 0;
      for (const duration of scans) {
        now = Math.max(now, due) + duration;
        const beat = nextBeat(due, periodMs, now);
        if (beat.due <= now || beat.due % periodMs !== 0) return false;
        beats += 1 + beat.missed;
        due = beat.due;
      }
      return due === beats * periodMs;
    }),
  );
  t.pass();
});

t.test('takes the earliest deadline, the first of equals', async (t) => {
  t.equal(earliest([]), -1);
  t.equal(earliest([{ deadline: 3 }, { deadline: 1 }, { deadline: 1 }]), 1);
  t.equal(earliest([{ deadline: 3 }, { deadline: Number.NEGATIVE_INFINITY }]), 1);
});

t.test('backs off doubling between its bounds, half of it by chance', async (t) => {
  t.strictSame(
    [1, 2, 3, 4, 5, 6, 7, 100].map((failures) => backoffMs(failures, 1_000, 30_000, () => 0)),
    [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000],
  );
  t.strictSame(
    [1, 2, 7].map((failures) => backoffMs(failures, 1_000, 30_000, () => 1)),
    [1_000, 2_000, 30_000],
  );
});
