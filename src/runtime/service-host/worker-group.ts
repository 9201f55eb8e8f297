import type { CommittedEvent, StoredEvent } from '../../ports/journal.ts';
import { type FeedMode, feedIndex } from './messages.ts';
import type { ServiceSlot } from './service-slot.ts';
import type { WorkerHandle } from './worker-handle.ts';

const CACHE_LIMIT = 10_000;
/** Two feeds a service in a mask of 31 bits. */
export const SERVICES_PER_WORKER = 15;

interface OpenFeed {
  readonly index: number;
  readonly mode: FeedMode;
  readonly slot: ServiceSlot;
  /** What of the commit at hand it wants. */
  readonly events: StoredEvent[];
  bytes: number;
}

/** The services of one worker: sorts each commit out to their feeds and sends it in one message. */
export class WorkerGroup {
  readonly slots: ServiceSlot[];
  readonly handle: WorkerHandle;
  readonly #positions: readonly ServiceSlot[];
  readonly #feeds: OpenFeed[] = [];
  readonly #masks = new Map<string, number>();

  constructor(slots: readonly ServiceSlot[], handle: WorkerHandle) {
    this.slots = [...slots];
    this.#positions = [...slots];
    this.handle = handle;
  }

  /** A service runs: its feeds begin. */
  async open(slot: ServiceSlot): Promise<void> {
    const position = this.#positions.indexOf(slot);
    const isOpen = () => this.slots.includes(slot);
    const feedOf = (mode: FeedMode): OpenFeed => ({
      index: feedIndex(position, mode),
      mode,
      slot,
      events: [],
      bytes: 0,
    });
    const send = (feed: OpenFeed) => (events: readonly StoredEvent[]) => {
      if (isOpen()) this.handle.sendEvents(events, new Array<number>(events.length).fill(1 << feed.index));
    };
    this.#masks.clear();
    if (slot.has('live')) {
      const feed = feedOf('live');
      this.#feeds.push(feed);
      slot.live.open(send(feed));
    }
    if (slot.has('durable')) {
      const feed = feedOf('durable');
      this.#feeds.push(feed);
      await slot.durable.open(send(feed), slot.inbox);
    }
  }

  /** A service has left this worker. */
  remove(slot: ServiceSlot): void {
    this.slots.splice(this.slots.indexOf(slot), 1);
    const kept = this.#feeds.filter((feed) => feed.slot !== slot);
    this.#feeds.splice(0, this.#feeds.length, ...kept);
    this.#masks.clear();
  }

  /** Batches that a feed has handled. */
  handled(index: number, batches: number): void {
    const feed = this.#feeds.find((one) => one.index === index);
    if (feed === undefined) return;
    if (feed.mode === 'live') feed.slot.live.handled(batches);
    else feed.slot.durable.handled(batches);
  }

  /** The events of one commit, in sequence order. */
  deliver(events: readonly CommittedEvent[], through: number): void {
    if (this.#feeds.length === 0) return;
    const masks: number[] = [];
    for (const event of events) {
      const mask = this.#maskOf(event);
      masks.push(mask);
      if (mask === 0) continue;
      for (const feed of this.#feeds) {
        if ((mask & (1 << feed.index)) === 0) continue;
        feed.events.push(event);
        feed.bytes += event.bytes.length;
      }
    }
    let admitted = 0;
    for (const feed of this.#feeds) {
      const isAdmitted =
        feed.mode === 'durable'
          ? feed.slot.durable.admit(feed.events, feed.bytes, through)
          : feed.events.length > 0 && feed.slot.live.admit(feed.events, feed.bytes);
      if (isAdmitted) admitted |= 1 << feed.index;
      feed.events.length = 0;
      feed.bytes = 0;
    }
    if (admitted === 0) return;
    const sent = events.filter((_, i) => ((masks[i] ?? 0) & admitted) !== 0);
    this.handle.sendEvents(
      sent,
      masks.map((mask) => mask & admitted).filter((mask) => mask !== 0),
    );
  }

  #maskOf(event: CommittedEvent): number {
    const key =
      event.list === null ? `${event.event.subject} ${event.event.type} ${event.event.source}` : event.list.id;
    const known = this.#masks.get(key);
    if (known !== undefined) return known;
    let mask = 0;
    for (const feed of this.#feeds) if (feed.slot.wants(feed.mode, event)) mask |= 1 << feed.index;
    if (this.#masks.size >= CACHE_LIMIT) this.#masks.clear();
    this.#masks.set(key, mask);
    return mask;
  }
}
