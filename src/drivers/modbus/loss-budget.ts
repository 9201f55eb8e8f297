import type { Millis } from '../../model/time.ts';

/** Of all time, how much the others on a wire may wait for the lost answers of one unit. */
const SHARE = 0.1;

/**
 * What a unit may cost the others on its wire by answers that do not come: some at once, since any frame may be lost, and a tenth of the time
 * in the long run.
 */
export class LossBudget {
  readonly #burstMs: Millis;
  #spentMs: Millis = 0;
  #at: Millis = Number.NEGATIVE_INFINITY;

  /** @param burstMs what may be lost at once, and is given back within ten times as long */
  constructor(burstMs: Millis) {
    this.#burstMs = burstMs;
  }

  /** @param lostMs how long others have waited @param now monotonic */
  take(lostMs: Millis, now: Millis): void {
    this.#spentMs = this.#left(now) + lostMs;
    this.#at = now;
  }

  /** True while the unit has cost more than it may. @param now monotonic */
  isSpent(now: Millis): boolean {
    return this.#left(now) >= this.#burstMs;
  }

  #left(now: Millis): Millis {
    return Math.max(0, this.#spentMs - (now - this.#at) * SHARE);
  }
}
