import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { ReadOnlyWatch } from '../../src/journal/read-only-watch.ts';
import type { NewRecord } from '../../src/journal/record.ts';
import { SegmentFile } from '../../src/journal/segment-file.ts';
import { record, scratch } from './support.ts';

const NOW = 1_700_000_000_000;
const IDENTITY = { journalId: 'abcdefghij', lane: 'bulk', first: 1 } as const;

interface Stored {
  readonly sequence: number;
  readonly recorded: number;
  readonly record: NewRecord;
}

function create(t: Test, name = 'segment.db'): { file: SegmentFile; path: string } {
  const directory = scratch(t);
  const path = join(directory, name);
  const file = SegmentFile.create(path, IDENTITY, new ReadOnlyWatch(directory));
  t.teardown(() => file.close());
  return { file, path };
}

/** Commits of numbers that rise with holes, as other lanes leave them. */
function fill(file: SegmentFile, commits: readonly (readonly number[])[]): Stored[] {
  const stored: Stored[] = [];
  let sequence = 0;
  commits.forEach((steps, i) => {
    file.begin();
    for (const step of steps) {
      sequence += step;
      const made = { sequence, recorded: NOW + i, record: record(sequence, 'bulk', sequence % 50) };
      file.insert(made.sequence, made.recorded, made.record);
      stored.push(made);
    }
    file.commit();
  });
  return stored;
}

const within = (stored: readonly Stored[], first: number, last: number) =>
  stored.filter(({ sequence }) => sequence >= first && sequence <= last);

const asRead = (stored: readonly Stored[]) =>
  stored.map(({ sequence, recorded, record: { payload } }) => [
    sequence,
    recorded,
    Buffer.from(payload).toString('hex'),
  ]);

/** Every question about a range, asked of the file and of what went in. */
function compare(t: Test, file: SegmentFile, stored: readonly Stored[], first: number, last: number): void {
  const expected = within(stored, first, last);
  const hex = (payload: Uint8Array) => Buffer.from(payload).toString('hex');
  const read = [...file.read(first, last)].map(({ sequence, recorded, payload }) => [sequence, recorded, hex(payload)]);
  t.same(read, asRead(expected), `read ${first} to ${last}`);
  t.equal(file.count(first, last), expected.length, `count ${first} to ${last}`);
  const tally = new Map<string, number>();
  for (const { record: made } of expected) {
    tally.set(made.stream.partitionKey, (tally.get(made.stream.partitionKey) ?? 0) + 1);
  }
  t.same(
    new Map(file.tally(first, last).map(({ stream, count }) => [stream, count])),
    tally,
    `tally ${first} to ${last}`,
  );
  const where = { from: first + 3, to: last - 2 };
  const selected = file.select({ first, last }, where, { maxEvents: 10_000, maxBytes: 1e9 });
  const matching = expected.filter(({ record: { time } }) => time >= where.from && time < where.to);
  t.same(
    selected.map(({ sequence }) => sequence),
    matching.map(({ sequence }) => sequence),
    `select ${first} to ${last}`,
  );
}

t.test('ranges that begin and end anywhere in a frame are answered as if each event had a row', (t) => {
  const commit = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 9 })), { minLength: 1, maxLength: 30 });
  const commits = fc.array(commit, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(commits, fc.array(fc.tuple(fc.nat(200), fc.nat(200)), { maxLength: 8 }), (made, ranges) => {
      const { file } = create(t);
      const stored = fill(file, made);
      const last = stored.at(-1);
      t.same(file.bounds(), { first: stored[0]?.sequence, last: last?.sequence, recorded: last?.recorded });
      for (const [a, b] of [...ranges, [0, Number.MAX_SAFE_INTEGER]] as const) {
        compare(t, file, stored, Math.min(a, b), Math.max(a, b));
      }
      const from = ranges[0]?.[0] ?? 1;
      const later = within(stored, from, Number.MAX_SAFE_INTEGER);
      const times = file.times(from);
      if (later.length === 0) t.equal(times, null);
      else t.ok(times !== null && times.low <= (later[0]?.record.time ?? 0) && times.high === last?.record.time);
      file.close();
    }),
    { numRuns: 25 },
  );
  t.end();
});

t.test('events that are taken back are gone, and their neighbours in the frame stay', (t) => {
  const { file, path } = create(t);
  const stored = fill(file, [
    [1, 1, 1, 2, 1],
    [1, 3, 1, 1],
    [1, 1],
  ]);
  const [first, last] = [4, 8];
  file.begin();
  file.deleteRange(first, last);
  file.rollback();
  compare(t, file, stored, 0, 100);
  file.begin();
  file.deleteRange(first, last);
  file.commit();
  const rest = stored.filter(({ sequence }) => sequence < first || sequence > last);
  t.equal(rest.length, 8);
  compare(t, file, rest, 0, 100);
  compare(t, file, rest, 5, 11);
  fillMore(file, rest);
  compare(t, file, rest, 0, 100);
  file.seal();
  const sealed = SegmentFile.openSealed(path, IDENTITY);
  t.teardown(() => sealed.close());
  compare(t, sealed, rest, 0, 100);
  t.end();
});

function fillMore(file: SegmentFile, stored: Stored[]): void {
  file.begin();
  const made = { sequence: 40, recorded: NOW + 9, record: record(40, 'bulk') };
  file.insert(made.sequence, made.recorded, made.record);
  file.commit();
  stored.push(made);
}

t.test('a commit of more events than a frame holds has several', (t) => {
  const { file } = create(t);
  const stored = fill(file, [Array.from({ length: 2500 }, () => 1)]);
  compare(t, file, stored, 0, 5000);
  compare(t, file, stored, 1000, 1100);
  const page = file.select({ first: 900, last: 2400 }, {}, { maxEvents: 200, maxBytes: 1e9 });
  t.same(
    page.map(({ sequence }) => sequence),
    Array.from({ length: 201 }, (_, i) => 900 + i),
  );
  t.end();
});

t.test('a flipped byte of a payload is found by whoever reads its frame', (t) => {
  const { file, path } = create(t);
  const marked = { ...record(2, 'bulk'), payload: Uint8Array.from(Buffer.from('a payload to be found in the file')) };
  file.begin();
  file.insert(1, NOW, record(1, 'bulk'));
  file.insert(2, NOW, marked);
  file.commit();
  file.seal();
  const bytes = readFileSync(path);
  const at = bytes.indexOf('payload to be found');
  t.ok(at > 0 && at < statSync(path).size);
  bytes[at] = 0x50;
  writeFileSync(path, bytes);
  const sealed = SegmentFile.openSealed(path, IDENTITY);
  t.teardown(() => sealed.close());
  t.throws(() => [...sealed.read(1, 2)], { name: 'DamageError', message: /events 1 to 2/ });
  t.throws(() => sealed.select({ first: 1, last: 2 }, {}, { maxEvents: 9, maxBytes: 999 }), { name: 'DamageError' });
  t.end();
});
