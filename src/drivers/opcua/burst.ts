import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** Longest time that the first values of a report wait for its last: a slow network must not hold them back. */
const HOLD_MS: Millis = 100;

/** A report that the server sends in several messages is handed over as one, when its last message is here. */
export class Burst {
  readonly #clock: Clock;
  readonly #handOver: () => void;
  #timer: Timer | null = null;

  constructor(clock: Clock, handOver: () => void) {
    this.#clock = clock;
    this.#handOver = handOver;
  }

  /** A message was taken in. @param hasMore the server has said that others follow at once */
  noteMessage(hasMore: boolean): void {
    if (hasMore) this.#timer ??= this.#clock.after(HOLD_MS, () => this.#end());
    else this.#end();
  }

  /** Nothing is handed over any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #end(): void {
    this.stop();
    this.#handOver();
  }
}
