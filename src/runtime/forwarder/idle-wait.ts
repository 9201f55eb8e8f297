import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';

/** A wait until nothing is on the way any more, or until a deadline. */
export class IdleWait {
  readonly #clock: Clock;
  #end = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves with `over`, or at the deadline. */
  wait(deadlineMs: Millis): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(deadlineMs, resolve);
      this.#end = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  over(): void {
    this.#end();
  }
}
