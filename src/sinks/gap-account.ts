import { SequenceRanges } from '../model/sequence-ranges.ts';
import type { ReceivedEvent } from './batch-decoder.ts';

/** What the gap events of a lane told, as far as it concerns one sink. */
export class GapAccount {
  readonly ranges: SequenceRanges;
  /** Numbers of gaps in the journal: one that is told twice (after a crash of the gateway) counts once. */
  readonly #told: SequenceRanges;
  /** Events that were lost by them: their ranges also hold delivered events. */
  count: number;
  /** Numbers in them that no event had. */
  unused: number;

  constructor(state: ReturnType<GapAccount['state']> = { ranges: [], told: [], count: 0, unused: 0 }) {
    const from = (pairs: readonly (readonly [number, number])[]) =>
      new SequenceRanges(pairs.map(([first, last]) => ({ first, last })));
    this.ranges = from(state.ranges);
    this.#told = from(state.told);
    this.count = state.count;
    this.unused = state.unused;
  }

  /** @param sink that this receiver is fed by; null: unknown, then what any lost counts */
  note(event: ReceivedEvent, sink: string | null): void {
    const { data } = event;
    if (typeof data !== 'object' || data === null) return;
    const told: { [key in 'gap' | 'first' | 'last' | 'count' | 'unused' | 'consumers']?: unknown } = data;
    const { gap, first, last, consumers, unused = 0 } = told;
    const count = sink === null ? told.count : ownCount(consumers, sink, told.count);
    if (!isWhole(first) || !isWhole(last) || !isWhole(count) || !isWhole(unused)) return;
    if (count + unused === 0) return;
    if (isWhole(gap) && this.#told.add(gap, gap) === 0) return;
    this.ranges.add(first, last);
    this.count += count;
    this.unused += unused;
  }

  state() {
    const pairs = (ranges: SequenceRanges) => ranges.ranges.map(({ first, last }) => [first, last] as const);
    return { ranges: pairs(this.ranges), told: pairs(this.#told), count: this.count, unused: this.unused };
  }
}

function ownCount(consumers: unknown, sink: string, total: unknown): unknown {
  if (typeof consumers !== 'object' || consumers === null) return total;
  return (consumers as Record<string, unknown>)[sink] ?? 0;
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
