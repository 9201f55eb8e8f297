import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { verifyJournal } from '../../src/journal/inspect.ts';
import type { JournalHandle } from '../../src/journal/journal-client.ts';
import { OfflineReader } from '../../src/journal/offline-reader.ts';
import { decodeEvent } from '../../src/model/event-codec.ts';
import type { EventSelection, StoredEvent } from '../../src/ports/journal.ts';
import { plainEvent } from '../support/events.ts';
import { until } from '../support/until.ts';
import { open, scratch } from './support.ts';

/*
 * What a daemon of before wrote, with a row for each event, as kill -9 left it: sealed segments and active ones with a WAL (fixtures/README.md).
 */

const FIXTURE = new URL('../../fixtures/journal/format-1/', import.meta.url).pathname;

interface Expected {
  readonly sequence: number;
  readonly lane: string;
  readonly recordedtime: number;
  readonly bytes: string;
  readonly list: string | null;
}

const expected: readonly Expected[] = JSON.parse(readFileSync(join(FIXTURE, 'events.json'), 'utf8')).map(
  ([sequence, lane, recordedtime, bytes, list]: [number, string, number, string, string | null]) => ({
    sequence,
    lane,
    recordedtime,
    bytes,
    list,
  }),
);

function oldJournal(t: Test): string {
  const directory = scratch(t);
  cpSync(FIXTURE, directory, { recursive: true });
  return directory;
}

async function readAll(
  journal: { read: JournalHandle['read'] | OfflineReader['read'] },
  until: number,
  where?: EventSelection,
): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (let after = 0; after < until; ) {
    const request = { after, until, maxEvents: 7, maxBytes: 10_000, ...(where === undefined ? {} : { where }) };
    const page = await journal.read(request);
    events.push(...page.events);
    after = page.through;
  }
  return events;
}

const told = (events: readonly StoredEvent[]): Expected[] =>
  events.map(({ sequence, lane, recordedtime, bytes, list }) => ({
    sequence,
    lane,
    recordedtime,
    bytes: Buffer.from(bytes).toString('base64'),
    list: list?.id ?? null,
  }));

/**
 * Open it, and wait until it is told that numbers go on above all that were reserved: which run of the machine that daemon was in nobody knows, so its
 * end without a word may have been a power cut that took events from the end.
 */
async function openOld(t: Test, directory: string): Promise<JournalHandle> {
  const journal = await open(t, directory);
  await until(async () => (await journal.status()).ledger[0]?.received === 123, {
    what: 'the unused numbers are told',
  });
  return journal;
}

t.test('events of an older format are read, searched, counted and kept beside new ones', async (t) => {
  const directory = oldJournal(t);
  const journal = await openOld(t, directory);
  t.same(told(await readAll(journal, 122)), expected);
  const [up] = (await journal.status()).ledger;
  t.match(up, { consumer: 'up', received: 123, settled: 33, waiting: 90, gaps: 0 });

  const asset = await readAll(journal, 122, { asset: 'plant/line/press-2', tag: 'speed', from: 1_700_000_010_000 });
  t.ok(asset.length > 10);
  t.ok(asset.every(({ list }) => list?.asset === 'plant/line/press-2'));
  const finished = await readAll(journal, 122, { type: 'press.*', to: 1_700_000_050_000 });
  t.ok(finished.length > 10 && finished.every(({ list }) => list === null));

  const telling = journal.lastSequence;
  const accepted = await journal.append(
    ['bulk', 'normal', 'critical'].map((lane, i) => plainEvent(i, { lane: lane as 'bulk' })),
  );
  const added = [telling + 1, telling + 2, telling + 3];
  t.same(
    accepted.map(({ sequence }) => sequence),
    added,
  );
  const all = await readAll(journal, telling + 3);
  t.same(told(all.slice(0, 122)), expected);
  t.same(
    all.slice(122).map(({ sequence }) => sequence),
    [telling, ...added],
  );
  const [gap] = all.slice(122).map((event) => decodeEvent(event, journal.journalId));
  t.match(gap, { type: 'headgate.gap.v1', data: { first: 123, last: telling - 1, count: 0, unused: telling - 123 } });
  // The active ones were closed and new ones begun.
  for (const lane of ['critical', 'normal', 'bulk'])
    t.ok(
      readdirSync(join(directory, lane)).some((name) => Number.parseInt(name, 10) >= telling),
      lane,
    );
  t.equal((await journal.verify()).problems.length, 0);
  const [after] = (await journal.status()).ledger;
  t.match(after, { consumer: 'up', received: 126, settled: 33, waiting: 93, gaps: 0 });
});

t.test('a journal of an older format that is only opened and closed stays as it is', async (t) => {
  const directory = oldJournal(t);
  const names = () =>
    ['critical', 'normal', 'bulk'].flatMap((lane) =>
      readdirSync(join(directory, lane)).filter((name) => name.endsWith('.db')),
    );
  const before = names();
  await (await openOld(t, directory)).close();
  // The telling has a segment of its own.
  const once = names();
  t.equal(once.length, before.length + 1);
  for (let i = 0; i < 2; i++) {
    const journal = await open(t, directory);
    t.same(told(await readAll(journal, 122)), expected);
    await journal.close();
  }
  t.same(names(), once);
  t.same(
    before.filter((name) => !once.includes(name)),
    [],
  );
});

t.test('an older format is read and verified while the daemon is down', async (t) => {
  const directory = oldJournal(t);
  const reader = new OfflineReader(directory);
  t.teardown(() => reader.close());
  t.same(told(await readAll(reader, 122)), expected);
  t.same(reader.problems, []);
  const report = await verifyJournal(directory);
  t.match(report, { events: 122, holds: true });
});
