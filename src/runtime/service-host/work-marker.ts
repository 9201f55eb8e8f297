/**
 * Says in shared memory which service of a worker is at work and on which event, so that the host knows whom to blame when the thread
 * died. Of several that wait for something, the one that began last; none when all are idle.
 */
export class WorkMarker {
  readonly #shared: Float64Array<SharedArrayBuffer>;
  readonly #busy = new Map<number, number>();

  constructor(shared: Float64Array<SharedArrayBuffer>) {
    this.#shared = shared;
  }

  enter(position: number, sequence: number): void {
    this.#busy.delete(position);
    this.#busy.set(position, sequence);
    this.#show(position, sequence);
  }

  leave(position: number): void {
    this.#busy.delete(position);
    this.#shared[0] = 0;
    for (const [other, sequence] of this.#busy) this.#show(other, sequence);
  }

  #show(position: number, sequence: number): void {
    this.#shared[0] = position + 1;
    this.#shared[1] = sequence;
  }
}
