import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';

const FIRST_MS = 10_000;

/** When a unit may be searched again after a search that found nothing: each is a dozen requests, and it may be the unit itself that fails. */
export class SearchRest {
  readonly #clock: Clock;
  readonly #longestMs: Millis;
  #restMs: Millis = 0;
  /** Monotonic. */
  #until: Millis = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, longestMs: Millis) {
    this.#clock = clock;
    this.#longestMs = longestMs;
  }

  get isOver(): boolean {
    return this.#clock.monotonic() >= this.#until;
  }

  /** Nothing was found: rest twice as long as the time before. */
  begin(): void {
    this.#restMs = Math.min(this.#restMs === 0 ? FIRST_MS : this.#restMs * 2, this.#longestMs);
    this.#until = this.#clock.monotonic() + this.#restMs;
  }

  /** The unit may be another one by now. */
  end(): void {
    this.#restMs = 0;
    this.#until = Number.NEGATIVE_INFINITY;
  }
}
