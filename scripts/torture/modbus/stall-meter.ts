const EVERY_MS = 5;

/** How long this process had no turn: a busy machine is not the fault of what is being tested. */
export class StallMeter {
  /** In all, ms. */
  totalMs = 0;
  longestMs = 0;
  #last = performance.now();
  readonly #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** The total up to now, the stall that is just over included. */
  get nowMs(): number {
    this.#look();
    return this.totalMs;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const stallMs = Math.max(0, now - this.#last - EVERY_MS);
    this.#last = now;
    this.totalMs += stallMs;
    this.longestMs = Math.max(this.longestMs, stallMs);
  }
}
