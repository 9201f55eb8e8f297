import type { Millis } from '../../model/time.ts';

/** The share of a second's allowance that one batch takes at most, so that the next live event need not wait long for its turn. */
const BATCH_SECONDS = 0.25;
/** Allowance that is saved up while nothing is sent. */
const BURST_SECONDS = 0.5;
/** Weight of the latest batch in the ratio of bytes on the wire to bytes of events. */
const RATIO_WEIGHT = 0.2;

/**
 * Keeps a sink within its bytes per second on the wire. A batch is charged by what batches like it came to, and corrected when its size is
 * known; it goes while the account is not overdrawn. Without a cap everything goes at once.
 */
export class RateCap {
  readonly #bytesPerSecond: number | null;
  #ratio = 1;
  #account: number;
  #at: Millis | null = null;

  constructor(bytesPerSecond: number | null) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#account = (bytesPerSecond ?? 0) * BURST_SECONDS;
  }

  get bytesPerSecond(): number | null {
    return this.#bytesPerSecond;
  }

  /** Bytes of events that a batch may hold. */
  get batchBytes(): number {
    if (this.#bytesPerSecond === null) return Number.POSITIVE_INFINITY;
    return (this.#bytesPerSecond * BATCH_SECONDS) / this.#ratio;
  }

  /** How long until the next batch may go; 0: now. */
  waitMs(now: Millis): Millis {
    if (this.#bytesPerSecond === null) return 0;
    this.#refill(now);
    return this.#account > 0 ? 0 : Math.ceil(((1 - this.#account) / this.#bytesPerSecond) * 1000);
  }

  /** A batch goes. @returns what it was charged, for `correct` */
  charge(eventBytes: number, now: Millis): number {
    if (this.#bytesPerSecond === null) return 0;
    this.#refill(now);
    const wireBytes = eventBytes * this.#ratio;
    this.#account -= wireBytes;
    return wireBytes;
  }

  /** The size of a batch is known. */
  correct(charged: number, eventBytes: number, wireBytes: number): void {
    if (this.#bytesPerSecond === null) return;
    this.#account += charged - wireBytes;
    if (eventBytes > 0) this.#ratio += (wireBytes / eventBytes - this.#ratio) * RATIO_WEIGHT;
  }

  #refill(now: Millis): void {
    const rate = this.#bytesPerSecond ?? 0;
    const sinceMs = this.#at === null ? 0 : Math.max(0, now - this.#at);
    this.#account = Math.min(rate * BURST_SECONDS, this.#account + (rate * sinceMs) / 1000);
    this.#at = now;
  }
}
