import { inverseOf, type SymmetricMatrix } from './matrix.ts';

/** Share of the learning ticks that make mean and covariance; the others calibrate the limit. */
const FIT_SHARE = 0.7;
/** Spread that a signal is given at least, as a share of its level: a constant in learning is not infinitely sure. */
const LEAST_RELATIVE_SPREAD = 0.002;

/** What may be written down and read back, as plain JSON. */
export interface BaselineSnapshot {
  readonly count: number;
  readonly mean: readonly number[];
  readonly moments: readonly number[];
  readonly calibration: readonly number[];
}

/** What an asset does when it is well, in one regime: the level and spread of each signal and how they go together. */
export interface Baseline {
  readonly mean: Float64Array;
  readonly spread: Float64Array;
  /** Inverse of the shrunken correlation matrix. */
  readonly precision: SymmetricMatrix;
}

/**
 * Learns a baseline from clean ticks: Welford's mean and co-moments over the first part, then statistics of the finished baseline
 * over the rest, which calibrate the limit. Constant memory but for the calibration values (30 % of the ticks).
 */
export class BaselineLearner {
  readonly #size: number;
  readonly #ticks: number;
  #count = 0;
  readonly #mean: Float64Array;
  readonly #moments: Float64Array;
  readonly #calibration: number[] = [];
  #fitted: Baseline | null = null;

  /** @param ticks how many make the baseline, calibration included */
  constructor(size: number, ticks: number, snapshot?: BaselineSnapshot) {
    this.#size = size;
    this.#ticks = ticks;
    this.#mean = Float64Array.from(snapshot?.mean ?? new Float64Array(size));
    this.#moments = Float64Array.from(snapshot?.moments ?? new Float64Array(size * size));
    this.#count = snapshot?.count ?? 0;
    this.#calibration.push(...(snapshot?.calibration ?? []));
    if (this.#count >= this.#fitTicks) this.#fitted = this.#fit();
  }

  /** 0 to 1. */
  get progress(): number {
    return Math.min(1, (this.#count + this.#calibration.length) / this.#ticks);
  }

  /** The baseline once mean and covariance are learnt; calibration may still go on. */
  get baseline(): Baseline | null {
    return this.#fitted;
  }

  /** Statistics of clean ticks after the fit. */
  get calibration(): readonly number[] {
    return this.#calibration;
  }

  /** Learn from one clean tick. */
  learn(values: Float64Array): void {
    this.#count++;
    const before = Float64Array.from(values, (value, i) => value - (this.#mean[i] as number));
    for (let i = 0; i < this.#size; i++)
      this.#mean[i] = (this.#mean[i] as number) + (before[i] as number) / this.#count;
    for (let i = 0; i < this.#size; i++) {
      for (let j = 0; j < this.#size; j++) {
        const cell = i * this.#size + j;
        const after = (values[j] as number) - (this.#mean[j] as number);
        this.#moments[cell] = (this.#moments[cell] as number) + (before[i] as number) * after;
      }
    }
    if (this.#count >= this.#fitTicks) this.#fitted = this.#fit();
  }

  /** Keep the statistic of a clean tick after the fit. */
  calibrate(statistic: number): void {
    this.#calibration.push(statistic);
  }

  snapshot(): BaselineSnapshot {
    return { count: this.#count, mean: [...this.#mean], moments: [...this.#moments], calibration: this.#calibration };
  }

  get #fitTicks(): number {
    return Math.ceil(this.#ticks * FIT_SHARE);
  }

  #fit(): Baseline | null {
    const size = this.#size;
    const variance = (i: number) => Math.max(0, (this.#moments[i * size + i] as number) / (this.#count - 1));
    const spread = Float64Array.from({ length: size }, (_, i) =>
      Math.max(Math.sqrt(variance(i)), Math.abs(this.#mean[i] as number) * LEAST_RELATIVE_SPREAD, 1e-9),
    );
    // Shrinkage towards independence, stronger with few ticks for many signals (after Ledoit and Wolf, 2004).
    const shrinkage = Math.min(0.9, 0.05 + size / this.#count);
    const cells = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        const covariance = (this.#moments[i * size + j] as number) / (this.#count - 1);
        const correlation = covariance / ((spread[i] as number) * (spread[j] as number));
        cells[i * size + j] = i === j ? 1 : (1 - shrinkage) * correlation;
      }
    }
    const precision = inverseOf({ size, cells });
    return precision === null ? null : { mean: this.#mean.slice(), spread, precision };
  }
}
