import type { Baseline } from './baseline.ts';
import { times } from './matrix.ts';

/** Weight of the newest tick: small shifts show within some ten ticks, single outliers do not. */
const SMOOTHING = 0.2;

/** The statistic of one tick and what each signal adds to it; the parts sum to the whole. */
export interface Statistic {
  readonly value: number;
  readonly contributions: Float64Array;
}

/**
 * Multivariate exponentially weighted moving average with Hotelling's T².
 * @source Lowry, Woodall, Champ, Rigdon: A Multivariate EWMA Control Chart, Technometrics 34 (1992)
 */
export class Mewma {
  readonly #state: Float64Array;
  #steps = 0;

  constructor(size: number) {
    this.#state = new Float64Array(size);
  }

  /** Take a tick. Exact covariance for the steps since the start, so that the first ticks do not look quiet. */
  step(baseline: Baseline, values: Float64Array): Statistic {
    this.#steps++;
    for (let i = 0; i < values.length; i++) {
      const z = ((values[i] as number) - (baseline.mean[i] as number)) / (baseline.spread[i] as number);
      this.#state[i] = SMOOTHING * z + (1 - SMOOTHING) * (this.#state[i] as number);
    }
    const settled = 1 - (1 - SMOOTHING) ** (2 * this.#steps);
    const scale = (2 - SMOOTHING) / (SMOOTHING * settled);
    const weighted = times(baseline.precision, this.#state);
    const contributions = weighted.map((weight, i) => scale * weight * (this.#state[i] as number));
    return { value: contributions.reduce((sum, part) => sum + part, 0), contributions };
  }

  /** Forget the past: after standstill or a change of regime. */
  reset(): void {
    this.#state.fill(0);
    this.#steps = 0;
  }
}

/**
 * The limit of the statistic: what chi-square allows for independent clean ticks, or what the clean history really did, with room.
 * @param size number of signals
 * @param calibration statistics of clean ticks
 */
export function limitOf(size: number, calibration: readonly number[]): number {
  const observed = calibration.length === 0 ? 0 : Math.max(...calibration) * 1.25;
  return Math.max(chiSquareQuantile(size, 4), observed);
}

/**
 * Upper quantile of chi-square at `sigmas` standard normal deviations.
 * @source Wilson, Hilferty (1931)
 */
function chiSquareQuantile(degrees: number, sigmas: number): number {
  const part = 2 / (9 * degrees);
  return degrees * (1 - part + sigmas * Math.sqrt(part)) ** 3;
}
