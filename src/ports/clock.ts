import type { EpochMs, Millis } from '../model/time.ts';

/** A running timer. */
export interface Timer {
  cancel(): void;
}

/** The only source of time. Tests inject their own. */
export interface Clock {
  /** Wall clock; may step in either direction. */
  now(): EpochMs;
  /** Never steps back; for durations and deadlines. */
  monotonic(): Millis;
  /** Call once after a delay; never earlier; an unreferenced timer does not keep the process. */
  after(delayMs: Millis, callback: () => void): Timer;
  /** Call once in a later turn of the event loop, as soon as may be: after what waits in this one. */
  soon(callback: () => void): void;
}

/** The only source of chance: a number in [0, 1). */
export type Random = () => number;
