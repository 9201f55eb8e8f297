import { GAP_TYPE } from '../model/event.ts';
import { SequenceRanges } from '../model/sequence-ranges.ts';
import { LANES } from '../model/tag.ts';
import type { BatchCoverage } from '../ports/sink.ts';
import type { ReceivedEvent } from './batch-decoder.ts';
import { GapAccount } from './gap-account.ts';

/** A batch as far as the account needs it; without `coverage` its sender does not tell what it speaks for. */
export interface Delivery {
  readonly events: readonly ReceivedEvent[];
  readonly historical: boolean;
  readonly journalId?: string;
  readonly sink?: string | null;
  readonly coverage?: BatchCoverage | null;
  /** Sent again on request: speaks for nothing, and its order says nothing. */
  readonly replay?: string | null;
}

interface MissingRange {
  readonly journalId: string;
  readonly lane: LaneKey;
  readonly first: number;
  readonly last: number;
}

export interface ReceiverFigures {
  /** Events that arrived, repeats among them. */
  readonly received: number;
  readonly repeats: number;
  readonly unique: number;
  /** New events that arrived after a later one of their stream and lane; live, historical, and what lies before the account seen apart. 0 by the promise. */
  readonly orderViolations: number;
  /** Events that a gap event speaks for. */
  readonly gapEvents: number;
  /** Numbers that no event had, by a gap event: holes that are no loss. */
  readonly unused: number;
  /** Sequences of which neither an event nor word came yet, and no gap event speaks: those of a backlog under way are among them. */
  readonly missing: number;
  /** Those of `missing` that the sender holds for confirmed: lost between it and here. */
  readonly lost: number;
  /** The first 100 ranges of what is missing. */
  readonly missingRanges: readonly MissingRange[];
}

export interface ReceiverOptions {
  /** The first sequence that must come; default: the first that the sender had not confirmed when the first batch came. */
  readonly firstSequence?: number;
}

/** A lane; `any`: from a gateway that does not tell. */
export type LaneKey = BatchCoverage['lane'] | 'any';

interface LaneAccount {
  readonly covered: SequenceRanges;
  /** Of these, ranges that were told to hold no event: known whatever becomes of the events around them. */
  readonly silent: SequenceRanges;
  readonly gaps: GapAccount;
  /** Highest sequence by stream and by kind of delivery: live may overtake a historical backlog, and this what lies before the account. */
  readonly highest: Map<string, number>;
}

interface JournalAccount {
  base: number | null;
  settled: number;
  readonly lanes: Map<LaneKey, LaneAccount>;
}

/** The account in a form that JSON can hold. */
export interface ReceiverState {
  readonly version: 1;
  readonly counts: {
    readonly received: number;
    readonly repeats: number;
    readonly unique: number;
    readonly orderViolations: number;
  };
  readonly journals: readonly {
    readonly journalId: string;
    readonly base: number | null;
    readonly settled: number;
    readonly lanes: readonly {
      readonly lane: LaneKey;
      readonly covered: readonly (readonly [number, number])[];
      readonly gaps: ReturnType<GapAccount['state']>;
    }[];
  }[];
  /** Of what hands on in order; not there from a receiver alone, and from before it was counted. */
  readonly passedOn?: { readonly orderViolations: number };
}

const SHOWN_RANGES = 100;
/** From so many silent ranges on those that no longer matter are forgotten. */
const MOST_SILENT = 64;
/** Streams whose order is checked; beyond it the check begins anew. */
const MAX_STREAMS = 100_000;

/**
 * The account of a receiver: drops repeats by id, checks the order, and names what is missing. Batches say what they speak for, lane by
 * lane, so its memory grows with the holes in that and not with the events. Pure.
 */
export class Receiver {
  readonly #firstSequence: number | undefined;
  readonly #journals = new Map<string, JournalAccount>();
  #counts = { received: 0, repeats: 0, unique: 0, orderViolations: 0 };

  constructor(options: ReceiverOptions = {}, state: ReceiverState | null = null) {
    this.#firstSequence = options.firstSequence;
    if (state !== null) this.#restore(state);
  }

