import type { StoredEvent } from '../../ports/journal.ts';
import type { ServiceLimits } from './limits.ts';

/** How a feed gets events into the worker: returns when they are posted. */
export type SendEvents = (events: readonly StoredEvent[]) => void;

interface Sent {
  through: number;
  readonly events: number;
  readonly bytes: number;
}

/** What a worker owes an acknowledgement for: bounded by the credit. */
export class Outstanding {
  readonly #sent: Sent[] = [];
  #events = 0;
  #bytes = 0;

  add(sent: Sent): void {
    this.#sent.push(sent);
    this.#events += sent.events;
    this.#bytes += sent.bytes;
  }

  /** The oldest batches are handled; gives how far that is. */
  settle(batches: number): number {
    let through = 0;
    for (const sent of this.#sent.splice(0, batches)) {
      through = sent.through;
      this.#events -= sent.events;
      this.#bytes -= sent.bytes;
    }
    return through;
  }

  get last(): Sent | undefined {
    return this.#sent.at(-1);
  }

  get events(): number {
    return this.#events;
  }

  isWithin(limits: ServiceLimits, share: number): boolean {
    return this.#events <= limits.creditEvents * share && this.#bytes <= limits.creditBytes * share;
  }

  clear(): void {
    this.#sent.length = 0;
    this.#events = 0;
    this.#bytes = 0;
  }
}
