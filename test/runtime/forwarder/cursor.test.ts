import t from 'tap';
import type { Cursor } from '../../../src/ports/journal.ts';
import { countUnsettled, MAX_RANGES_ABOVE, nextUnsettled, settle } from '../../../src/runtime/forwarder/cursor.ts';

const START: Cursor = { settled: 10, above: [] };

const SETTLED: readonly [string, { first: number; last: number }[], object][] = [
  ['what follows moves the cursor', [{ first: 11, last: 20 }], { settled: 20, above: [] }],
  ['what does not stays above', [{ first: 12, last: 20 }], { settled: 10, above: [{ first: 12, last: 20 }] }],
  [
    'the missing piece joins both',
    [
      { first: 21, last: 30 },
      { first: 11, last: 20 },
    ],
    { settled: 30, above: [] },
  ],
  ['what is settled changes nothing', [{ first: 1, last: 10 }], START],
  ['an overlap counts once', [{ first: 5, last: 12 }], { settled: 12, above: [] }],
];
for (const [what, ranges, expected] of SETTLED) {
  t.test(what, async (t) => {
    t.same(
      ranges.reduce<Cursor>((cursor, range) => settle(cursor, range), START),
      expected,
    );
  });
}

t.test('forgets the shortest range beyond 64', async (t) => {
  let cursor = settle(START, { first: 1000, last: 9999 });
  for (let i = 0; i < 70; i++) cursor = settle(cursor, { first: 20 + i * 3, last: 21 + i * 3 });
  t.equal(cursor.above.length, MAX_RANGES_ABOVE);
  t.same(cursor.above.at(-1), { first: 1000, last: 9999 });
  t.equal(cursor.settled, 10);
});

t.test('finds the next range to send between settled ones', async (t) => {
  const cursor = {
    settled: 10,
    above: [
      { first: 15, last: 20 },
      { first: 25, last: 30 },
    ],
  };
  t.same(nextUnsettled(cursor, 0, 100), { first: 11, last: 14 });
  t.same(nextUnsettled(cursor, 12, 13), { first: 13, last: 13 });
  t.same(nextUnsettled(cursor, 14, 100), { first: 21, last: 24 });
  t.same(nextUnsettled(cursor, 24, 100), { first: 31, last: 100 });
  t.equal(nextUnsettled(cursor, 24, 30), null);
  t.equal(nextUnsettled(cursor, 14, 20), null);
  t.equal(countUnsettled(cursor, 100), 78);
});
