import type { StoredGap } from '../../src/journal/ledger.ts';
import { segmentPath } from '../../src/journal/segment-info.ts';
import type { Store } from '../../src/journal/store.ts';
import type { StoreNotice } from '../../src/journal/store-notice.ts';
import { GAP_TYPE } from '../../src/model/event.ts';
import { SequenceRanges } from '../../src/model/sequence-ranges.ts';
import { LANES, type Lane } from '../../src/model/tag.ts';
import type { CommittedEvent, Cursor, StoredEvent } from '../../src/ports/journal.ts';
import type { OutgoingBatch } from '../../src/ports/sink.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import type { Destination, DestinationWitness } from './destination.ts';
import type { DiskWitness, Row, SegmentImage } from './segment-image.ts';
import type { SimDisk } from './sim-disk.ts';

/** What must hold in every life, at every moment. */
export type Invariant =
  | 'told only what is durable'
  | 'a sequence is given out once'
  | 'no number is used that is not reserved'
  | 'what arrives is what was accepted'
  | 'a receiver gets an event once'
  | 'order within a stream'
  | 'parts of a refused batch go in order'
  | 'deleted only when settled by all or told as a gap'
  | 'a file goes after the ledger says so'
  | 'critical events are never dropped for room'
  | 'a cursor never runs ahead of what arrived'
  | 'the ledger balances'
  | 'queues are bounded'
  | 'what is settled is not sent again'
  | 'accepted is received or told as a gap'
  | 'gaps are told exactly'
  | 'all is settled once faults have stopped'
  | 'a life ends'
  | 'no unforeseen error'
  | 'the same seed gives the same life';

/** An invariant does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly invariant: Invariant;

  constructor(invariant: Invariant, detail: string) {
    super(detail);
    this.invariant = invariant;
  }
}

interface Known {
  readonly lane: Lane;
  readonly type: string;
  readonly time: number;
  isDurable: boolean;
}

/** What is known of one sink's name, over all processes. */
interface SinkAccount {
  readonly received: Set<number>;
  /** There was no room to write down that it was opened. */
  readonly isUnsaid: boolean;
  /** Events that the far side will never take. */
  readonly refused: Set<number>;
  /** By lane, of what was handed on. */
  readonly highest: Map<Lane, number>;
  /** At the far side, or refused by it: the gateway may hold it for settled. */
  readonly safe: Set<number>;
  /** Told to this destination, by the gap's number in the journal. */
  readonly told: Map<
    string,
    {
      readonly lane: Lane;
      readonly first: number;
      readonly last: number;
      readonly count: number;
      readonly unused: number;
    }
  >;
  /** It was opened behind this sequence. */
  readonly owedAfter: number;
  /** Accepted before, and gone from the disk by then. */
  readonly goneBefore: ReadonlySet<number>;
}

/**
 * Sees everything from outside: the disk, the bus, the far sides. Knows what was accepted, and says when something does not hold.
 * The first violation is kept.
 */
export class Oracle implements DiskWitness, DestinationWitness {
  violation: Violation | null = null;
  readonly accepted = new Map<number, Lane>();
  readonly #known = new Map<number, Known>();
  readonly #sinks = new Map<string, SinkAccount>();
  /** Behind which sequence a sink was opened first: where its receiver begins, also when the gateway has forgotten it since. */
  readonly #beganAfter = new Map<string, number>();
  readonly #gaps: StoredGap[] = [];
  /** Ranges of gaps that a damaged ledger took with it. */
  readonly #excused: { readonly lane: Lane; readonly first: number; readonly last: number }[] = [];
  /** Segments whose files the engine has removed. */
  readonly #unlinked = new Set<string>();
  readonly #trace: (what: string) => void;
  #highest = 0;
  /** Ledgers that were lost: what sinks had settled and lost is not known any more. */
  #ledgersLost = 0;

  constructor(trace: (what: string) => void) {
    this.#trace = trace;
  }

  /** Note that something does not hold. */
  fail(invariant: Invariant, detail: string): void {
    if (this.violation !== null) return;
    this.violation = new Violation(invariant, detail);
    this.#trace(`VIOLATION ${invariant}: ${detail}`);
  }

  failed(error: unknown): void {
    this.fail('no unforeseen error', error instanceof Error ? `${error.stack ?? error.message}` : String(error));
  }

  // The disk.

