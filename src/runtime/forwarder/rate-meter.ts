import type { Millis } from '../../model/time.ts';

const SLOTS = 10;
const SLOT_MS = 1000;

/** A count per second over the last ten whole seconds. */
export class RateMeter {
  readonly #counts = new Float64Array(SLOTS + 1);
  #slot = 0;

  add(count: number, now: Millis): void {
    this.#advance(now);
    const index = this.#slot % this.#counts.length;
    this.#counts[index] = (this.#counts[index] ?? 0) + count;
  }

  perSecond(now: Millis): number {
    this.#advance(now);
    const current = this.#counts[this.#slot % this.#counts.length] ?? 0;
    return (this.#counts.reduce((sum, count) => sum + count, 0) - current) / SLOTS;
  }

  #advance(now: Millis): void {
    const slot = Math.floor(now / SLOT_MS);
    if (slot - this.#slot > SLOTS) this.#counts.fill(0);
    else for (let next = this.#slot + 1; next <= slot; next++) this.#counts[next % this.#counts.length] = 0;
    this.#slot = Math.max(slot, this.#slot);
  }
}
