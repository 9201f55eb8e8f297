import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/**
 * Call once after a delay with a fraction, never earlier. Timers are whole milliseconds and late by up to one: the last fraction is waited for
 * turn by turn of the event loop, which reads what has come meanwhile. At least one turn passes after the delay.
 */
export function afterExactly(clock: Clock, delayMs: Millis, act: () => void): Timer {
  const due = clock.monotonic() + delayMs;
  let isCancelled = false;
  let timer: Timer | null = null;
  const look = () => {
    if (isCancelled) return;
    const restMs = due - clock.monotonic();
    if (restMs >= 1) timer = clock.after(Math.floor(restMs), look);
    else setImmediate(restMs > 0 ? look : () => isCancelled || act());
  };
  look();
  return {
    cancel: () => {
      isCancelled = true;
      timer?.cancel();
    },
  };
}
