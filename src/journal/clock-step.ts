import type { EventDraft } from '../model/event.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { Clock } from '../ports/clock.ts';

/** The wall clock was set. */
export const CLOCK_STEP_TYPE = 'headgate.clock-step.v1';

/** Less than this in one look is slewing or a leap smear, and no step. */
const LEAST_STEP_MS = 500;

/** `data` of headgate.clock-step.v1. */
export interface ClockStepData {
  /** What the clock would have said without the step, and what it says. */
  readonly before: EpochMs;
  readonly after: EpochMs;
  /** after - before. */
  readonly stepMs: Millis;
}

/** Holds the wall clock against the monotonic one: what the first does and the second does not is a step. */
export class ClockWatch {
  readonly #clock: Clock;
  #offset: Millis;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** To be called every second or so. Returns the step since the last call; null when there was none. */
  look(): ClockStepData | null {
    const monotonic = this.#clock.monotonic();
    const after = this.#clock.now();
    const stepMs = Math.round(after - monotonic - this.#offset);
    const before = Math.round(monotonic + this.#offset);
    this.#offset = after - monotonic;
    return Math.abs(stepMs) < LEAST_STEP_MS ? null : { before, after: Math.round(after), stepMs };
  }
}

/** The event that tells of a step; its own time is by the clock after it. */
export function clockStepEvent(data: ClockStepData, source: string, subject: string): EventDraft<ClockStepData> {
  return { source, type: CLOCK_STEP_TYPE, subject, time: data.after, lane: 'normal', data };
}
