import type { Clock, Timer } from '../../src/ports/clock.ts';
import { systemClock } from '../../src/ports/system-clock.ts';

/** How often the process looks whether it is being run, ms. */
const LOOK_MS = 5;
/** What passes between two looks is lived up to here, or as far as this thread used the processor; beyond, nobody ran it. */
const MOST_MS = 10;

let lived = 0;
let lookedAt = performance.now();
let usedAt = usedMs();
setInterval(livedMs, LOOK_MS).unref();

function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/**
 * Milliseconds that this process has lived since its first call: those of the clock, without what it was kept waiting for the processor by
 * others or stood still with the whole machine. A time-out, or a bound on how long something takes, holds in it on any machine; it never
 * runs faster than the clock. What this thread computes counts, what another process takes for an answer counts.
 */
export function livedMs(): number {
  const now = performance.now();
  const used = usedMs();
  lived += Math.min(now - lookedAt, Math.max(MOST_MS, used - usedAt));
  lookedAt = now;
  usedAt = used;
  return lived;
}

/** How long a task took, in lived milliseconds. */
export async function livedMsOf(task: () => Promise<unknown>): Promise<number> {
  const since = livedMs();
  await task();
  return livedMs() - since;
}

/** The machine's clock, but durations and timers go by lived time: what is under test runs into no time-out that the machine made. */
export const livedClock: Clock = {
  ...systemClock,
  monotonic: livedMs,
  after: (delayMs, callback) => {
    const due = livedMs() + delayMs;
    let timer: Timer;
    const look = () => {
      const leftMs = due - livedMs();
      if (leftMs <= 0) callback();
      else timer = systemClock.after(leftMs, look);
    };
    timer = systemClock.after(delayMs, look);
    return { cancel: () => timer.cancel() };
  },
};
