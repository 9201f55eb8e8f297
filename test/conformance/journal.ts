import type { Test } from 'tap';
import { type EventDraft, TELEMETRY_TYPE } from '../../src/model/event.ts';
import { decodeEvent, makeTagList } from '../../src/model/event-codec.ts';
import type { Lane } from '../../src/model/tag.ts';
import { TelemetryReport } from '../../src/model/telemetry.ts';
import type { CommittedEvent, EventSelection, Journal, StoredEvent } from '../../src/ports/journal.ts';

/** A journal that can be stopped and started again on what it stored. */
export interface JournalUnderTest {
  open(): Promise<Journal>;
}

/** A draft whose data tells it from all others. */
export function draft(n: number, lane: Lane = 'normal'): EventDraft {
  return {
    source: '/headgate/test/unit',
    type: 'test.counted.v1',
    subject: 'plant/line',
    time: 1_700_000_000_000 + n,
    data: { n },
    lane,
  };
}

/** A report of three tags. */
export function report(n: number, group = 'dev_1000ms'): EventDraft<TelemetryReport> {
  const list = makeTagList({
    source: '/headgate/test/dev',
    device: 'dev',
    asset: 'plant/line',
    group,
    lane: 'bulk',
    names: ['a', 'b', 'c'],
    units: ['', 'bar', ''],
    types: ['float64', 'float64', 'bool'],
  });
  const columns = {
    indexes: null,
    values: new Float64Array([n, n / 3, 1]),
    statuses: 0,
    timeBase: 1_700_000_000_000 + n,
    timeDeltas: 0 as const,
  };
  return {
    source: list.source,
    type: TELEMETRY_TYPE,
    subject: list.asset,
    partitionkey: `${list.asset}/${list.group}`,
    time: columns.timeBase,
    lane: 'bulk',
    data: new TelemetryReport(list, columns),
  };
}

/** All stored events of some lanes, by pages. */
export async function readAll(journal: Journal, lanes?: readonly Lane[], maxEvents = 7): Promise<StoredEvent[]> {
  const all: StoredEvent[] = [];
  for (let after = 0; after < journal.lastSequence; ) {
    const page = await journal.read({
      after,
      until: journal.lastSequence,
      maxEvents,
      maxBytes: 100_000,
      ...(lanes === undefined ? {} : { lanes }),
    });
    if (page.through <= after) throw new Error(`no progress after ${after}`);
    all.push(...page.events);
    after = page.through;
  }
  return all;
}

const EVERYTHING = { after: 0, until: Number.MAX_SAFE_INTEGER, maxEvents: 1000, maxBytes: 1_000_000 };

