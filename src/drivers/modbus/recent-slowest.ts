import type { Millis } from '../../model/time.ts';

/** A period of remembering is at least so long and has at least so many answers: a unit that is seldom asked is not forgotten in between. */
const PERIOD_MS = 60_000;
const PERIOD_ANSWERS = 32;

/**
 * The longest that answers took of late: of the present period and the one before it, so that what was slow once counts for a minute or two and
 * then no more.
 */
export class RecentSlowest {
  #since: Millis = Number.NEGATIVE_INFINITY;
  #answers = 0;
  #present: Millis = 0;
  #before: Millis = 0;

  /** @param now monotonic */
  take(tookMs: Millis, now: Millis): void {
    if (this.#since === Number.NEGATIVE_INFINITY) this.#since = now;
    else if (this.#answers >= PERIOD_ANSWERS && now - this.#since >= PERIOD_MS) {
      this.#before = this.#present;
      this.#present = 0;
      this.#answers = 0;
      this.#since = now;
    }
    this.#answers++;
    if (tookMs > this.#present) this.#present = tookMs;
  }

  /** 0 before the first answer. */
  get ms(): Millis {
    return Math.max(this.#present, this.#before);
  }
}
