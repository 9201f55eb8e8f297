import type { Millis } from '../../model/time.ts';
import type { UnitPace } from './read-cost.ts';

/** Where a pace comes from. */
type PaceSource = 'measured' | 'configured' | 'guessed';

/** A pace by which plans are made. */
export interface KnownPace extends UnitPace {
  readonly from: PaceSource;
}

/** A measured pace is looked at so often. */
const LOOK_MS = 60_000;
/** What differs by less is the same. */
const OTHER_FACTOR = 1.25;
const OTHER_MS = 1;
/** Differences are judged by a read of the longest kind. */
const LONG_READ = 125;

/**
 * The pace of a unit as plans assume it: as configured or guessed, then as measured. It changes at most once a minute, and only for a pace that
 * is clearly another, so that plans stay as they are while a unit only wavers.
 */
export class PlannedPace {
  readonly #measure: () => UnitPace | null;
  #pace: KnownPace;
  #lookAt: Millis = Number.NEGATIVE_INFINITY;

  /** @param measure the pace of late, null while not known */
  constructor(initial: KnownPace, measure: () => UnitPace | null) {
    this.#pace = initial;
    this.#measure = measure;
  }

  /** The same object as long as it is the same. */
  get now(): KnownPace {
    return this.#pace;
  }

  /** Take what was measured, when it is time to. @param now monotonic */
  at(now: Millis): KnownPace {
    if (now < this.#lookAt) return this.#pace;
    const measured = this.#measure();
    if (measured === null) return this.#pace;
    this.#lookAt = now + LOOK_MS;
    if (this.#pace.from !== 'measured' || isOther(measured, this.#pace)) this.#pace = { ...measured, from: 'measured' };
    return this.#pace;
  }
}

function isOther(a: UnitPace, b: UnitPace): boolean {
  return (
    (a.registerMs === null) !== (b.registerMs === null) ||
    differ(a.latencyMs, b.latencyMs) ||
    differ((a.registerMs ?? 0) * LONG_READ, (b.registerMs ?? 0) * LONG_READ)
  );
}

function differ(a: Millis, b: Millis): boolean {
  return Math.abs(a - b) > OTHER_MS && Math.max(a, b) > Math.min(a, b) * OTHER_FACTOR;
}
