import type { Millis } from '../../model/time.ts';

const SMALLEST_BYTES = 16_384;
const FIRST_BYTES = 131_072;
/** Time spent in queues, beyond the quickest confirmation of this link: below the first the link takes more, above the other less. */
const SHORT_QUEUE_MS = 100;
const LONG_QUEUE_MS = 400;

/**
 * How many bytes of backlog may be on the way, so that live events never queue long behind them: grows by what was confirmed while
 * queues are short, shrinks once per window while they are long. Delay-based, after LEDBAT (RFC 6817).
 */
export class LinkWindow {
  readonly #largest: number;
  #bytes = FIRST_BYTES;
  #quickestMs = Number.POSITIVE_INFINITY;
  #shrunkAt = Number.NEGATIVE_INFINITY;

  constructor(largestBytes: number) {
    this.#largest = largestBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  confirmed(bytes: number, sentAt: Millis, now: Millis): void {
    const tookMs = now - sentAt;
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    const queuedMs = tookMs - this.#quickestMs;
    if (queuedMs <= SHORT_QUEUE_MS) this.#bytes = Math.min(this.#largest, this.#bytes + bytes);
    else if (queuedMs >= LONG_QUEUE_MS && sentAt >= this.#shrunkAt) {
      this.#bytes = Math.max(SMALLEST_BYTES, this.#bytes / 2);
      this.#shrunkAt = now;
    }
  }

  /** The link was lost: the next one may be another path. */
  lost(): void {
    this.#bytes = Math.max(SMALLEST_BYTES, Math.min(this.#bytes, FIRST_BYTES));
    this.#quickestMs = Number.POSITIVE_INFINITY;
    this.#shrunkAt = Number.NEGATIVE_INFINITY;
  }
}