  /** Of the figures, without the work of the others. */
  get orderViolations(): number {
    return this.#counts.orderViolations;
  }

  /** Take a batch. @returns what is new in it, in order */
  receive(batch: Delivery): readonly ReceivedEvent[] {
    const { events, historical, coverage = null, replay = null } = batch;
    const base = baseOf(batch);
    const fresh: ReceivedEvent[] = [];
    for (const event of events) {
      this.#counts.received++;
      const key = coverage?.lane ?? (replay === null ? undefined : event.lane) ?? 'any';
      const account = this.#lane(journalIdOf(event), key, base);
      if (account.covered.add(event.sequence, event.sequence) === 0) {
        this.#counts.repeats++;
        continue;
      }
      this.#counts.unique++;
      if (replay === null) this.#checkOrder(account, event, historical);
      if (event.type === GAP_TYPE) this.#noteGap(event, batch, base);
      fresh.push(event);
    }
    const journalId = batch.journalId ?? (events[0] === undefined ? null : journalIdOf(events[0]));
    if (coverage !== null && journalId !== null) {
      this.#cover(journalId, coverage, events, base);
      const journal = this.#journals.get(journalId);
      if (journal !== undefined) journal.settled = Math.max(journal.settled, coverage.settled);
    }
    return fresh;
  }

  /**
   * Through this sequence of a lane nothing is to be waited for any more: it came, or a batch spoke for its place. A gap event alone does not
   * tell: its range may hold events that are still to come, kept in memory by the sender or among numbers that nothing had.
   */
  completeThrough(journalId: string, lane: LaneKey): number {
    const journal = this.#journals.get(journalId);
    const account = journal?.lanes.get(lane);
    if (journal === undefined || account === undefined) return 0;
    let through = Math.max(journal.settled, (journal.base ?? 1) - 1);
    for (;;) {
      const next = account.covered.endFrom(through + 1);
      if (next === null) return through;
      through = next;
    }
  }

  /** A sender that has lost its books begins again with all that it holds: what lies before this account has an order of its own. */
  isBeforeAccount(event: ReceivedEvent): boolean {
    return event.sequence < (this.#journals.get(journalIdOf(event))?.base ?? 0);
  }

  figures(): ReceiverFigures {
    const missingRanges: MissingRange[] = [];
    let [missing, lost, gapEvents, unused] = [0, 0, 0, 0];
    for (const [journalId, { lanes, base, settled }] of this.#journals) {
      for (const [lane, { covered, gaps }] of lanes) {
        let inGaps = 0;
        for (const hole of covered.missing(base ?? covered.ranges[0]?.first ?? 1, covered.ranges.at(-1)?.last ?? 0)) {
          inGaps += hole.last - hole.first + 1;
          for (const { first, last } of gaps.ranges.missing(hole.first, hole.last)) {
            inGaps -= last - first + 1;
            missing += last - first + 1;
            lost += Math.max(0, Math.min(last, settled) - first + 1);
            if (missingRanges.length < SHOWN_RANGES) missingRanges.push({ journalId, lane, first, last });
          }
        }
        // Without coverage: more holes in the ranges of gaps than they account for are missing for no told reason.
        const told = lane === 'any' ? Math.min(inGaps, gaps.count) : gaps.count;
        const idle = lane === 'any' ? Math.min(inGaps - told, gaps.unused) : gaps.unused;
        gapEvents += told;
        unused += idle;
        if (lane === 'any') missing += inGaps - told - idle;
      }
    }
    return { ...this.#counts, gapEvents, unused, missing, lost, missingRanges };
  }

  /** @param limit through which sequence the account of a lane goes; null: all of it */
  state(limit: (journalId: string, lane: LaneKey) => number | null = () => null): ReceiverState {
    const journals = [...this.#journals].map(([journalId, { base, settled, lanes }]) => ({
      journalId,
      base,
      settled,
      lanes: [...lanes].map(([lane, { covered, silent, gaps }]) => {
        const kept = new SequenceRanges(covered.ranges);
        const through = limit(journalId, lane);
        if (through !== null) {
          kept.remove(through + 1, Number.MAX_SAFE_INTEGER);
          for (const { first, last } of silent.ranges) kept.add(first, last);
        }
        return { lane, covered: kept.ranges.map(({ first, last }) => [first, last] as const), gaps: gaps.state() };
      }),
    }));
    return { version: 1, counts: { ...this.#counts }, journals };
  }

  #restore(state: ReceiverState): void {
    this.#counts = { ...state.counts };
    for (const { journalId, base, settled, lanes } of state.journals) {
      const accounts = lanes.map(({ lane, covered, gaps }): [LaneKey, LaneAccount] => [
        lane,
        {
          covered: new SequenceRanges(covered.map(([first, last]) => ({ first, last }))),
          // What is in a state was passed on, or is silent: both are final.
          silent: new SequenceRanges(covered.map(([first, last]) => ({ first, last }))),
          gaps: new GapAccount(gaps),
          highest: new Map(),
        },
      ]);
      this.#journals.set(journalId, { base, settled, lanes: new Map(accounts) });
    }
  }

  #cover(journalId: string, coverage: BatchCoverage, events: readonly ReceivedEvent[], base: number | null): void {
    const { lane, first, last, absent = [] } = coverage;
    const { covered, silent } = this.#lane(journalId, lane, base);
    covered.add(first, last);
    silent.add(first, (events[0]?.sequence ?? last + 1) - 1);
    silent.add((events.at(-1)?.sequence ?? last) + 1, last);
    for (const range of absent) {
      covered.add(range.first, range.last);
      silent.add(range.first, range.last);
    }
    if (silent.ranges.length > MOST_SILENT) silent.remove(1, this.completeThrough(journalId, lane));
  }

