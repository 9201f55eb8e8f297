import type { EpochMs } from '../../model/time.ts';

/** At a batch a second the last eight minutes. */
const CAPACITY = 512;

/** When the latest batches of one lane were confirmed; older ones are forgotten. */
export class Confirmations {
  readonly #firsts = new Float64Array(CAPACITY);
  readonly #lasts = new Float64Array(CAPACITY);
  readonly #times = new Float64Array(CAPACITY);
  #count = 0;

  /** A batch over this range of the lane was confirmed. */
  add(first: number, last: number, time: EpochMs): void {
    const at = this.#count++ % CAPACITY;
    this.#firsts[at] = first;
    this.#lasts[at] = last;
    this.#times[at] = time;
  }

  /** When an event was confirmed; null: not lately, or not at all. */
  timeOf(sequence: number): EpochMs | null {
    for (let i = this.#count - 1; i >= Math.max(0, this.#count - CAPACITY); i--) {
      const at = i % CAPACITY;
      const [first = 0, last = 0] = [this.#firsts[at], this.#lasts[at]];
      if (sequence >= first && sequence <= last) return this.#times[at] ?? null;
    }
    return null;
  }
}
