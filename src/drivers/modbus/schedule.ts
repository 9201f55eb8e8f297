import type { Millis } from '../../model/time.ts';
import type { Random } from '../../ports/clock.ts';

/** When a scan is due next, and how many beats were left out because they had passed. */
export interface Beat {
  readonly due: Millis;
  readonly missed: number;
}

/**
 * The beat after one that is done. Beats stay on the grid of the first one: they do not drift, and what a stall or a slow device
 * made late is left out, not caught up with.
 * @param due when the finished scan was due
 */
export function nextBeat(due: Millis, periodMs: Millis, now: Millis): Beat {
  const missed = Math.max(0, Math.floor((now - due) / periodMs));
  return { due: due + (missed + 1) * periodMs, missed };
}

/** Position of the one with the earliest deadline among those that may go, the first of equals; -1 of none. */
export function earliest<T extends { readonly deadline: Millis }>(
  waiting: readonly T[],
  mayGo: (one: T) => boolean = () => true,
): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < waiting.length; i++) {
    const one = waiting[i] as T;
    if ((best < 0 || one.deadline < least) && mayGo(one)) {
      least = one.deadline;
      best = i;
    }
  }
  return best;
}

/**
 * Pause before an attempt: doubles with each failure from `minMs` to `maxMs`, of which half is left to chance, so that many gateways
 * do not come back at once.
 * @param failures in a row, at least 1
 */
export function backoffMs(failures: number, minMs: Millis, maxMs: Millis, random: Random): Millis {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random();
}
