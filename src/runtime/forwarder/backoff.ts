import type { Millis } from '../../model/time.ts';
import type { Random } from '../../ports/clock.ts';

/**
 * The wait before an attempt: doubles from `minMs` to `maxMs` with each failure, and lies by chance between half and all of that,
 * so that a thousand gateways do not come back together.
 * @param failures attempts that failed so far, from 0
 */
export function backoffMs(failures: number, minMs: Millis, maxMs: Millis, random: Random): Millis {
  const ceiling = Math.min(maxMs, minMs * 2 ** Math.min(failures, 30));
  return ceiling / 2 + (random() * ceiling) / 2;
}
