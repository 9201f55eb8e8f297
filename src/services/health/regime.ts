import type { HealthAssetConfig } from './config.ts';

/** Which way the asset is run: `standstill` and `settling` are not scored; `running`, or `running-<n>` above n borders, are. */
export type Regime = string;

export const STANDSTILL: Regime = 'standstill';
export const SETTLING: Regime = 'settling';

/** Tells the regime of each tick from the tag that shows speed or load; leaves out the first ticks after each change. */
export class RegimeTracker {
  readonly #running: HealthAssetConfig['running'];
  readonly #settleTicks: number;
  #regime: Regime | null = null;
  #ticksInRegime = 0;

  constructor(running: HealthAssetConfig['running'], settleTicks: number) {
    this.#running = running;
    this.#settleTicks = settleTicks;
  }

  /** @param load value of the running tag; null: unknown, which is not scored */
  step(load: number | null): Regime {
    const regime = this.#regimeOf(load);
    this.#ticksInRegime = regime === this.#regime ? this.#ticksInRegime + 1 : 1;
    this.#regime = regime;
    if (regime === STANDSTILL || this.#ticksInRegime > this.#settleTicks) return regime;
    return SETTLING;
  }

  #regimeOf(load: number | null): Regime {
    if (this.#running === undefined) return 'running';
    if (load === null || load <= this.#running.above) return STANDSTILL;
    const levels = this.#running.levels ?? [];
    const passed = levels.filter((level) => load > level).length;
    return levels.length === 0 ? 'running' : `running-${passed}`;
  }
}
