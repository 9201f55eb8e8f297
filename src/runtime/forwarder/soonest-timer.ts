import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** One timer for many wishes: the soonest counts, and whoever still wants more asks again then. */
export class SoonestTimer {
  readonly #clock: Clock;
  readonly #act: () => void;
  #next: { readonly at: Millis; readonly timer: Timer } | null = null;

  constructor(clock: Clock, act: () => void) {
    this.#clock = clock;
    this.#act = act;
  }

  /** Act so much later, or sooner if that is wanted already. */
  in(delayMs: Millis): void {
    const at = this.#clock.monotonic() + delayMs;
    if (this.#next !== null && this.#next.at <= at) return;
    this.cancel();
    const timer = this.#clock.after(delayMs, () => {
      this.#next = null;
      this.#act();
    });
    this.#next = { at, timer };
  }

  cancel(): void {
    this.#next?.timer.cancel();
    this.#next = null;
  }
}
