import type { Millis } from '../../model/time.ts';

/** What a service is busy with. */
export interface Work {
  /** The event; 0: none. */
  readonly sequence: number;
  /** Monotonic. */
  readonly since: Millis;
}

/**
 * Who of a worker's services is at work, and on which event. Shown in shared memory, so that the host knows whom to blame when the
 * thread died: of several that wait for something, the one that began last; nobody when all are idle.
 */
export class WorkMarker {
  readonly #shared: Float64Array<SharedArrayBuffer>;
  readonly #busy = new Map<number, Work>();

  constructor(shared: Float64Array<SharedArrayBuffer>) {
    this.#shared = shared;
  }

  enter(position: number, sequence: number): void {
    this.#busy.delete(position);
    this.#busy.set(position, { sequence, since: performance.now() });
    this.#show(position, sequence);
  }

  leave(position: number): void {
    this.#busy.delete(position);
    this.#shared[0] = 0;
    for (const [other, { sequence }] of this.#busy) this.#show(other, sequence);
  }

  workOf(position: number): Work | null {
    return this.#busy.get(position) ?? null;
  }

  #show(position: number, sequence: number): void {
    this.#shared[0] = position + 1;
    this.#shared[1] = sequence;
  }
}
