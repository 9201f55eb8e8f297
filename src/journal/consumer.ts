import { SequenceRanges } from '../model/sequence-ranges.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { Cursor, SequenceRange } from '../ports/journal.ts';

/** Most ranges above `settled` that a cursor keeps. */
const MAX_CURSOR_RANGES = 64;

/** The account of one consumer in one lane, in events. */
export interface ConsumerCounts {
  /** Accepted in the lane before this consumer's account began. */
  base: number;
  settled: number;
  gaps: number;
}

/** Counts the stored events of a lane in a closed range. */
export type CountEvents = (lane: Lane, range: SequenceRange) => number;

/** What one consumer has settled, and its ledger. Pure: counting is handed in. */
export class Consumer {
  readonly name: string;
  readonly counts: Record<Lane, ConsumerCounts>;
  readonly #settled: SequenceRanges;
  #requested: Cursor | null = null;

  constructor(name: string, cursor: Cursor, counts: Record<Lane, ConsumerCounts>) {
    this.name = name;
    this.counts = counts;
    this.#settled = new SequenceRanges(rangesOf(cursor));
  }

  /** Where it stands, by what was accounted for. */
  get cursor(): Cursor {
    const [low, ...rest] = this.#settled.ranges;
    if (low === undefined) return { settled: 0, above: [] };
    const isFromStart = low.first <= 1;
    const above = (isFromStart ? rest : [low, ...rest]).map(({ first, last }) => ({ first, last }));
    return { settled: isFromStart ? low.last : 0, above };
  }

  get hasMoved(): boolean {
    return this.#requested !== null;
  }

  /** Take note of a move; it is accounted for by `settle`. Later moves include earlier ones; what would move back adds to them. */
  request(cursor: Cursor): void {
    const before = this.#requested;
    const isBack = before !== null && cursor.settled < before.settled;
    this.#requested = isBack ? { settled: before.settled, above: [...before.above, ...cursor.above] } : cursor;
  }

  /**
   * Account for the move that was requested: events count as settled if they are stored and were not settled before. A cursor never
   * moves back. Returns how many ranges were too many.
   */
  settle(lastSequence: number, count: CountEvents): number {
    const requested = this.#requested;
    if (requested === null) return 0;
    const above = [...requested.above].sort((a, b) => a.first - b.first);
    for (const { first, last } of rangesOf({ settled: requested.settled, above: above.slice(0, MAX_CURSOR_RANGES) })) {
      for (const fresh of this.#settled.missing(first, Math.min(last, lastSequence))) {
        // All lanes are counted before anything changes: counting may throw.
        const found = LANES.map((lane) => count(lane, fresh));
        LANES.forEach((lane, i) => {
          this.counts[lane].settled += found[i] ?? 0;
        });
        this.#settled.add(fresh.first, fresh.last);
      }
    }
    this.#requested = null;
    return Math.max(0, above.length - MAX_CURSOR_RANGES);
  }

  /** The parts of a range that are not settled. */
  unsettled(range: SequenceRange): readonly SequenceRange[] {
    return this.#settled.missing(range.first, range.last);
  }

  /** Waiting by the books: received less settled less gaps. */
  waiting(lane: Lane, accepted: number): number {
    const { base, settled, gaps } = this.counts[lane];
    return accepted - base - settled - gaps;
  }
}

function rangesOf(cursor: Cursor): SequenceRange[] {
  return [{ first: 1, last: cursor.settled }, ...cursor.above].filter(({ first, last }) => last >= first);
}
