import type { Millis } from '../../model/time.ts';
import { isBitArea } from './area.ts';
import { type BusTiming, readMs } from './bus-timing.ts';
import type { ReadCost } from './plan.ts';

/**
 * Registers that are taken to cost as much as a request of their own where the line is not known: TCP alone, where they cost nearly nothing
 * but a device may copy them slowly, or a gateway to a line that nobody described, where it is 15 at 9,600 baud and 30 at 19,200.
 */
const REGISTERS_PER_REQUEST = 32;

/** What a read costs in a plan: the time that it takes the wire and, where the line is not known, something for each register. */
export function readCost(timing: BusTiming, latencyMs: Millis): ReadCost {
  if (timing.characterMs > 0) return (read) => readMs(timing, read, latencyMs);
  const perRegister = (latencyMs + timing.pauseMs) / REGISTERS_PER_REQUEST;
  return (read) =>
    readMs(timing, read, latencyMs) + perRegister * (isBitArea(read.area) ? Math.ceil(read.count / 16) : read.count);
}
