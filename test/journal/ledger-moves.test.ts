import { cpSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import t from 'tap';
import { Consumer } from '../../src/journal/consumer.ts';
import type { LedgerContent } from '../../src/journal/ledger.ts';
import { applyMoves, encodeMoves } from '../../src/journal/ledger-moves.ts';
import type { SegmentInfo } from '../../src/journal/segment-info.ts';
import { DamageError } from '../../src/journal/sqlite-failure.ts';
import { LANES } from '../../src/model/tag.ts';
import type { Cursor } from '../../src/ports/journal.ts';
import { openEngine, record, scratch } from './support.ts';

const NOW = 1_700_000_000_000;

const emptyContent = (): LedgerContent => ({
  head: { journalId: 'j', lastSequence: 0, reserved: 0, isClean: false, bootId: '', cursorsLost: false },
  lanes: {
    critical: { accepted: 0, removed: 0 },
    normal: { accepted: 0, removed: 0 },
    bulk: { accepted: 0, removed: 0 },
  },
  segments: [],
  consumers: new Map(),
});

/** What a consumer is, as plain values. */
const plain = ({ name, start, cursors, counts }: Consumer) => ({ name, start, cursors, counts });

t.test('what is written as moves is read as it was', async (t) => {
  const asMade = { noNullPrototype: true } as const;
  const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
  const lanesOf = <T>(each: fc.Arbitrary<T>) => fc.record({ critical: each, normal: each, bulk: each }, asMade);
  const totals = lanesOf(fc.record({ accepted: number, removed: number }, asMade));
  const times = fc.option(
    fc.record({ low: fc.double({ noNaN: true, noDefaultInfinity: true }).map((ms) => ms + 0), high: number }, asMade),
  );
  const segments = fc.uniqueArray(
    fc.record(
      {
        lane: fc.constantFrom(...LANES),
        first: number,
        last: number,
        count: number,
        bytes: number,
        openedAt: number,
        endedAt: number,
        state: fc.constant('active' as const),
        times,
        thinnedAfter: fc.constant(null),
        sha256: fc.constant(null),
      },
      asMade,
    ),
    { selector: ({ first }) => first, maxLength: 3 },
  );
  const cursor = fc
    .tuple(fc.integer({ min: 0, max: 1e9 }), fc.array(fc.tuple(fc.integer({ min: 2, max: 99 }), fc.nat(99))))
    .map(([settled, steps]): Cursor => {
      let before = settled;
      const above = steps.map(([skip, more]) => {
        const first = before + skip;
        before = first + more;
        return { first, last: before };
      });
      return { settled, above };
    });
  const counts = fc.record({ base: number, settled: number, gaps: number }, asMade);
  const consumers = fc.uniqueArray(
    fc
      .tuple(fc.string(), lanesOf(cursor), lanesOf(counts), number)
      .map(([name, at, sums, start]) => new Consumer(name, at, sums, start)),
    { selector: ({ name }) => name, maxLength: 4 },
  );
  fc.assert(
    fc.property(totals, segments, consumers, (lanes, someSegments, someConsumers) => {
      const content = emptyContent();
      const text = encodeMoves({ lanes, segments: someSegments, consumers: someConsumers });
      const moves = applyMoves(content, text);
      t.strictSame(content.lanes, lanes);
      t.strictSame(
        content.segments,
        [...someSegments].sort((a, b) => a.first - b.first),
      );
      t.strictSame([...content.consumers.values()].map(plain), someConsumers.map(plain));
      t.strictSame(new Set(moves.segments), new Set(content.segments), 'the very ones of the content');
      return t.passing();
    }),
    { numRuns: 50 },
  );
});

t.test('what moved takes the place of what the tables have', async (t) => {
  const content = emptyContent();
  const segment = (first: number, count: number): SegmentInfo => ({
    lane: 'bulk',
    first,
    last: first + count - 1,
    count,
    bytes: 0,
    openedAt: 0,
    endedAt: 0,
    state: 'active',
    times: null,
    thinnedAfter: null,
    sha256: null,
  });
  content.segments.push(segment(1, 10), segment(20, 5));
  const text = encodeMoves({ lanes: content.lanes, segments: [segment(20, 7), segment(15, 1)], consumers: [] });
  applyMoves(content, text);
  t.strictSame(
    content.segments.map(({ first, count }) => [first, count]),
    [
      [1, 10],
      [15, 1],
      [20, 7],
    ],
  );
});

for (const text of ['{', '[]', '[[[1,0]],[],[]]', '[[[1,0],[1,0],[1,0]],[[9,1,1,1,1,1,1,0]],[]]', '7'])
  t.test(`the text ${text} is damage`, async (t) => {
    t.throws(() => applyMoves(emptyContent(), text), DamageError);
  });

t.test('saves of nothing but moves are found again after a kill, and in the tables after a clean stop', async (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory);
  store.openCursor('sink', 'beginning', NOW);
  store.openCursor('other', 'beginning', NOW);
  for (let i = 1; i <= 20; i++) {
    store.commit([{ records: [record(i, i % 2 === 0 ? 'bulk' : 'normal')], recorded: NOW }], NOW + i * 1000);
    store.moveCursor('sink', { settled: i - 1, above: [] });
    store.moveCursor('other', { settled: 2, above: [{ first: 5, last: 6 }] });
    store.tick(NOW + i * 1000 + 950);
  }
  const killed = scratch(t);
  cpSync(directory, killed, { recursive: true });
  const before = store.status().ledger;
  store.close(NOW + 30_000);

  const again = openEngine(killed, {}, NOW + 30_000);
  t.strictSame(again.notices, [], 'nothing is missed');
  t.strictSame(again.store.status().ledger, before);
  t.match(before, [
    { consumer: 'sink', received: 20, settled: 19, waiting: 1 },
    { consumer: 'other', received: 20, settled: 4, waiting: 16 },
  ]);
  // What came of the moves before is not forgotten by the next save of moves.
  again.store.commit([{ records: [record(21, 'critical')], recorded: NOW }], NOW + 31_000);
  again.store.tick(NOW + 32_000);
  const twice = scratch(t);
  cpSync(killed, twice, { recursive: true });
  again.store.close(NOW + 33_000);
  const third = openEngine(twice, {}, NOW + 34_000);
  t.match(third.store.status().ledger, [
    { consumer: 'sink', received: 21, settled: 19, waiting: 2 },
    { consumer: 'other', received: 21, settled: 4, waiting: 17 },
  ]);
  third.store.close(NOW + 35_000);

  const db = new Database(join(directory, 'cursors.db'), { readonly: true });
  t.teardown(() => db.close());
  t.strictSame(db.prepare('SELECT moves FROM journal').all(), [{ moves: '' }]);
  t.strictSame(db.prepare('SELECT count(*) AS n FROM consumer').all(), [{ n: 2 }]);
  t.strictSame(db.prepare('SELECT sum(count) AS n FROM segment').all(), [{ n: 20 }]);
});

