import { isGood } from '../../model/quality.ts';
import type { SignalConfig } from './config.ts';

/** Ticks with exactly the same value while others move, after which a signal of a running asset is taken to be stuck. */
const FLATLINE_TICKS = 120;

export type SensorFaultKind = 'bad_quality' | 'stale' | 'out_of_range' | 'flatline';

/** A signal that cannot be trusted: lowers confidence, never health. */
export interface SensorFault {
  readonly tag: string;
  readonly kind: SensorFaultKind;
}

/** Collects the samples of one signal over a tick and says whether they can be trusted. */
export class SignalGate {
  readonly #config: SignalConfig;
  readonly #staleMs: number;
  #sum = 0;
  #count = 0;
  #held: number | null = null;
  #isBad = false;
  #newsAt = Number.NEGATIVE_INFINITY;
  #sameTicks = 0;
  #lastMean = Number.NaN;

  constructor(config: SignalConfig, staleMs: number) {
    this.#config = config;
    this.#staleMs = staleMs;
  }

  /** @param time source time; @param value null when Bad */
  take(time: number, value: number | null, status: number): void {
    this.#newsAt = Math.max(this.#newsAt, time);
    this.#isBad = value === null || !isGood(status);
    if (value === null || this.#isBad) return;
    this.#held = value;
    this.#sum += value;
    this.#count++;
  }

  /** Close the tick at `time`: the mean of its samples, or the value held by report-by-exception; or the fault. */
  close(time: number): number | SensorFaultKind {
    const mean = this.#count > 0 ? this.#sum / this.#count : this.#held;
    this.#sum = 0;
    this.#count = 0;
    if (this.#isBad) return 'bad_quality';
    if (mean === null || time - this.#newsAt > this.#staleMs) return 'stale';
    const { range_low: low = Number.NEGATIVE_INFINITY, range_high: high = Number.POSITIVE_INFINITY } = this.#config;
    if (mean < low || mean > high) return 'out_of_range';
    this.#sameTicks = mean === this.#lastMean ? this.#sameTicks + 1 : 0;
    this.#lastMean = mean;
    return this.#sameTicks >= FLATLINE_TICKS && this.#config.role === 'vibration_velocity' ? 'flatline' : mean;
  }
}
