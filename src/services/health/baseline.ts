import { inverseOf, type SymmetricMatrix } from './matrix.ts';

/** Share of the learning ticks that make mean and covariance; the others calibrate the limit. */
const FIT_SHARE = 0.7;
/** A signal is known once it could be trusted in this share of the ticks that the others were learnt from. */
const KNOWN_SHARE = 0.5;
/** Spread that a signal is given at least, as a share of its level: a constant in learning is not infinitely sure. */
const LEAST_RELATIVE_SPREAD = 0.002;

/** What may be written down and read back, as plain JSON. */
export interface BaselineSnapshot {
  readonly count: number;
  readonly mean: readonly number[];
  readonly moments: readonly number[];
  readonly calibration: readonly number[];
  /** Ticks in which each signal could be trusted; without it, all of them. */
  readonly counts?: readonly number[];
}

/** What an asset does when it is well, in one regime: the level and spread of each signal and how they go together. */
export interface Baseline {
  readonly mean: Float64Array;
  readonly spread: Float64Array;
  /** Inverse of the shrunken correlation matrix. */
  readonly precision: SymmetricMatrix;
  /** False for a signal that could hardly be trusted while the others were learnt: it is not judged. */
  readonly isKnown: readonly boolean[];
}

/**
 * Learns a baseline from clean ticks: Welford's mean and co-moments over the first part, then statistics of the finished baseline
 * over the rest, which calibrate the limit. Constant memory but for the calibration values (30 % of the ticks). A signal that cannot be
 * trusted (NaN) does not keep the others from being learnt, and is learnt later, when it can.
 */
export class BaselineLearner {
  readonly #size: number;
  readonly #ticks: number;
  #count = 0;
  readonly #mean: Float64Array;
  readonly #moments: Float64Array;
  readonly #counts: Float64Array;
  readonly #calibration: number[] = [];
  #fitted: Baseline | null = null;

  /** @param ticks how many make the baseline, calibration included */
  constructor(size: number, ticks: number, snapshot?: BaselineSnapshot) {
    this.#size = size;
    this.#ticks = ticks;
    this.#mean = Float64Array.from(snapshot?.mean ?? new Float64Array(size));
    this.#moments = Float64Array.from(snapshot?.moments ?? new Float64Array(size * size));
    this.#count = snapshot?.count ?? 0;
    this.#counts = Float64Array.from(snapshot?.counts ?? new Float64Array(size).fill(this.#count));
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

  /** Learn from one clean tick; NaN for a signal that cannot be trusted. */
  learn(values: Float64Array): void {
    this.#count++;
    this.#take(values);
    if (this.#count >= this.#fitTicks) this.#fitted = this.#fit();
  }

  /** Learn, after the fit, the signals that were not there to be learnt before; each apart from the others. */
  catchUp(values: Float64Array): void {
    const { isKnown } = this.#fitted ?? {};
    if (isKnown === undefined || !isKnown.includes(false)) return;
    const missing = values.map((value, i) => (isKnown[i] === false ? value : Number.NaN));
    if (missing.every((value) => Number.isNaN(value))) return;
    this.#take(missing);
    if (isKnown.some((known, i) => !known && this.#isKnown(i))) this.#fitted = this.#fit();
  }

  /** Keep the statistic of a clean tick after the fit. */
  calibrate(statistic: number): void {
    this.#calibration.push(statistic);
  }

  snapshot(): BaselineSnapshot {
    return {
      count: this.#count,
      mean: [...this.#mean],
      moments: [...this.#moments],
      calibration: this.#calibration,
      counts: [...this.#counts],
    };
  }

  #take(values: Float64Array): void {
    const before = Float64Array.from(values, (value, i) => value - (this.#mean[i] as number));
    for (let i = 0; i < this.#size; i++) {
      if (Number.isNaN(before[i])) continue;
      this.#counts[i] = (this.#counts[i] as number) + 1;
      this.#mean[i] = (this.#mean[i] as number) + (before[i] as number) / (this.#counts[i] as number);
    }
    for (let i = 0; i < this.#size; i++) {
      for (let j = 0; j < this.#size; j++) {
        const cell = i * this.#size + j;
        const after = (values[j] as number) - (this.#mean[j] as number);
        const product = (before[i] as number) * after;
        if (!Number.isNaN(product)) this.#moments[cell] = (this.#moments[cell] as number) + product;
      }
    }
  }

  #isKnown(signal: number): boolean {
    return (this.#counts[signal] as number) >= Math.max(2, this.#fitTicks * KNOWN_SHARE);
  }

  get #fitTicks(): number {
    return Math.ceil(this.#ticks * FIT_SHARE);
  }

  #fit(): Baseline | null {
    const size = this.#size;
    const variance = (i: number) =>
      Math.max(0, (this.#moments[i * size + i] as number) / Math.max(1, (this.#counts[i] as number) - 1));
    const spread = Float64Array.from({ length: size }, (_, i) =>
      Math.max(Math.sqrt(variance(i)), Math.abs(this.#mean[i] as number) * LEAST_RELATIVE_SPREAD, 1e-9),
    );
    // Shrinkage towards independence, stronger with few ticks for many signals (after Ledoit and Wolf, 2004).
    const shrinkage = Math.min(0.9, 0.05 + size / this.#count);
    const cells = new Float64Array(size * size);
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        // Of a pair, what was seen together: too few ticks bring it nearer to independence.
        const together = Math.max(this.#counts[i] as number, this.#counts[j] as number, 2);
        const covariance = (this.#moments[i * size + j] as number) / (together - 1);
        const correlation = covariance / ((spread[i] as number) * (spread[j] as number));
        cells[i * size + j] = i === j ? 1 : (1 - shrinkage) * correlation;
      }
    }
    const precision = inverseOf({ size, cells });
    if (precision === null) return null;
    const isKnown = Array.from({ length: size }, (_, i) => this.#isKnown(i));
    return { mean: this.#mean.slice(), spread, precision, isKnown };
  }
}
