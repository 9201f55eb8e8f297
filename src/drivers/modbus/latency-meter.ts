import type { Millis } from '../../model/time.ts';
import { type BusTiming, frameMs } from './bus-timing.ts';
import type { UnitPace } from './read-cost.ts';

/** Exchanges that are remembered. */
const KEPT = 64;
/** Fewer say nothing about a unit's pace. */
const ENOUGH = 16;
/** Answers must differ by so many registers to tell what one takes. */
const LEAST_SPREAD = 16;

/** How long a unit takes for its answers, of the last ones, the time of the frames themselves taken off. */
export class LatencyMeter {
  readonly #timing: BusTiming;
  readonly #silenceMs: Millis;
  readonly #latest: Millis[] = [];
  /** Registers that the answers carried. */
  readonly #sizes: number[] = [];
  #next = 0;

  /** @param silenceMs what is waited for behind an answer before it is taken */
  constructor(timing: BusTiming, silenceMs: Millis) {
    this.#timing = timing;
    this.#silenceMs = silenceMs;
  }

  /** @param tookMs from sending the request until the answer is taken @param pdu their bytes, function code included */
  take(tookMs: Millis, pdu: { readonly request: number; readonly reply: number }): void {
    const onWire = frameMs(this.#timing, pdu.request) + frameMs(this.#timing, pdu.reply) + this.#silenceMs;
    this.#latest[this.#next] = Math.max(0, tookMs - onWire);
    this.#sizes[this.#next] = pdu.reply / 2;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** Null before the first answer. */
  get medianMs(): Millis | null {
    return this.#latest.length === 0 ? null : medianOf(this.#latest);
  }

  /**
   * Medians of the shortest and of the longest answers, a quarter of them each, tell what comes before an answer from what each of its
   * registers takes. Null while too few have come.
   */
  get pace(): UnitPace | null {
    const count = this.#latest.length;
    if (count < ENOUGH) return null;
    const bySize = this.#sizes.keys().toArray();
    bySize.sort((a, b) => this.#size(a) - this.#size(b));
    const quarter = count >> 2;
    const [short, long] = [bySize.slice(0, quarter), bySize.slice(-quarter)].map((group) => ({
      registers: group.reduce((sum, at) => sum + this.#size(at), 0) / quarter,
      tookMs: medianOf(group.map((at) => this.#latest[at] as Millis)),
    })) as [{ registers: number; tookMs: Millis }, { registers: number; tookMs: Millis }];
    const spread = long.registers - short.registers;
    if (spread < LEAST_SPREAD) return { latencyMs: medianOf(this.#latest), registerMs: null };
    const registerMs = Math.max(0, (long.tookMs - short.tookMs) / spread);
    return { latencyMs: Math.max(0, short.tookMs - registerMs * short.registers), registerMs };
  }

  #size(at: number): number {
    return this.#sizes[at] as number;
  }
}

/** @param values at least one */
function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >>> 1] as number;
}
