import type { Writable } from 'node:stream';

const MAX_QUEUED = 1_000;

/**
 * Lines on their way to one reader. Encoded only when the reader takes them; of a reader that is too slow the oldest of those that wait are
 * dropped and counted, and it is told how many by a line `{"dropped":n}`.
 */
export class LineTail {
  readonly #stream: Writable;
  readonly #onDropped: (count: number) => void;
  readonly #maxQueued: number;
  readonly #queue: (() => string)[] = [];
  #dropped = 0;
  #isBlocked = false;

  constructor(stream: Writable, onDropped: (count: number) => void, maxQueued = MAX_QUEUED) {
    this.#stream = stream;
    this.#maxQueued = maxQueued;
    this.#onDropped = onDropped;
    stream.on('drain', () => {
      this.#isBlocked = false;
      this.#flush();
    });
  }

  push(encode: () => string): void {
    if (this.#stream.destroyed) return;
    if (this.#queue.length >= this.#maxQueued) {
      this.#queue.shift();
      this.#dropped++;
      this.#onDropped(1);
    }
    this.#queue.push(encode);
    if (!this.#isBlocked) this.#flush();
  }

  #flush(): void {
    while (!this.#isBlocked) {
      if (this.#dropped > 0) {
        this.#isBlocked = !this.#stream.write(`{"dropped":${this.#dropped}}\n`);
        this.#dropped = 0;
        continue;
      }
      const encode = this.#queue.shift();
      if (encode === undefined) return;
      this.#isBlocked = !this.#stream.write(`${encode()}\n`);
    }
  }
}
