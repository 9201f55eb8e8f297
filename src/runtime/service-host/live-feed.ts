import type { StoredEvent } from '../../ports/journal.ts';
import type { ServiceLimits } from './limits.ts';
import { Outstanding, type SendEvents } from './outstanding.ts';

/** What the feed of a live subscription does with the events of a commit. */
export class LiveFeed {
  readonly #limits: ServiceLimits;
  readonly #onDrop: (count: number) => void;
  readonly #outstanding = new Outstanding();
  readonly #queue: StoredEvent[] = [];
  #queuedBytes = 0;
  #send: SendEvents | null = null;

  constructor(limits: ServiceLimits, onDrop: (count: number) => void) {
    this.#limits = limits;
    this.#onDrop = onDrop;
  }

  get lag(): number {
    return this.#outstanding.events + this.#queue.length;
  }

  /** True: put these events into the commit's message. False: they were queued or dropped. */
  admit(events: readonly StoredEvent[], bytes: number): boolean {
    if (this.#queue.length === 0 && this.#outstanding.isWithin(this.#limits, 1)) {
      this.#outstanding.add({ through: 0, events: events.length, bytes });
      return true;
    }
    for (const event of events) {
      this.#queue.push(event);
      this.#queuedBytes += event.bytes.length;
    }
    this.#dropOldest();
    return false;
  }

  /** The worker runs. */
  open(send: SendEvents): void {
    this.#send = send;
  }

  /** The worker is gone. */
  close(): void {
    this.#send = null;
    this.#outstanding.clear();
    if (this.#queue.length > 0) this.#onDrop(this.#queue.length);
    this.#queue.length = 0;
    this.#queuedBytes = 0;
  }

  handled(batches: number): void {
    this.#outstanding.settle(batches);
    if (this.#queue.length === 0 || this.#send === null || !this.#outstanding.isWithin(this.#limits, 0.5)) return;
    const events = this.#queue.splice(0);
    this.#outstanding.add({ through: 0, events: events.length, bytes: this.#queuedBytes });
    this.#queuedBytes = 0;
    this.#send(events);
  }

  #dropOldest(): void {
    let dropped = 0;
    while (
      this.#queue.length - dropped > this.#limits.liveQueueEvents ||
      this.#queuedBytes > this.#limits.liveQueueBytes
    ) {
      this.#queuedBytes -= this.#queue[dropped]?.bytes.length ?? 0;
      dropped++;
    }
    if (dropped === 0) return;
    this.#queue.splice(0, dropped);
    this.#onDrop(dropped);
  }
}