  stored(rows: readonly Row[], isDurable: boolean): void {
    for (const { sequence, record } of rows) {
      const before = this.#known.get(sequence);
      if (before?.isDurable === true) this.fail('a sequence is given out once', `${sequence} was stored again`);
      this.#known.set(sequence, { lane: record.lane, type: record.stream.type, time: record.time, isDurable });
    }
    this.#trace(`stored ${rows[0]?.sequence ?? '-'}..${rows.at(-1)?.sequence ?? '-'} ${isDurable}`);
  }

  numbered(rows: readonly Row[], reserved: number): void {
    const last = rows.at(-1)?.sequence ?? 0;
    if (last > reserved) this.fail('no number is used that is not reserved', `${last} of ${reserved}`);
  }

  takenBack(rows: readonly Row[]): void {
    for (const { sequence } of rows) {
      if (this.accepted.has(sequence)) this.fail('told only what is durable', `${sequence} was taken back`);
      this.#known.delete(sequence);
    }
  }

  removed(file: SegmentImage, isUnsaid: boolean): void {
    const { lane, first } = file.identity;
    if (!isUnsaid) this.#unlinked.add(segmentPath(file.identity));
    this.#trace(`removed ${lane}/${first} of ${file.rows.length}`);
    for (const [name, account] of this.#sinks) {
      for (const { sequence } of file.rows) {
        if (isSettled(account, sequence) || !this.accepted.has(sequence)) continue;
        const isTold = this.#gaps.some(
          (gap) => gap.lane === lane && gap.first <= sequence && gap.last >= sequence && concerns(gap, name),
        );
        if (isTold) continue;
        this.fail('deleted only when settled by all or told as a gap', `${lane} ${sequence}, owed to ${name}`);
        return;
      }
    }
  }

  /** The engine said something. */
  notice(notice: StoreNotice): void {
    if (notice.kind === 'gap') {
      const { id, lane, first, last, count, unused, reason } = notice.gap;
      this.#gaps.push(notice.gap);
      this.#trace(`gap ${id} ${lane} ${first}..${last} count ${count} unused ${unused}: ${reason}`);
      if (lane === 'critical' && count > 0 && (reason === 'quota' || reason === 'disk')) {
        this.fail('critical events are never dropped for room', `${first}..${last}: ${reason}`);
      }
    } else if ('segment' in notice) {
      const { lane, first, count } = notice.segment;
      this.#trace(`${notice.kind} ${lane}/${first} of ${count}${'reason' in notice ? `: ${notice.reason}` : ''}`);
      if (notice.kind === 'quarantined' && this.#unlinked.has(segmentPath(notice.segment))) {
        this.fail('a file goes after the ledger says so', `${lane}/${first}: ${notice.reason}`);
      }
    } else this.#trace(notice.kind);
  }

  /** A damaged ledger takes its gaps with it: one that no event tells yet, or whose event is lost later, is not told again. */
  ledgerDamaged(disk: SimDisk): void {
    this.#ledgersLost++;
    for (const { gap } of disk.ledger?.gaps.values() ?? []) this.#excused.push(gap);
  }

  /**
   * A new process begins. A sink whose opening found no room in the ledger is not known to it, and owed nothing before it is opened again; nor is one
   * that was known to a ledger that is lost, if it is not in the configuration now.
   */
  began(disk: SimDisk, configured: ReadonlySet<string>): void {
    for (const [name, account] of this.#sinks) {
      const isKnown = disk.knowsConsumer(name);
      if (account.isUnsaid) {
        this.#sinks.set(name, {
          ...account,
          ...(isKnown ? { isUnsaid: false } : { owedAfter: Number.POSITIVE_INFINITY }),
        });
      } else if (!isKnown && !configured.has(name)) this.forgotten(name);
    }
  }

  // The bus.

  committed(events: readonly CommittedEvent[]): void {
    for (const { sequence, lane } of events) {
      const known = this.#known.get(sequence);
      if (known?.isDurable !== true) this.fail('told only what is durable', `${sequence} is not on the disk`);
      if (sequence <= this.#highest) this.fail('a sequence is given out once', `${sequence} after ${this.#highest}`);
      this.#highest = Math.max(this.#highest, sequence);
      this.accepted.set(sequence, lane);
    }
    this.#trace(`committed ..${events.at(-1)?.sequence ?? '-'} (${events.length})`);
  }

  // The far sides.

  /** A sink's cursors were opened. */
  opened(name: string, cursors: Readonly<Record<Lane, Cursor>>, disk: SimDisk): void {
    const before = this.#sinks.get(name);
    if (before?.isUnsaid === false) return;
    const owedAfter = Math.min(...LANES.map((lane) => cursors[lane].settled));
    if (!this.#beganAfter.has(name)) this.#beganAfter.set(name, owedAfter);
    const stored = new Set(disk.files.flatMap(({ rows }) => rows.map(({ sequence }) => sequence)));
    const goneBefore = new Set([...this.accepted.keys()].filter((sequence) => !stored.has(sequence)));
    this.#sinks.set(name, {
      received: before?.received ?? new Set(),
      highest: before?.highest ?? new Map(),
      safe: before?.safe ?? new Set(),
      refused: before?.refused ?? new Set(),
      isUnsaid: !disk.knowsConsumer(name),
      told: before?.told ?? new Map(),
      owedAfter,
      goneBefore,
    });
  }

  /** A sink's cursor was let go. */
  forgotten(name: string): void {
    this.#sinks.delete(name);
  }

  arrived(name: string, { events, historical, coverage }: OutgoingBatch): void {
    const sequences = events.map(({ sequence }) => sequence).join(' ');
    this.#trace(`${name} gets ${historical ? 'historical' : 'live'} ${sequences} ${JSON.stringify(coverage)}`);
    for (const { sequence } of events) this.#sinks.get(name)?.safe.add(sequence);
  }

  /** What a receiver misses, without events that it refused itself: their telling may be lost. */
  missing(destination: Destination): string | null {
    const refused = this.#sinks.get(destination.name)?.refused;
    const range = destination.receiver.figures().missingRanges.find(({ first, last }) => {
      return !(first === last && refused?.has(first));
    });
    return range === undefined ? null : `${destination.name} misses ${JSON.stringify(range)}`;
  }

  refused(name: string, { sequence }: StoredEvent): void {
    this.#trace(`${name} refused ${sequence}`);
    this.#sinks.get(name)?.safe.add(sequence);
    this.#sinks.get(name)?.refused.add(sequence);
  }

  received(name: string, events: readonly ReceivedEvent[]): void {
    const account = this.#sinks.get(name);
    if (account === undefined) return;
    if (events.length > 0) {
      this.#trace(`${name} received ${events[0]?.sequence}..${events.at(-1)?.sequence} (${events.length})`);
    }
    for (const event of events) {
      const { sequence, type, time } = event;
      const known = this.#known.get(sequence);
      if (known?.isDurable !== true) this.fail('told only what is durable', `${name} received ${sequence}`);
      else if (known.type !== type || known.time !== time) {
        this.fail('what arrives is what was accepted', `${name}: ${sequence} is ${type} of ${time}`);
      }
      if (account.received.has(sequence)) this.fail('a receiver gets an event once', `${name}: ${sequence}`);
      account.received.add(sequence);
      if (known !== undefined) {
        const before = account.highest.get(known.lane) ?? 0;
        // What it was opened behind comes late, and as a present, when the ledger is lost.
        const begins = Math.max(account.owedAfter, this.#beganAfter.get(name) ?? 0);
        if (sequence < before && sequence > begins)
          this.fail('order within a stream', `${name}: ${sequence} after ${before}`);
        account.highest.set(known.lane, Math.max(before, sequence));
      }
      if (type === GAP_TYPE) noteTold(account, name, event);
    }
  }

  checkReceiver(destination: Destination): void {
    if (destination.hasRefused) return;
    const { orderViolations, arrivedOutOfOrder } = destination.receiver.figures();
    const violations = Math.max(orderViolations, arrivedOutOfOrder);
    if (violations > 0) this.fail('order within a stream', `${destination.name}: ${violations} violations`);
  }

  /** The books of an open store against the rows that lie on the disk, and cursors against what has arrived. */
  checkBooks(store: Store, disk: SimDisk): void {
    const { lanes, consumers } = store.totals();
    for (const lane of LANES) {
      const files = disk.files.filter(({ identity }) => identity.lane === lane);
      const rows = files.flatMap((file) => file.rows);
      // A row that rot hides is missing from the books once somebody has noticed; one whose commit failed was never in them.
      const hidden = files.reduce((sum, file) => sum + file.rows.length - file.readable.length + file.unsyncedCount, 0);
      const balances = (booked: number, counted: number) => booked <= counted && booked >= counted - hidden;
      const { accepted, removed } = lanes[lane];
      if (!balances(accepted - removed, rows.length)) {
        this.fail('the ledger balances', `${lane}: ${rows.length} rows, by the books ${accepted} - ${removed}`);
        return;
      }
      for (const { name, cursors, counts } of consumers) {
        const settled = rangesOf(cursors[lane]);
        const waiting = rows.filter(({ sequence }) => !settled.has(sequence));
        const { base, settled: count, gaps } = counts[lane];
        if (!balances(accepted - base - count - gaps, waiting.length)) {
          const books = `${accepted} - ${base} - ${count} - ${gaps}`;
          this.fail('the ledger balances', `${name}, ${lane}: ${waiting.length} rows wait, by the books ${books}`);
          return;
        }
        this.#checkCursor(name, rows, settled);
      }
    }
  }

  /** At the end: everything that was accepted came, or was told as a gap; and as many as the ledger says. */
  checkEnd(name: string, ledgerGaps: number): void {
    const account = this.#sinks.get(name);
    if (account === undefined) return;
    const told = [...account.told.values()];
    for (const [sequence, lane] of this.accepted) {
      if (isSettled(account, sequence)) continue;
      const covers = (gap: { lane: Lane; first: number; last: number }) =>
        gap.lane === lane && gap.first <= sequence && gap.last >= sequence;
      const isTold = told.some((gap) => (covers(gap) && gap.count > 0) || (gap.unused > 0 && covers({ ...gap, lane })));
      if (isTold || this.#excused.some(covers)) continue;
      this.fail('accepted is received or told as a gap', `${lane} ${sequence} never came to ${name}`);
      return;
    }
    // A telling event that is lost is known to the ledger of gaps only if the journal had told it.
    const isTellingLost = told.some((gap) => gap.lane === 'critical' && gap.count > 0) || this.#ledgersLost > 0;
    const untold = isTellingLost
      ? undefined
      : [...account.refused].find((sequence) => !told.some(({ first, last }) => first <= sequence && last >= sequence));
    if (untold !== undefined) {
      this.fail('accepted is received or told as a gap', `${name} refused ${untold}, and no gap tells of it`);
    }
    const count = [...account.told].reduce((sum, [key, gap]) => (key.startsWith('gap ') ? sum + gap.count : sum), 0);
    if (this.#ledgersLost === 0 && count !== ledgerGaps) {
      this.fail('gaps are told exactly', `${name}: ${count} told, ${ledgerGaps} in the ledger`);
    }
  }

  #checkCursor(name: string, rows: readonly Row[], settled: SequenceRanges): void {
    const account = this.#sinks.get(name);
    // One that may be opened anew begins where the new process says, which is heard a little later.
    if (account === undefined || account.isUnsaid) return;
    for (const { sequence } of rows) {
      if (isSettled(account, sequence) || !settled.has(sequence)) continue;
      this.fail('a cursor never runs ahead of what arrived', `${name} has settled ${sequence}`);
      return;
    }
  }
}

