import type { Millis } from '../../model/time.ts';
import { isBitArea } from './area.ts';
import { type BusTiming, readMs } from './bus-timing.ts';
import type { Extent, ReadCost } from './plan.ts';

/** How fast a unit answers. */
export interface UnitPace {
  /** From the end of a request to the beginning of its answer. */
  readonly latencyMs: Millis;
  /** What each register adds, beside its characters on a known line; null: not known. */
  readonly registerMs: Millis | null;
}

/**
 * Registers that are taken to cost as much as a request of their own where the line is not known: TCP alone, where they cost nearly nothing
 * but a device may copy them slowly, or a gateway to a line that nobody described, where it is 15 at 9,600 baud and 30 at 19,200.
 */
const REGISTERS_PER_REQUEST = 32;
/** So many they are at most, whatever was measured: what nobody wants is not free for the device. */
const MOST_REGISTERS_PER_REQUEST = 250;

/** The time that a read takes the wire, as far as it is known. */
export function readTimeMs(timing: BusTiming, read: Pick<Extent, 'area' | 'count'>, pace: UnitPace): Millis {
  return readMs(timing, read, pace.latencyMs) + (pace.registerMs ?? 0) * registersOf(read);
}

/** What a read costs in a plan: the time that it takes the wire and, where nothing says what a register takes, something for each. */
export function readCost(timing: BusTiming, pace: UnitPace): ReadCost {
  if (timing.characterMs > 0) return (read) => readTimeMs(timing, read, pace);
  const requestMs = pace.latencyMs + timing.pauseMs;
  const leastMs = requestMs / (pace.registerMs === null ? REGISTERS_PER_REQUEST : MOST_REGISTERS_PER_REQUEST);
  const registerMs = Math.max(leastMs, pace.registerMs ?? 0);
  return (read) => readTimeMs(timing, read, { ...pace, registerMs });
}

function registersOf({ area, count }: Pick<Extent, 'area' | 'count'>): number {
  return isBitArea(area) ? Math.ceil(count / 16) : count;
}
