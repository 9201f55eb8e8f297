import type { Lane } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { Cursor, Journal, SequenceRange, StoredEvent } from '../../ports/journal.ts';
import { countUnsettled } from './cursor.ts';
import { Delivery, type Shipment, type Stream } from './delivery.ts';
import { PageReader } from './page-reader.ts';
import type { RecentEvents } from './recent-events.ts';
import type { RecentLanes } from './recent-lanes.ts';

export interface LaneFeedOptions {
  readonly lane: Lane;
  readonly cursor: Cursor;
  readonly journal: Pick<Journal, 'read'>;
  readonly recent: RecentLanes;
  /** This many waiting events are a backlog, which live data overtakes. */
  readonly backlogEvents: number;
  /** A page has come: ask again. */
  readonly onReady: () => void;
  readonly onReadFailed: (error: unknown) => void;
}

/** What a stream of a lane could send from now; `lingerMs`: not before then. */
export interface Ready extends SequenceRange {
  readonly lane: Lane;
  readonly stream: Stream;
  readonly lingerMs: Millis;
}

export interface BatchLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly lingerMs: Millis;
}

/** What a lane passed over is told by its next events; when none come within this, by itself. */
const TELL_AFTER_MS = 2000;

/** One lane of one sink: what its Delivery wants next, from memory or from the journal. Decides no times and sends nothing. */
export class LaneFeed {
  readonly lane: Lane;
  readonly delivery: Delivery;
  readonly #recent: RecentEvents;
  readonly #lanes: RecentLanes;
  readonly #readers: Readonly<Record<Stream, PageReader>>;
  #owesSince: Millis | null = null;
  /** The backlog that was begun with last: one connection after the other goes on with it. */
  #begun: number | null = null;

  constructor(options: LaneFeedOptions) {
    const { lane, cursor, journal, recent, backlogEvents, onReady, onReadFailed } = options;
    this.lane = lane;
    this.delivery = new Delivery(cursor, backlogEvents);
    this.#lanes = recent;
    this.#recent = recent.lanes[lane];
    const reader = () => new PageReader({ journal, lane, onReady, onFailed: onReadFailed });
    this.#readers = { live: reader(), backlog: reader() };
  }

  /** Begin on a new link. @returns the last sequence of a backlog that was not there before, or null */
  linkUp(): number | null {
    this.#owesSince = null;
    this.#readers.live.reset();
    this.#readers.backlog.reset();
    this.delivery.linkUp(this.#lanes.top, this.waiting(), (after) => after >= this.#recent.floor);
    const { boundary } = this.delivery;
    const isNew = boundary !== this.#begun;
    this.#begun = boundary;
    return isNew ? boundary : null;
  }

  /** How many events wait, those on the way among them: exact for what is in memory; on disk, numbers of other lanes count too. */
  waiting(): number {
    const { cursor } = this.delivery;
    const { floor } = this.#recent;
    const { top } = this.#lanes;
    const onDisk = countUnsettled(below(cursor, floor), floor);
    const inMemory = this.#recent.waiting(Math.max(floor, cursor.settled), top)?.events ?? 0;
    const overtaken = cursor.above.reduce(
      (sum, { first, last }) => sum + (this.#recent.waiting(Math.max(first - 1, floor), last)?.events ?? 0),
      0,
    );
    return onDisk + inMemory - overtaken;
  }

  /** Those of `waiting` that drain beside live. */
  backlog(): number {
    const { boundary, cursor } = this.delivery;
    return boundary === null ? 0 : Math.min(this.waiting(), countUnsettled(below(cursor, boundary), boundary));
  }

  /** Live fell behind what is in memory: it becomes a backlog. */
  splitIfBehind(): void {
    const { delivery } = this;
    if (delivery.boundary !== null) return;
    const next = delivery.next('live', this.#lanes.top);
    if (next !== null && next.first <= this.#recent.floor) delivery.split(this.#lanes.top, this.waiting());
  }

  /** True when what a stream sends next need not be read from the journal. */
  isInMemory(stream: Stream): boolean {
    const next = this.delivery.next(stream, this.#lanes.top);
    return next === null || next.first > this.#recent.floor;
  }

  /** What a stream has at hand now; null: nothing, or it must be read first, which has begun. */
  ready(stream: Stream, limits: BatchLimits, now: Millis): Ready | null {
    const { delivery, lane } = this;
    for (;;) {
      const range = delivery.next(stream, this.#lanes.top);
      if (range === null) return null;
      const { floor } = this.#recent;
      if (range.first <= floor) {
        const onDisk = { first: range.first, last: Math.min(range.last, floor) };
        const reader = this.#readers[stream];
        if (!reader.isReady(onDisk)) return null;
        const empty = reader.emptyThrough(onDisk);
        if (empty === null) return { ...onDisk, lane, stream, lingerMs: 0 };
        delivery.skip(stream, { first: range.first, last: empty });
        continue;
      }
      const waiting = this.#recent.waiting(range.first - 1, range.last);
      if (waiting !== null) {
        const isFull = waiting.events >= limits.maxEvents || waiting.bytes >= limits.maxBytes;
        const lingerMs = stream === 'backlog' || isFull ? 0 : Math.max(0, waiting.since + limits.lingerMs - now);
        return { ...range, lane, stream, lingerMs };
      }
      // Only other lanes have grown: `passOver` follows now and then.
      if (stream === 'live') return null;
      delivery.skip(stream, range);
    }
  }

  /** Put the next events of what is ready on the way; null: there were none, the range was passed over. */
  ship({ stream, first, last }: Ready, limits: BatchLimits, now: Millis): Shipment | null {
    const { delivery } = this;
    const { maxEvents, maxBytes } = limits;
    let events: readonly StoredEvent[];
    let range: SequenceRange;
    if (first <= this.#recent.floor) {
      ({ events, range } = this.#readers[stream].take({ first, last }, maxEvents, maxBytes));
    } else {
      events = this.#recent.take(first, last, maxEvents, maxBytes);
      const lastTaken = events.at(-1)?.sequence ?? last;
      const isAll = this.#recent.waiting(lastTaken, last) === null;
      range = { first, last: isAll ? last : lastTaken };
    }
    if (events.length === 0) {
      delivery.skip(stream, range);
      return null;
    }
    this.#owesSince = null;
    return delivery.ship(stream, range, events, now);
  }

  /** How much longer what is owed to a receiver waits for events that would carry it; null: nothing is owed. */
  tellsInMs(now: Millis): Millis | null {
    if (!this.delivery.owesTelling) {
      this.#owesSince = null;
      return null;
    }
    this.#owesSince ??= now;
    return Math.max(0, this.#owesSince + TELL_AFTER_MS - now);
  }

  /** Nothing of this lane waits: its place follows the others'. */
  passOver(): void {
    const { delivery } = this;
    if (delivery.inFlight > 0 || delivery.boundary !== null || delivery.hasRemainders) return;
    const range = delivery.next('live', this.#lanes.top);
    if (range === null || range.first <= this.#recent.floor) return;
    if (this.#recent.waiting(range.first - 1, range.last) === null) delivery.skip('live', range);
  }
}

/** The part of a cursor up to a boundary. */
function below(cursor: Cursor, boundary: number): Cursor {
  return {
    settled: cursor.settled,
    above: cursor.above.flatMap(({ first, last }) =>
      first > boundary ? [] : [{ first, last: Math.min(last, boundary) }],
    ),
  };
}
