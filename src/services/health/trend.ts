import { counted } from '../../model/counted.ts';

/** A point of a health indicator: ms, and its value; a higher one is worse. */
interface Point {
  readonly time: number;
  readonly level: number;
}

/** When the indicator is expected to reach the limit: epoch ms, as quantiles. */
interface PredictedFailure {
  readonly p10: number;
  readonly p50: number;
  readonly p90: number;
}

/** A date, or why there is none. */
export type Prediction =
  | { readonly failure: PredictedFailure; readonly reason: null }
  | { readonly failure: null; readonly reason: string };

const MOST_POINTS = 256;
const LEAST_POINTS = 20;
/** How many starts of the trend are tried. */
const STARTS_TRIED = 24;
/** Standard normal deviate of the 10 % and 90 % quantiles. */
const Z90 = 1.2816;
/** The slope must stand out from its error by this factor. */
const LEAST_SIGNIFICANCE = 3;
/** P90 may be at most so many times as far away as P10. */
const WIDEST_SPREAD = 6;

/** What a date is measured against. */
export interface TrendTarget {
  readonly limit: number;
  readonly horizonMs: number;
}

/**
 * Remaining life by extrapolating a health indicator: a straight line through its recent points, whose significance knows that
 * successive points resemble each other. Constant memory: when full, neighbours are averaged.
 */
export class Trend {
  #points: Point[];
  /** How many ticks make one point, and those collected so far. */
  #ticksPerPoint: number;
  #pending: Point[] = [];

  constructor(snapshot?: TrendSnapshot) {
    this.#points = [...(snapshot?.points ?? [])];
    this.#ticksPerPoint = snapshot?.ticksPerPoint ?? 1;
  }

  add(time: number, level: number): void {
    this.#pending.push({ time, level });
    if (this.#pending.length < this.#ticksPerPoint) return;
    this.#points.push(averageOf(this.#pending));
    this.#pending = [];
    if (this.#points.length < MOST_POINTS) return;
    this.#points = Array.from({ length: MOST_POINTS / 2 }, (_, i) => averageOf(this.#points.slice(2 * i, 2 * i + 2)));
    this.#ticksPerPoint *= 2;
  }

  /** The asset was repaired: its past says nothing any more. */
  reset(): void {
    this.#points = [];
    this.#pending = [];
    this.#ticksPerPoint = 1;
  }

  /** When the indicator reaches the limit, if a date is deserved at `now`. */
  predict(now: number, target: TrendTarget): Prediction {
    if (this.#points.length < LEAST_POINTS) {
      return none(`only ${counted(this.#points.length, 'point')} of a trend; ${LEAST_POINTS} are needed`);
    }
    const line = this.#clearestLine();
    if (!(line.slope > 0) || line.slope < LEAST_SIGNIFICANCE * line.slopeError) return none('no significant trend');
    const last = this.#points.at(-1) as Point;
    const level = line.at(last.time);
    if (level >= target.limit) return none('the limit has been reached already');
    const distance = (margin: number, slope: number) => Math.max(0, target.limit - level - margin) / slope;
    const p50 = now + distance(0, line.slope);
    const p10 = now + distance(Z90 * line.residual, line.slope + Z90 * line.slopeError);
    const slowest = line.slope - Z90 * line.slopeError;
    const p90 = now + distance(-Z90 * line.residual, slowest);
    if (p90 - now > target.horizonMs) return none('too far away for a date');
    if (p90 - now > WIDEST_SPREAD * Math.max(p10 - now, (p50 - now) / WIDEST_SPREAD))
      return none('too uncertain for a date');
    return { failure: { p10, p50, p90 }, reason: null };
  }

  snapshot(): TrendSnapshot {
    return { points: this.#points, ticksPerPoint: this.#ticksPerPoint };
  }

  /** The line to the newest point that stands out most from its error: it starts about where wear set in. */
  #clearestLine(): Line {
    const latest = this.#points.length - LEAST_POINTS;
    const step = Math.max(1, Math.ceil(latest / STARTS_TRIED));
    let clearest = fit(this.#points);
    for (let from = step; from <= latest; from += step) {
      const line = fit(this.#points.slice(from));
      if (line.slope / line.slopeError > clearest.slope / clearest.slopeError) clearest = line;
    }
    return clearest;
  }
}

/** Plain JSON. */
export interface TrendSnapshot {
  readonly points: readonly Point[];
  readonly ticksPerPoint: number;
}

/** A fitted line; errors as standard deviations. */
interface Line {
  readonly slope: number;
  readonly slopeError: number;
  readonly residual: number;
  at(time: number): number;
}

function none(reason: string): Prediction {
  return { failure: null, reason };
}

function averageOf(points: readonly Point[]): Point {
  const sum = points.reduce((total, { time, level }) => ({ time: total.time + time, level: total.level + level }), {
    time: 0,
    level: 0,
  });
  return { time: sum.time / points.length, level: sum.level / points.length };
}

/**
 * Least squares with the slope's error widened for first-order autocorrelation of the residuals.
 * @source Bence: Analysis of short time series: correcting for autocorrelation, Ecology 76 (1995)
 */
function fit(points: readonly Point[]): Line {
  const { time: meanTime, level: meanLevel } = averageOf(points);
  let squares = 0;
  let product = 0;
  for (const { time, level } of points) {
    squares += (time - meanTime) ** 2;
    product += (time - meanTime) * (level - meanLevel);
  }
  const slope = product / squares;
  const at = (time: number) => meanLevel + slope * (time - meanTime);
  const residuals = points.map(({ time, level }) => level - at(time));
  const energy = residuals.reduce((sum, residual) => sum + residual ** 2, 0);
  const lagged = residuals.slice(1).reduce((sum, residual, i) => sum + residual * (residuals[i] as number), 0);
  const correlation = energy > 0 ? Math.min(0.95, Math.max(0, lagged / energy)) : 0;
  const residual = Math.sqrt(energy / Math.max(1, points.length - 2));
  const slopeError = (residual / Math.sqrt(squares)) * Math.sqrt((1 + correlation) / (1 - correlation));
  return { slope, slopeError, residual, at };
}