  /** @param base where the account of the journal begins if this is its first batch */
  #lane(journalId: string, key: LaneKey, base: number | null): LaneAccount {
    let journal = this.#journals.get(journalId);
    if (journal === undefined) {
      journal = { base: this.#firstSequence ?? base, settled: 0, lanes: new Map() };
      this.#journals.set(journalId, journal);
    }
    let account = journal.lanes.get(key);
    if (account === undefined) {
      account = {
        covered: new SequenceRanges(),
        silent: new SequenceRanges(),
        gaps: new GapAccount(),
        highest: new Map(),
      };
      journal.lanes.set(key, account);
    }
    return account;
  }

  #checkOrder({ highest }: LaneAccount, event: ReceivedEvent, isHistorical: boolean): void {
    const kind = this.isBeforeAccount(event) ? 'b' : isHistorical ? 'h' : 'l';
    const stream = `${kind} ${event.partitionkey ?? event.subject}`;
    const before = highest.get(stream) ?? 0;
    if (event.sequence < before) {
      this.#counts.orderViolations++;
      return;
    }
    if (highest.size >= MAX_STREAMS && before === 0) highest.clear();
    highest.set(stream, event.sequence);
  }

  /** A gap lies in the lane that it names, whatever lane told of it. */
  #noteGap(event: ReceivedEvent, { coverage = null, sink = null }: Delivery, base: number | null): void {
    const { lane }: { lane?: unknown } = typeof event.data === 'object' && event.data !== null ? event.data : {};
    const key = coverage === null ? 'any' : LANES.find((known) => known === lane);
    if (key !== undefined) this.#lane(journalIdOf(event), key, base).gaps.note(event, sink);
  }
}

/**
 * Where an account begins that begins with this batch: what the sender had confirmed before went to others, or to this receiver before its
 * account. Without events it may speak for what was passed over long before. Null: its sender does not tell.
 */
function baseOf({ events, coverage = null }: Delivery): number | null {
  if (coverage === null) return null;
  const [event] = events;
  const after = coverage.settled + 1;
  return event === undefined ? after : Math.min(coverage.first, event.sequence, after);
}

/** The journal of an event, by its id. */
export function journalIdOf(event: Pick<ReceivedEvent, 'id'>): string {
  return event.id.slice(0, event.id.lastIndexOf('-'));
}