t.test('a consumer that was forgotten while only moves were saved does not come back', async (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory);
  store.openCursor('sink', 'beginning', NOW);
  store.commit([{ records: [record(1, 'bulk')], recorded: NOW }], NOW);
  store.tick(NOW + 1000);
  store.forgetCursor('sink');
  store.tick(NOW + 2000);
  const killed = scratch(t);
  cpSync(directory, killed, { recursive: true });
  store.close(NOW + 3000);
  const again = openEngine(killed, {}, NOW + 3000);
  t.strictSame(again.store.status().ledger, []);
  again.store.close(NOW + 4000);
});

t.test('cursors with many ranges go to the tables', async (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory);
  const above = Array.from({ length: 64 }, (_, i) => ({ first: 2 + 2 * i, last: 2 + 2 * i }));
  const names = Array.from({ length: 12 }, (_, i) => `sink-${i}`);
  for (const name of names) store.openCursor(name, 'beginning', NOW);
  store.commit([{ records: Array.from({ length: 200 }, (_, i) => record(i, 'bulk')), recorded: NOW }], NOW);
  for (const name of names) store.moveCursor(name, { settled: 0, above });
  store.tick(NOW + 1000);
  const killed = scratch(t);
  cpSync(directory, killed, { recursive: true });
  store.close(NOW + 2000);
  const again = openEngine(killed, {}, NOW + 3000);
  t.strictSame(
    again.store.status().ledger.map(({ settled }) => settled),
    names.map(() => 64),
  );
  again.store.close(NOW + 4000);
});
