import { setTimeout as pause } from 'node:timers/promises';
import type { Millis } from '../model/time.ts';

/** Wait until a signal, or for a time, and look each second how it goes. */
export async function lasting(stop: AbortSignal, durationMs: Millis | undefined, look: () => void): Promise<void> {
  const until = durationMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + durationMs;
  while (!stop.aborted && performance.now() < until) {
    await pause(Math.min(1_000, Math.max(1, until - performance.now())), undefined, { signal: stop }).catch(
      () => undefined,
    );
    look();
  }
}
