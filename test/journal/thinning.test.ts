import { cpSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t, { type Test } from 'tap';
import { Check } from 'typebox/value';
import { verifyJournal } from '../../src/journal/inspect.ts';
import type { Store } from '../../src/journal/store.ts';
import { THINNED_TYPE, type ThinnedData, Thinning, thinnedSchema } from '../../src/journal/thinned-event.ts';
import type { EventDraft, HeadgateEvent } from '../../src/model/event.ts';
import { decodeEvent, encodeCbor, encodeEvent } from '../../src/model/event-codec.ts';
import { Status } from '../../src/model/quality.ts';
import { TelemetryReport } from '../../src/model/telemetry.ts';
import type { Journal, StoredEvent } from '../../src/ports/journal.ts';
import { int16List, report } from '../support/events.ts';
import { until } from '../support/until.ts';
import { open, openEngine, scratch } from './support.ts';

const START = 1_700_000_040_000;
const WINDOW_MS = 60_000;
const CONFIG = { quota_mb: 1, segment_mb: 0.0625, thinning: { window_ms: WINDOW_MS } };
const list = int16List('press', 200);

/** One report a second, whose values follow from its number. */
const second = (n: number): EventDraft<TelemetryReport> =>
  report(
    list,
    list.names.map((_, i) => ((n * 7919 + i * 104_729) % 60_000) - 30_000),
    START + n * 1000,
  );

async function readAll(journal: Journal): Promise<{ stored: StoredEvent[]; events: HeadgateEvent[] }> {
  const stored: StoredEvent[] = [];
  const until = journal.lastSequence;
  for (let after = 0; after < until; ) {
    const page = await journal.read({ after, until, maxEvents: 1000, maxBytes: 1_000_000 });
    stored.push(...page.events);
    after = page.through;
  }
  return { stored, events: stored.map((one) => decodeEvent(one, journal.journalId)) };
}

const thinnedOf = (events: readonly HeadgateEvent[]) =>
  events.filter(({ type }) => type === THINNED_TYPE).map(({ data }) => data as ThinnedData);

t.test('a window is minimum, maximum, mean and last of what was not Bad', async (t) => {
  const thinning = new Thinning(17, WINDOW_MS);
  const times = [0, 20_000, 59_000, 60_000];
  const small = int16List('d', 2);
  times.forEach((time, i) => {
    const statuses = Uint32Array.of(Status.Good, i === 1 ? Status.Bad_Timeout : Status.Good);
    const values = new Float64Array([i, i === 1 ? Number.NaN : 10 * i]);
    const data = new TelemetryReport(small, { indexes: null, values, statuses, timeBase: START + time, timeDeltas: 0 });
    const draft = { ...report(small, [0, 0], START + time), data };
    thinning.add({ ...draft, id: `j-${i}`, sequence: i + 1, recordedtime: 0 });
  });
  thinning.end();
  const [first, next] = thinning.drafts;
  t.match(first, {
    type: THINNED_TYPE,
    subject: small.asset,
    partitionkey: `${small.asset}/${small.group}/thinned`,
    lane: 'bulk',
    time: START,
    data: {
      segment: 17,
      from: START,
      reports: 3,
      min: [0, 0],
      max: [2, 20],
      mean: [1, 10],
      last: [2, 20],
      samples: [3, 3],
      bad: [0, 1],
    },
  });
  t.match(next?.data, { reports: 1, min: [3, 30], last: [3, 30] });
  for (const { data } of thinning.drafts) t.ok(Check(thinnedSchema, data), 'as its contract says');
});

t.test('raw telemetry that has to go is thinned first, told as a gap, and the ledger holds', async (t) => {
  const directory = scratch(t);
  const journal = await open(t, directory, CONFIG);
  await journal.openCursor('sink', 'beginning');
  const heard: HeadgateEvent[] = [];
  journal.onCommit((events) => heard.push(...events.map(({ event }) => event)));
  let n = 0;
  const tooMany = () => n > 20_000;
  await until(
    async () => {
      for (let i = 0; i < 4; i++) await journal.append(Array.from({ length: 20 }, () => second(n++)));
      const { gaps } = await journal.status();
      return gaps.filter(({ reason }) => reason === 'thinned').length >= 2 || tooMany();
    },
    { what: 'two thinned segments gone', timeoutMs: 25_000, everyMs: 50 },
  );
  t.notOk(tooMany());
  const { gaps } = await journal.status();
  const { stored, events } = await readAll(journal);
  t.ok(
    heard.every(({ sequence }, i) => sequence === i + 1),
    'everybody heard of every event, the thinned among them, in order',
  );
  const thinned = thinnedOf(heard);
  t.equal(new Set(thinned.map(({ segment, from }) => `${segment} ${from}`)).size, thinned.length, 'none twice');
  for (const { reason, first } of gaps) {
    if (reason === 'thinned')
      t.ok(
        thinned.some(({ segment }) => segment === first),
        `gap ${first} is covered`,
      );
  }
  const raw = stored.filter((one) => one.list !== null).length;
  const lost = gaps.filter(({ lane }) => lane === 'bulk').reduce((sum, { count }) => sum + count, 0);
  const lostThinned = thinned.length - thinnedOf(events).length;
  t.equal(raw + lost - lostThinned, n, 'each report lies there or in a gap');
  const [whole] = thinned.filter(({ reports }) => reports === WINDOW_MS / 1000);
  t.ok(whole !== undefined, 'there is a window that no segment cuts');
  const first = ((whole?.from ?? 0) - START) / 1000;
  const values = Array.from({ length: WINDOW_MS / 1000 }, (_, i) => Number(second(first + i).data.value(3)));
  t.equal(whole?.min[3], Math.min(...values));
  t.equal(whole?.max[3], Math.max(...values));
  t.equal(whole?.last[3], values.at(-1));
  await journal.close();
  const verified = await verifyJournal(directory);
  t.strictSame(verified.problems, []);
  t.ok(verified.holds);
});

/** An engine with as much as its quota holds, and what thinning its oldest segment gives. */
function pressed(t: Test) {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG, START);
  store.openCursor('sink', 'beginning', START);
  press(store);
  return { directory, store };
}