/** A sink lost something by a gap, or might have: with no consumer known nobody can tell who did. */
function concerns({ consumers, count }: Pick<StoredGap, 'consumers' | 'count'>, name: string): boolean {
  return (consumers[name] ?? (Object.keys(consumers).length === 0 ? count : 0)) > 0;
}

function rangesOf({ settled, above }: Cursor): SequenceRanges {
  return new SequenceRanges([{ first: 1, last: settled }, ...above]);
}

/** Nothing is owed any more. */
function isSettled({ owedAfter, safe, goneBefore }: SinkAccount, sequence: number): boolean {
  return sequence <= owedAfter || safe.has(sequence) || goneBefore.has(sequence);
}

function noteTold(account: SinkAccount, name: string, event: ReceivedEvent): void {
  const data = event.data as {
    gap?: number;
    lane: Lane;
    first: number;
    last: number;
    count: number;
    unused?: number;
    consumers: Record<string, number>;
  };
  const { gap, lane, first, last, count, unused = 0, consumers } = data;
  // Numbers of which nobody knows whether they were owed to this sink.
  const unsure = unused + (Object.keys(consumers).length === 0 ? count : 0);
  const key = gap === undefined ? `event ${event.sequence}` : `gap ${gap}`;
  account.told.set(key, { lane, first, last, count: consumers[name] ?? 0, unused: unsure });
}
