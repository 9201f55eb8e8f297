import type { Millis } from '../../model/time.ts';
import type { Random } from '../../ports/clock.ts';
import type { ServiceLimits } from './limits.ts';

/** How long to wait before a service is started again after so many crashes in a row: doubled each time, spread over ±50 %. */
export function restartDelayMs(crashes: number, limits: ServiceLimits, random: Random): Millis {
  const base =
    crashes >= limits.crashesToFail
      ? limits.failedRetryMs
      : Math.min(limits.maxBackoffMs, limits.backoffMs * 2 ** (crashes - 1));
  return base * (0.5 + random());
}