/** Append until the quota is nearly full. */
function press(store: Store): void {
  const encoded = { id: list.id, body: encodeCbor({ ...list }) };
  const stream = { type: 'headgate.telemetry.v1', subject: list.asset, partitionKey: `${list.asset}/${list.group}` };
  let n = 0;
  while (store.thinning.next(START) === null) {
    const records = Array.from({ length: 20 }, () => {
      const draft = second(n++);
      return { lane: 'bulk' as const, stream, list: encoded, time: draft.time, payload: encodeEvent(draft) };
    });
    store.commit([{ records, recorded: START }], START);
    if (n > 10_000) throw new Error('never under pressure');
  }
}

function thin(store: Store) {
  const thinner = store.thinning.next(START);
  if (thinner === null) throw new Error('nothing to thin');
  for (;;) {
    const drafts = store.thinning.step(thinner);
    if (drafts === null) continue;
    const records = drafts.map((draft) => ({
      lane: draft.lane,
      stream: { type: draft.type, subject: draft.subject, partitionKey: draft.partitionkey ?? '' },
      list: null,
      time: draft.time,
      payload: encodeEvent(draft),
    }));
    return { first: thinner.segment.first, group: { records, recorded: START } };
  }
}

const countThinned = (store: Store) =>
  store.select(
    { after: 0, until: Number.MAX_SAFE_INTEGER, maxEvents: 1000, maxBytes: 10_000_000 },
    { type: THINNED_TYPE },
  ).records.length;

t.test('a crash right after the commit of what was thinned does not thin again', async (t) => {
  const { directory, store } = pressed(t);
  const { first, group } = thin(store);
  const [outcome] = store.commitThinned(group, first, START);
  t.ok(outcome !== undefined && 'first' in outcome);
  const copy = join(scratch(t), 'crashed');
  cpSync(directory, copy, { recursive: true });
  store.close(START);
  const { store: again } = openEngine(copy, CONFIG, START);
  t.not(again.thinning.next(START)?.segment.first, first);
  again.close(START);
});

t.test('a crash between the intent and the commit thins again, once', async (t) => {
  const { directory, store } = pressed(t);
  const first = store.thinning.next(START)?.segment.first ?? 0;
  const { lastSequence } = store;
  store.close(START);
  const db = new Database(join(directory, 'cursors.db'));
  db.prepare('UPDATE segment SET thinned_after = ? WHERE first = ?').run(lastSequence, first);
  db.close();
  const { store: again } = openEngine(directory, CONFIG, START);
  press(again);
  t.equal(again.thinning.next(START)?.segment.first, first);
  const { group } = thin(again);
  again.commitThinned(group, first, START);
  t.not(again.thinning.next(START)?.segment.first, first);
  t.ok(countThinned(again) <= group.records.length);
  again.close(START);
});

t.test('a segment that went while it was thinned costs nothing more', async (t) => {
  const { store } = pressed(t);
  const thinner = store.thinning.next(START);
  if (thinner === null) throw new Error('nothing to thin');
  store.reportDamage(thinner.segment, 'for the test');
  t.strictSame(store.thinning.step(thinner), []);
  store.close(START);
});
