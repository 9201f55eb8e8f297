import { SequenceRanges } from '../model/sequence-ranges.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { Cursor, LaneCursors, LedgerRow, SequenceRange } from '../ports/journal.ts';

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

/** One place for all lanes. */
export function inEveryLane(cursor: Cursor): LaneCursors {
  return { critical: cursor, normal: cursor, bulk: cursor };
}

/** What one consumer has settled, and its ledger. Pure: counting is handed in. */
export class Consumer {
  readonly name: string;
  readonly counts: Record<Lane, ConsumerCounts>;
  readonly start: number;
  readonly #settled: Readonly<Record<Lane, SequenceRanges>>;
  readonly #requested = new Map<Lane, Cursor>();

  /** @param start its account begins after this sequence */
  constructor(name: string, cursors: LaneCursors, counts: Record<Lane, ConsumerCounts>, start = 0) {
    this.name = name;
    this.start = start;
    this.counts = counts;
    const { critical, normal, bulk } = cursors;
    const ranges = (cursor: Cursor) => new SequenceRanges(rangesOf(cursor));
    this.#settled = { critical: ranges(critical), normal: ranges(normal), bulk: ranges(bulk) };
  }

  /** Where it stands, by what was accounted for. */
  get cursors(): LaneCursors {
    const { critical, normal, bulk } = this.#settled;
    return { critical: cursorOf(critical), normal: cursorOf(normal), bulk: cursorOf(bulk) };
  }

  get hasMoved(): boolean {
    return this.#requested.size > 0;
  }

  /** Take note of a move; it is accounted for by `settle`. Later moves include earlier ones; what would move back adds to them. */
  request(cursor: Cursor, lanes: readonly Lane[]): void {
    for (const lane of lanes) {
      const before = this.#requested.get(lane);
      const isBack = before !== undefined && cursor.settled < before.settled;
      this.#requested.set(
        lane,
        isBack ? { settled: before.settled, above: [...before.above, ...cursor.above] } : cursor,
      );
    }
  }

  /**
   * Account for the moves that were requested: events count as settled if they are stored and were not settled before. A cursor never
   * moves back. Returns how many ranges were too many.
   */
  settle(lastSequence: number, count: CountEvents): number {
    let surplus = 0;
    for (const [lane, requested] of this.#requested) {
      const settled = this.#settled[lane];
      const above = [...requested.above].sort((a, b) => a.first - b.first);
      for (const { first, last } of rangesOf({
        settled: requested.settled,
        above: above.slice(0, MAX_CURSOR_RANGES),
      })) {
        for (const fresh of settled.missing(first, Math.min(last, lastSequence))) {
          // Counted before anything changes: counting may throw, and is then asked again.
          this.counts[lane].settled += count(lane, fresh);
          settled.add(fresh.first, fresh.last);
        }
      }
      this.#requested.delete(lane);
      surplus += Math.max(0, above.length - MAX_CURSOR_RANGES);
    }
    return surplus;
  }

  /** The parts of a range that are not settled in a lane. */
  unsettled(lane: Lane, range: SequenceRange): readonly SequenceRange[] {
    return this.#settled[lane].missing(range.first, range.last);
  }

  /** Waiting by the books: received less settled less gaps. */
  waiting(lane: Lane, accepted: number): number {
    const { base, settled, gaps } = this.counts[lane];
    return accepted - base - settled - gaps;
  }
}

/** The ledger of one consumer, over all lanes. */
export function ledgerRow(
  consumer: Consumer,
  content: { readonly lanes: Readonly<Record<Lane, { readonly accepted: number }>> },
): LedgerRow {
  const row = { consumer: consumer.name, received: 0, settled: 0, waiting: 0, gaps: 0 };
  for (const lane of LANES) {
    const { base, settled, gaps } = consumer.counts[lane];
    row.received += content.lanes[lane].accepted - base;
    row.settled += settled;
    row.gaps += gaps;
    row.waiting += consumer.waiting(lane, content.lanes[lane].accepted);
  }
  return row;
}

function cursorOf(settled: SequenceRanges): Cursor {
  const [low, ...rest] = settled.ranges;
  if (low === undefined) return { settled: 0, above: [] };
  const isFromStart = low.first <= 1;
  const above = (isFromStart ? rest : [low, ...rest]).map(({ first, last }) => ({ first, last }));
  return { settled: isFromStart ? low.last : 0, above };
}

function rangesOf(cursor: Cursor): SequenceRange[] {
  return [{ first: 1, last: cursor.settled }, ...cursor.above].filter(({ first, last }) => last >= first);
}
