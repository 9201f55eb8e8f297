import { setTimeout as pause } from 'node:timers/promises';

/** Wait for a condition; fails with `what` after the deadline (default 10 s). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  options: { readonly what: string; readonly timeoutMs?: number; readonly everyMs?: number },
): Promise<void> {
  const deadline = performance.now() + (options.timeoutMs ?? 10_000);
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${options.what}`);
    await pause(options.everyMs ?? 10);
  }
}
