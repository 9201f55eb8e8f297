import type { Clock, Random, Timer } from '../../src/ports/clock.ts';

interface Scheduled {
  readonly due: number;
  readonly order: number;
  callback: (() => void) | null;
}

/**
 * A life's time: a queue of callbacks, run one after another in the order of their times, with all promise reactions in between.
 * Nothing else moves in a simulated life, so that the same seed gives the same life.
 */
export class VirtualTime {
  readonly #heap: Scheduled[] = [];
  #order = 0;
  #now = 0;
  /** Of the wall clock at the beginning of the life. */
  readonly #wallStart: number;
  #wallOffset = 0;
  /** Callbacks run so far. */
  steps = 0;

  constructor(wallStart: number) {
    this.#wallStart = wallStart;
  }

  /** Milliseconds since the life began. */
  get now(): number {
    return this.#now;
  }

  get wall(): number {
    return this.#wallStart + this.#wallOffset + this.#now;
  }

  /** Set the wall clock forward or back. */
  stepWall(byMs: number): void {
    this.#wallOffset += byMs;
  }

  at(delayMs: number, callback: () => void): Timer {
    const entry: Scheduled = { due: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#push(entry);
    return {
      cancel: () => {
        entry.callback = null;
      },
    };
  }

  /**
   * Run until a condition holds, nothing is left, or a time has come.
   * @param afterEach called when a callback and all its reactions are through
   */
  async run(until: number, isOver: () => boolean, afterEach: () => void): Promise<void> {
    while (!isOver()) {
      const next = this.#heap[0];
      if (next === undefined || next.due > until) {
        this.#now = Math.max(this.#now, until);
        return;
      }
      this.#pop();
      const { callback } = next;
      if (callback === null) continue;
      this.#now = next.due;
      this.steps++;
      callback();
      // The queue of promise reactions is empty when the event loop comes round.
      await new Promise<void>((resolve) => setImmediate(resolve));
      afterEach();
    }
  }

  #push(entry: Scheduled): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >>> 1;
      if (!isBefore(entry, heap[parent] as Scheduled)) break;
      heap[i] = heap[parent] as Scheduled;
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Scheduled, heap[child] as Scheduled)) child++;
      if (!isBefore(heap[child] as Scheduled, last)) break;
      heap[i] = heap[child] as Scheduled;
      i = child;
    }
    heap[i] = last;
  }
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

/** A timer that waits at all waits at least so long: less might be lost in the sum of two times, and it would come at once for ever. */
const SHORTEST_WAIT_MS = 0.01;

/** The clock of one process of a life: when the process is gone, nothing that it had asked for comes. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #startedAt: number;
  isAlive = true;

  constructor(time: VirtualTime) {
    this.#time = time;
    this.#startedAt = time.now;
  }

  now(): number {
    return this.#time.wall;
  }

  monotonic(): number {
    return this.#time.now - this.#startedAt;
  }

  after(delayMs: number, callback: () => void): Timer {
    return this.#time.at(delayMs > 0 ? Math.max(delayMs, SHORTEST_WAIT_MS) : 0, () => {
      if (this.isAlive) callback();
    });
  }

  soon(callback: () => void): void {
    this.after(0, callback);
  }
}

/** Chance with the shapes that a life needs. */
export class Dice {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low);
  }

  /** A whole number from low to high, both possible. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.random() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.random() * items.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }
}
