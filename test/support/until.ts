import { setTimeout as pause } from 'node:timers/promises';
import { livedMs } from './lived-time.ts';

/** Wait for a condition; fails with `what` after the deadline (default 20 s) of lived time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<void> {
  const deadline = livedMs() + (options.timeoutMs ?? 20_000);
  while (!(await condition())) {
    if (livedMs() > deadline) throw new Error(`not in time: ${options.what}`);
    await pause(options.everyMs ?? 10);
  }
}
