import type { Millis } from '../../model/time.ts';

/** Marks of one second each that are kept. */
const MARKS = 10;
const MARK_MS = 1_000;

/** How much of the last ten seconds or so something was busy. */
export class UseMeter {
  readonly #marks: { readonly at: Millis; readonly busyMs: Millis }[];

  constructor(now: Millis) {
    this.#marks = [{ at: now, busyMs: 0 }];
  }

  /** Take the busy time so far; called whenever it has grown. */
  take(now: Millis, busyMs: Millis): void {
    if (now - (this.#marks.at(-1)?.at ?? 0) < MARK_MS) return;
    this.#marks.push({ at: now, busyMs });
    if (this.#marks.length > MARKS) this.#marks.shift();
  }

  /** The share since the oldest mark; null while that is less than a second ago. */
  share(now: Millis, busyMs: Millis): number | null {
    const [oldest] = this.#marks;
    if (oldest === undefined || now - oldest.at < MARK_MS) return null;
    return Math.min(1, (busyMs - oldest.busyMs) / (now - oldest.at));
  }
}