/** What every implementation of the journal port does. */
export function journalConformance(t: Test, make: (t: Test) => JournalUnderTest): void {
  t.test('journal conformance', async (t) => {
    const withJournal = async (
      name: string,
      run: (t: Test, journal: Journal, subject: JournalUnderTest) => Promise<void>,
    ) => {
      await t.test(name, async (t) => {
        const subject = make(t);
        const journal = await subject.open();
        t.teardown(() => journal.close());
        await run(t, journal, subject);
      });
    };
    await withJournal('accepts events in the order given, from sequence 1, under lasting ids', async (t, journal) => {
      t.match(journal.journalId, /^[a-z0-9]{10,12}$/);
      t.equal(journal.lastSequence, 0);
      const accepted = await journal.append([draft(1, 'bulk'), draft(2, 'critical'), draft(3, 'bulk')]);
      t.strictSame(
        accepted.map(({ sequence, id, data }) => ({ sequence, id, data })),
        [1, 2, 3].map((n) => ({ sequence: n, id: `${journal.journalId}-${n}`, data: { n } })),
      );
      t.equal(journal.lastSequence, 3);
    });

    await withJournal('answers overlapping appends each with its own events', async (t, journal) => {
      const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => journal.append([draft(n), draft(n + 100)])));
      t.strictSame(
        answers.map((events) => events.map(({ data }) => data)),
        [1, 2, 3, 4, 5].map((n) => [{ n }, { n: n + 100 }]),
      );
    });

    await withJournal(
      'selects by type, asset, tag and source time, and says how far it searched',
      async (t, journal) => {
        await journal.append([
          draft(1),
          report(2),
          { ...draft(3), subject: 'plant/line-2' },
          { ...draft(4), type: 'test.other.v1' },
        ]);
        const found = async (where: EventSelection) => {
          const page = await journal.read({ ...EVERYTHING, where });
          return [page.events.map(({ sequence }) => sequence), page.through];
        };
        t.strictSame(await found({}), [[1, 2, 3, 4], 4]);
        t.strictSame(await found({ type: 'test.counted.v1' }), [[1, 3], 4]);
        t.strictSame(await found({ type: 'test.*' }), [[1, 3, 4], 4]);
        t.strictSame(await found({ asset: 'plant/line' }), [[1, 2, 4], 4], 'not what only begins so');
        t.strictSame(await found({ tag: 'b' }), [[2], 4]);
        t.strictSame(await found({ from: 1_700_000_000_002, to: 1_700_000_000_004 }), [[2, 3], 4]);
        t.strictSame(await found({ asset: 'elsewhere' }), [[], 4]);
      },
    );

    await withJournal('takes an empty append for nothing', async (t, journal) => {
      t.strictSame(await journal.append([]), []);
      t.equal(journal.lastSequence, 0);
    });

    await withJournal('tells listeners of each commit, in order, before the append resolves', async (t, journal) => {
      const heard: CommittedEvent[] = [];
      const stop = journal.onCommit((events) => heard.push(...events));
      let isResolved = false;
      const appended = journal.append([draft(1), report(2)]).then((events) => {
        isResolved = true;
        t.equal(heard.length, 2);
        return events;
      });
      t.notOk(isResolved);
      const events = await appended;
      t.strictSame(
        heard.map(({ event }) => event),
        events,
      );
      for (const stored of heard) t.strictSame(decodeEvent(stored, journal.journalId), stored.event);
      stop();
      await journal.append([draft(3)]);
      t.equal(heard.length, 2);
    });

    await withJournal('reads back what was committed, byte for byte', async (t, journal) => {
      const heard: CommittedEvent[] = [];
      journal.onCommit((events) => heard.push(...events));
      for (let n = 0; n < 10; n++) await journal.append([draft(n, 'bulk'), report(n), draft(n, 'critical')]);
      const stored = await readAll(journal);
      t.strictSame(
        stored.map(({ sequence, lane, recordedtime, bytes, list }) => ({
          sequence,
          lane,
          recordedtime,
          bytes: [...bytes],
          list,
        })),
        heard.map(({ sequence, lane, recordedtime, bytes, list }) => ({
          sequence,
          lane,
          recordedtime,
          bytes: [...bytes],
          list,
        })),
      );
    });

    await withJournal('pages by lanes, events and bytes, and says how far it got', async (t, journal) => {
      await journal.append([
        draft(1, 'bulk'),
        draft(2, 'critical'),
        draft(3, 'bulk'),
        draft(4, 'normal'),
        draft(5, 'bulk'),
      ]);
      const sequences = async (request: Partial<typeof EVERYTHING> & { lanes?: readonly Lane[] }) => {
        const page = await journal.read({ ...EVERYTHING, ...request });
        return [page.events.map(({ sequence }) => sequence), page.through];
      };
      t.strictSame(await sequences({}), [[1, 2, 3, 4, 5], 5], 'through is never beyond what is committed');
      t.strictSame(
        await sequences({ lanes: ['bulk'], until: 4 }),
        [[1, 3], 4],
        'through covers what is of other lanes',
      );
      t.strictSame(await sequences({ after: 1, maxEvents: 2 }), [[2, 3], 3]);
      t.strictSame(await sequences({ maxBytes: 1 }), [[1], 1], 'at least one event');
      t.strictSame(await sequences({ after: 5 }), [[], 5]);
      t.strictSame(await sequences({ lanes: ['critical'], after: 2 }), [[], 5]);
    });

    await withJournal('starts a cursor now or at the beginning, and keeps its place', async (t, journal, subject) => {
      await journal.append([draft(1), draft(2), draft(3)]);
      t.strictSame((await journal.openCursor('old', 'beginning')).normal, { settled: 0, above: [] });
      t.strictSame((await journal.openCursor('new', 'now')).normal, { settled: 3, above: [] });
      await journal.append([draft(4), draft(5), draft(6)]);
      journal.moveCursor('old', { settled: 2, above: [{ first: 5, last: 6 }] });
      t.strictSame((await journal.openCursor('old', 'now')).normal, { settled: 2, above: [{ first: 5, last: 6 }] });
      await journal.close();
      const again = await subject.open();
      t.teardown(() => again.close());
      t.strictSame((await again.openCursor('old', 'now')).normal, { settled: 2, above: [{ first: 5, last: 6 }] });
      t.strictSame((await again.openCursor('new', 'beginning')).normal, { settled: 3, above: [] });
    });

    await withJournal('keeps a place in each lane', async (t, journal, subject) => {
      await journal.openCursor('sink', 'beginning');
      await journal.append([draft(1), draft(2, 'bulk'), draft(3, 'critical'), draft(4, 'bulk'), draft(5, 'critical')]);
      journal.moveCursor('sink', { settled: 5, above: [] }, ['critical']);
      journal.moveCursor('sink', { settled: 0, above: [{ first: 3, last: 4 }] }, ['bulk']);
      t.match((await journal.status()).ledger, [{ consumer: 'sink', received: 5, settled: 3, waiting: 2 }]);
      await journal.close();
      const again = await subject.open();
      t.teardown(() => again.close());
      t.strictSame(await again.openCursor('sink', 'now'), {
        critical: { settled: 5, above: [] },
        normal: { settled: 0, above: [] },
        bulk: { settled: 0, above: [{ first: 3, last: 4 }] },
      });
    });

    await withJournal('never moves a cursor back', async (t, journal) => {
      await journal.append([draft(1), draft(2), draft(3)]);
      await journal.openCursor('sink', 'beginning');
      journal.moveCursor('sink', { settled: 3, above: [] });
      journal.moveCursor('sink', { settled: 1, above: [] });
      await journal.status();
      journal.moveCursor('sink', { settled: 2, above: [] });
      t.equal((await journal.status()).ledger[0]?.settled, 3);
      t.strictSame((await journal.openCursor('sink', 'now')).normal, { settled: 3, above: [] });
    });

    await withJournal('keeps received = settled + waiting + gaps for each consumer', async (t, journal) => {
      await journal.openCursor('a', 'beginning');
      await journal.append([draft(1), draft(2, 'bulk'), draft(3, 'critical')]);
      await journal.openCursor('b', 'now');
      await journal.append([draft(4), draft(5)]);
      journal.moveCursor('a', { settled: 1, above: [{ first: 3, last: 4 }] });
      const { ledger } = await journal.status();
      t.strictSame(
        [...ledger].sort((a, b) => a.consumer.localeCompare(b.consumer)),
        [
          { consumer: 'a', received: 5, settled: 3, waiting: 2, gaps: 0 },
          { consumer: 'b', received: 2, settled: 0, waiting: 2, gaps: 0 },
        ],
      );
      await journal.forgetCursor('a');
      t.match((await journal.status()).gaps, [
        { lane: 'normal', count: 1 },
        { lane: 'bulk', count: 1 },
      ]);
      t.strictSame(
        (await journal.status()).ledger.map(({ consumer }) => consumer),
        ['b'],
      );
      await t.rejects(journal.forgetCursor('a'), { code: 'JOURNAL_CURSOR_UNKNOWN' });
    });

    await withJournal('goes on after a restart: same id, next sequence, all events', async (t, journal, subject) => {
      await journal.append([draft(1), report(2), draft(3, 'critical')]);
      await journal.close();
      const again = await subject.open();
      t.teardown(() => again.close());
      t.equal(again.journalId, journal.journalId);
      t.equal(again.lastSequence, 3);
      const [next] = await again.append([draft(4)]);
      t.equal(next?.sequence, 4);
      const stored = await readAll(again);
      t.strictSame(
        stored.map((event) => decodeEvent(event, again.journalId).time - 1_700_000_000_000),
        [1, 2, 3, 4],
      );
    });

    await withJournal('commits on close what is queued, and rejects what comes after', async (t, journal, subject) => {
      const queued = journal.append([draft(1)]);
      const closing = journal.close();
      t.equal((await queued)[0]?.sequence, 1);
      await closing;
      await t.rejects(journal.append([draft(2)]), { code: 'JOURNAL_CLOSED' });
      const again = await subject.open();
      t.teardown(() => again.close());
      t.equal(again.lastSequence, 1);
    });

    await withJournal('rejects an event that is too large, alone', async (t, journal) => {
      const huge = { ...draft(1), data: 'x'.repeat(1_100_000) };
      await t.rejects(journal.append([huge]), { code: 'JOURNAL_EVENT_TOO_LARGE' });
      t.equal((await journal.append([draft(2)]))[0]?.sequence, 1);
    });
  });
}
