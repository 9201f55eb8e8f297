import type { Millis } from '../../model/time.ts';

const SMALLEST_BYTES = 16_384;
const FIRST_BYTES = 262_144;
/** A confirmation within this time says that the link takes more; beyond the other, that it queues and live events would wait. */
const QUICK_MS = 250;
const SLOW_MS = 1000;

/**
 * How many bytes of backlog may be on the way, so that live events never queue long behind them: grows by what was confirmed
 * quickly, halves once per window of slow confirmations.
 */
export class LinkWindow {
  readonly #largest: number;
  #bytes = FIRST_BYTES;
  #halvedAt = Number.NEGATIVE_INFINITY;

  constructor(largestBytes: number) {
    this.#largest = largestBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  confirmed(bytes: number, sentAt: Millis, now: Millis): void {
    const tookMs = now - sentAt;
    if (tookMs <= QUICK_MS) this.#bytes = Math.min(this.#largest, this.#bytes + bytes);
    else if (tookMs >= SLOW_MS && sentAt >= this.#halvedAt) {
      this.#bytes = Math.max(SMALLEST_BYTES, this.#bytes / 2);
      this.#halvedAt = now;
    }
  }

  /** A lost link has shown nothing: begin again small. */
  lost(): void {
    this.#bytes = Math.max(SMALLEST_BYTES, Math.min(this.#bytes, FIRST_BYTES) / 2);
  }
}
