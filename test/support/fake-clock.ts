import type { Clock, Timer } from '../../src/ports/clock.ts';

interface Pending {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that moves only when told: wall and monotonic time advance together; `step` moves the wall alone. */
export class FakeClock implements Clock {
  #wall: number;
  #mono = 0;
  readonly #pending = new Set<Pending>();

  constructor(wall = 1_700_000_000_000) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#mono;
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry = { due: this.#mono + delayMs, callback };
    this.#pending.add(entry);
    return { cancel: () => this.#pending.delete(entry) };
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }

  /** Timers not yet due. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Move the wall clock without time passing. */
  step(byMs: number): void {
    this.#wall += byMs;
  }

  /** Let time pass: due callbacks run in order, with promise reactions between them. */
  async advance(byMs: number): Promise<void> {
    const end = this.#mono + byMs;
    for (;;) {
      const next = [...this.#pending].filter((entry) => entry.due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#pending.delete(next);
      this.#wall += next.due - this.#mono;
      this.#mono = next.due;
      next.callback();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#wall += end - this.#mono;
    this.#mono = end;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
