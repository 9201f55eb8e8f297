import type { Clock, Timer } from '../ports/clock.ts';

const WINDOW_MS = 10_000;

/** Processor time of this process over the last window, in cores. */
export class ProcessorMeter {
  readonly #clock: Clock;
  #before: { readonly at: number; readonly used: number };
  #cores = 0;
  #timer: Timer | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#before = this.#sample();
    this.#measureLater();
  }

  /** Of the last complete window; since start in the first one. */
  get cores(): number {
    return this.#cores > 0 ? this.#cores : this.#since(this.#before);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #measureLater(): void {
    this.#timer = this.#clock.after(WINDOW_MS, () => {
      this.#cores = this.#since(this.#before);
      this.#before = this.#sample();
      this.#measureLater();
    });
  }

  #since(before: { readonly at: number; readonly used: number }): number {
    const { at, used } = this.#sample();
    return (used - before.used) / Math.max(1, at - before.at);
  }

  #sample() {
    const { user, system } = process.cpuUsage();
    return { at: this.#clock.monotonic(), used: (user + system) / 1000 };
  }
}
