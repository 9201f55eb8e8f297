import type { Millis } from '../../model/time.ts';
import { type BusTiming, frameMs } from './bus-timing.ts';

/** Exchanges that are remembered. */
const KEPT = 32;

/** How long a unit takes to begin its answers: the median of the last ones, the time of the frames themselves taken off. */
export class LatencyMeter {
  readonly #timing: BusTiming;
  readonly #latest: Millis[] = [];
  #next = 0;

  constructor(timing: BusTiming) {
    this.#timing = timing;
  }

  /** @param tookMs from sending the request to the whole answer @param pdu their bytes, function code included */
  take(tookMs: Millis, pdu: { readonly request: number; readonly reply: number }): void {
    const onWire = frameMs(this.#timing, pdu.request) + frameMs(this.#timing, pdu.reply);
    this.#latest[this.#next] = Math.max(0, tookMs - onWire);
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Null before the first answer. */
  get medianMs(): Millis | null {
    return [...this.#latest].sort((a, b) => a - b)[this.#latest.length >>> 1] ?? null;
  }
}
