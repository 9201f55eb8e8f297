import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';

/** Pauses that can all be ended at once, so that none is left when what they are of stops. */
export class Pauses {
  readonly #clock: Clock;
  readonly #ends = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves after a time, or when all are ended. */
  pass(pauseMs: Millis): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#ends.delete(end);
        resolve();
      };
      const timer = this.#clock.after(pauseMs, end);
      this.#ends.add(end);
    });
  }

  end(): void {
    for (const end of [...this.#ends]) end();
  }
}
