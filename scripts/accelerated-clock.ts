import type { Clock } from '../src/ports/clock.ts';
import { systemClock } from '../src/ports/system-clock.ts';

/** A clock on which everything happens faster: a second of it lasts 1/speed seconds. */
export function acceleratedClock(speed: number, startsAt: number): Clock {
  const origin = systemClock.monotonic();
  const elapsed = () => (systemClock.monotonic() - origin) * speed;
  return {
    now: () => startsAt + elapsed(),
    monotonic: elapsed,
    after: (delayMs, callback) => systemClock.after(delayMs / speed, callback),
    soon: systemClock.soon,
  };
}
