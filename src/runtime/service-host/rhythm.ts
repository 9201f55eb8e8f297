import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** A period that keeps its beat: a late one does not delay the next, missed ones are left out. */
export class Rhythm {
  readonly #clock: Clock;
  readonly #periodMs: Millis;
  readonly #onDue: () => void;
  #due: Millis;
  #timer: Timer | null = null;

  /** @param onDue called once for each `next` */
  constructor(clock: Clock, periodMs: Millis, onDue: () => void) {
    this.#clock = clock;
    this.#periodMs = periodMs;
    this.#onDue = onDue;
    this.#due = clock.monotonic();
  }

  /** Arm the next beat. */
  next(): void {
    const now = this.#clock.monotonic();
    this.#due = Math.max(this.#due + this.#periodMs, now);
    this.#timer = this.#clock.after(this.#due - now, this.#onDue);
  }

  cancel(): void {
    this.#timer?.cancel();
  }
}
