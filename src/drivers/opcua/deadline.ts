import { type ErrorContext, HeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';

/**
 * Wait for something no longer than a time; what comes later is ignored.
 * @throws OPCUA_TIMEOUT
 */
export function withDeadline<T>(
  clock: Clock,
  timeoutMs: Millis,
  context: ErrorContext & { readonly what: string },
  work: Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => reject(new HeadgateError('OPCUA_TIMEOUT', { ...context, timeoutMs })));
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error instanceof Error ? error : new Error(String(error)));
      },
    );
  });
}

/** Wait for something, but not longer than a time and whatever becomes of it. */
export function settleWithin(clock: Clock, timeoutMs: Millis, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(timeoutMs, resolve);
    const done = () => {
      timer.cancel();
      resolve();
    };
    work.then(done, done);
  });
}
