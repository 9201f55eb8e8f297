import { ZONE_CAPS, type Zone } from './zones.ts';

/** Points lost each time the statistic doubles beyond its limit. */
const POINTS_PER_DOUBLING = 12;

/** How far beyond its limit the statistic is when the score reaches 0. */
export const WORST_SEVERITY = 2 ** (100 / POINTS_PER_DOUBLING);

/** Weight of the newest tick in the shown score. */
const SMOOTHING = 0.2;
/** The score moves by at most so many points a tick. */
const LARGEST_STEP = 8;

/** 0 (worst) to 100 of one tick: how far the statistic is beyond its limit, capped by the worst absolute zone. */
export function scoreOf(statistic: number, limit: number, zone: Zone): number {
  const excess = Math.max(1, statistic / limit);
  return Math.min(ZONE_CAPS[zone], Math.max(0, 100 - POINTS_PER_DOUBLING * Math.log2(excess)));
}

/** The shown score follows the ticks' scores slowly, so that one odd tick moves nobody. */
export class ScoreFilter {
  #score: number | null;

  constructor(score: number | null = null) {
    this.#score = score;
  }

  step(raw: number): number {
    const before = this.#score ?? raw;
    const step = Math.max(-LARGEST_STEP, Math.min(LARGEST_STEP, SMOOTHING * (raw - before)));
    this.#score = before + step;
    return this.#score;
  }

  get value(): number | null {
    return this.#score;
  }
}
