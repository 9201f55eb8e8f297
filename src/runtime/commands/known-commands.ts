import type { EpochMs } from '../../model/time.ts';

/** Commands are forgotten no sooner than so many are known, and expired. */
const SWEEP_ABOVE = 1_000;
/** More that have not expired are not taken: forgetting one could mean writing twice. */
const MOST = 10_000;

interface Known<T> {
  /** Forgotten at the earliest then. */
  keepUntil: EpochMs;
  readonly answer: T;
}

/** What was answered to commands, by actor and id. One that may still be repeated is never forgotten. */
export class KnownCommands<T> {
  readonly #known = new Map<string, Known<T>>();
  #sweepAbove = SWEEP_ABOVE;

  get(key: string): T | undefined {
    return this.#known.get(key)?.answer;
  }

  /** True when no more can be remembered before some have expired. */
  isFull(now: EpochMs): boolean {
    if (this.#known.size > this.#sweepAbove) {
      for (const [key, { keepUntil }] of this.#known) if (keepUntil <= now) this.#known.delete(key);
      this.#sweepAbove = Math.min(MOST - 1, Math.max(SWEEP_ABOVE, this.#known.size * 2));
    }
    return this.#known.size >= MOST;
  }

  remember(key: string, keepUntil: EpochMs, answer: T): void {
    this.#known.set(key, { keepUntil, answer });
  }

  /** Nothing was done for it, so that doing it again is no repeat. */
  mayForget(key: string): void {
    const known = this.#known.get(key);
    if (known !== undefined) known.keepUntil = Number.NEGATIVE_INFINITY;
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}

/** Ids are each actor's own. */
export function commandKey(actor: string, id: string): string {
  return `${actor} ${id}`;
}
