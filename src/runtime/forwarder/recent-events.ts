import type { Millis } from '../../model/time.ts';
import type { CommittedEvent } from '../../ports/journal.ts';

interface Entry {
  readonly event: CommittedEvent;
  /** Bytes of all events ever pushed, this one among them. */
  readonly bytesThrough: number;
  readonly at: Millis;
}

export interface RecentEventsLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/**
 * The latest committed events, still encoded, for sinks that keep up. Holds every event above `floor`; full, it lets the oldest go,
 * and who still needs those reads the journal.
 */
export class RecentEvents {
  readonly #limits: RecentEventsLimits;
  /** Undefined below `start`: what was let go is not kept until the compaction. */
  #entries: (Entry | undefined)[] = [];
  /** Index of the oldest entry: dropping moves this, compaction follows now and then. */
  #start = 0;
  #bytes = 0;
  #floor: number;
  #top: number;

  constructor(lastSequence: number, limits: RecentEventsLimits) {
    this.#floor = lastSequence;
    this.#top = lastSequence;
    this.#limits = limits;
  }

  /** Every committed event after this sequence is here. */
  get floor(): number {
    return this.#floor;
  }

  /** Highest committed sequence. */
  get top(): number {
    return this.#top;
  }

  push(events: readonly CommittedEvent[], at: Millis): void {
    for (const event of events) {
      if (event.sequence <= this.#top) continue;
      this.#bytes += event.bytes.length;
      this.#top = event.sequence;
      this.#entries.push({ event, bytesThrough: this.#bytes, at });
    }
    this.#trim();
  }

  /** Every sink has confirmed everything through this sequence: let it go. */
  release(through: number): void {
    while ((this.#entries[this.#start]?.event.sequence ?? Number.POSITIVE_INFINITY) <= through) this.#dropOldest();
    this.#compact();
  }

  /** What waits after a position that is at or above the floor: number, bytes, and since when. */
  waiting(after: number, until: number): { events: number; bytes: number; since: Millis } | null {
    const from = this.#indexAfter(after);
    const to = this.#indexAfter(until);
    const first = this.#entries[from];
    const last = this.#entries[to - 1];
    if (first === undefined || last === undefined || to <= from) return null;
    const bytes = last.bytesThrough - first.bytesThrough + first.event.bytes.length;
    return { events: to - from, bytes, since: first.at };
  }

  /** The events of a closed range, at most so many and, but for a lone larger one, so many bytes. */
  take(first: number, last: number, maxEvents: number, maxBytes: number): CommittedEvent[] {
    const taken: CommittedEvent[] = [];
    let bytes = 0;
    for (let i = this.#indexAfter(first - 1); i < this.#entries.length && taken.length < maxEvents; i++) {
      const event = this.#entries[i]?.event;
      if (event === undefined || event.sequence > last) break;
      bytes += event.bytes.length;
      if (bytes > maxBytes && taken.length > 0) break;
      taken.push(event);
    }
    return taken;
  }

  #trim(): void {
    const { maxEvents, maxBytes } = this.#limits;
    for (;;) {
      const oldest = this.#entries[this.#start];
      if (oldest === undefined) break;
      const held = this.#bytes - oldest.bytesThrough + oldest.event.bytes.length;
      if (this.#entries.length - this.#start <= maxEvents && held <= maxBytes) break;
      this.#dropOldest();
    }
    this.#compact();
  }

  #dropOldest(): void {
    this.#floor = this.#entries[this.#start]?.event.sequence ?? this.#floor;
    this.#entries[this.#start++] = undefined;
  }

  /** Amortised: each entry is moved at most once for each one dropped. */
  #compact(): void {
    if (this.#start < 64 || this.#start < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }

  #indexAfter(sequence: number): number {
    let low = this.#start;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.event.sequence ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
