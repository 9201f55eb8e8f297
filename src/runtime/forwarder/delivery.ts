import { SequenceRanges } from '../../model/sequence-ranges.ts';
import type { Millis } from '../../model/time.ts';
import type { Cursor, SequenceRange, StoredEvent } from '../../ports/journal.ts';
import { MAX_RANGES_ABOVE, nextUnsettled, settle } from './cursor.ts';

export type Stream = 'live' | 'backlog';

/** A batch on the way. It speaks for a whole range of its lane: what is not among its events was pruned or never was. */
export interface Shipment extends SequenceRange {
  readonly stream: Stream;
  /** As `first`, or lower: nothing was stored in what was passed over before it. */
  readonly speaksFrom: number;
  /** Passed over elsewhere, and not told yet. */
  readonly absent: readonly SequenceRange[];
  readonly events: readonly StoredEvent[];
  readonly bytes: number;
  readonly historical: boolean;
  readonly sentAt: Millis;
}

/** A part of a rejected batch that must be sent by itself. */
type Remainder = Omit<Shipment, 'sentAt'>;

/** Half of the bound: a new split adds a range, unordered confirmations add others. */
const MAX_RANGES_TO_SPLIT = MAX_RANGES_ABOVE / 2;

/**
 * What one sink has confirmed of one lane, what is on the way and what comes next: decisions without timers or I/O.
 *
 * Normally one stream, `live`, goes on from the cursor. After an outage with much to catch up the log is split at its head:
 * `backlog` sends what lies below in order, marked historical, while `live` goes on above; they merge when the backlog is through.
 * A lower sequence never follows a higher one within a stream, so an event that live has overtaken is always sent as backlog.
 */
export class Delivery {
  readonly #splitThreshold: number;
  readonly #flying = new Set<Shipment>();
  readonly #sentUnconfirmed = new SequenceRanges();
  #cursor: Cursor;
  #boundary: number | null = null;
  #isFirstLink = true;
  #position: Record<Stream, number>;
  #remainders: Remainder[] = [];
  #bytesFlying: Record<Stream, number> = { live: 0, backlog: 0 };
  /** What was passed over and no confirmed shipment has spoken for yet. */
  readonly #silent = new SequenceRanges();
  /** Given up, and the gap that tells of it is not stored yet. */
  readonly #unrecorded = new SequenceRanges();
  /** Given up, its gap stored, and no shipment has told yet that it will not come: who restores the order waits for that. */
  readonly #buried = new SequenceRanges();
  /** Through here a receiver may have been told of numbers, by this process or one before: what it does not know below is missing to it. */
  #toldThrough = 0;

  /** @param splitThreshold this many waiting events are a backlog */
  constructor(cursor: Cursor, splitThreshold: number) {
    this.#cursor = cursor;
    this.#position = { live: cursor.settled, backlog: cursor.settled };
    this.#splitThreshold = splitThreshold;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  /**
   * What may be kept of the cursor over a restart: without what was passed over and not told yet, so that the next process passes over it,
   * and tells it, once more; and without what was given up before its gap is stored. Costs a look for events where there are none.
   */
  get keptCursor(): Cursor {
    const untold = [...this.#silent.ranges, ...this.#unrecorded.ranges];
    if (untold.length === 0) return this.#cursor;
    const { settled, above } = this.#cursor;
    const told = new SequenceRanges([{ first: 1, last: settled }, ...above]);
    for (const { first, last } of untold) told.remove(first, last);
    const [lowest, ...rest] = told.ranges;
    const kept = lowest?.first === 1 ? { settled: lowest.last, above: rest } : { settled: 0, above: told.ranges };
    return kept.above.length > MAX_RANGES_ABOVE ? this.#cursor : kept;
  }

  /** The last sequence of the backlog; null while there is only live. */
  get boundary(): number | null {
    return this.#boundary;
  }

  get inFlight(): number {
    return this.#flying.size;
  }

  bytesInFlight(stream: Stream): number {
    return this.#bytesFlying[stream];
  }

  /**
   * Begin on a new link, from the cursor. What waits since before this process is a backlog, since nobody knows what live has overtaken;
   * later, more than `splitThreshold` events are one. While a backlog is under way, what live had not yet got confirmed goes on as live if it is
   * at hand: behind the backlog it would be late.
   * @param waiting how many events are not settled
   * @param isAtHand all events after a sequence are in memory
   */
  linkUp(head: number, waiting: number, isAtHand: (after: number) => boolean): void {
    this.linkDown();
    const { settled, above } = this.#cursor;
    this.#position = { live: settled, backlog: settled };
    const before = this.#boundary;
    this.#boundary = null;
    if (this.#isFirstLink) {
      this.#isFirstLink = false;
      this.#toldThrough = head;
      if (waiting > 0 || above.length > 0) this.#splitAt(head);
    } else if (before !== null) {
      const next = nextUnsettled(this.#cursor, before, head);
      const keeps = next === null || isAtHand(next.first - 1) || above.length >= MAX_RANGES_TO_SPLIT;
      this.#splitAt(keeps ? before : head);
    } else if (waiting > this.#splitThreshold) this.#splitAt(head);
  }

  /** Nothing is on the way any more. */
  linkDown(): void {
    for (const { events, first, last } of this.#flying) if (events.length > 0) this.#sentUnconfirmed.add(first, last);
    this.#flying.clear();
    this.#remainders = [];
    this.#bytesFlying = { live: 0, backlog: 0 };
  }

  /** The sink fell behind while up: from here on live goes ahead of what waits. */
  split(head: number, waiting: number): void {
    if (this.#boundary !== null || waiting <= this.#splitThreshold) return;
    // Each split can leave a range behind. Too many: all in order, until ranges have merged.
    if (this.#cursor.above.length >= MAX_RANGES_TO_SPLIT) return;
    this.#position.backlog = this.#position.live;
    this.#splitAt(head);
  }

  /** The range that a stream sends from next; null when it has nothing up to `head`. */
  next(stream: Stream, head: number): SequenceRange | null {
    if (stream === 'backlog') {
      return this.#boundary === null ? null : nextUnsettled(this.#cursor, this.#position.backlog, this.#boundary);
    }
    return nextUnsettled(this.#cursor, this.#position.live, head);
  }

  /** Parts of a rejected batch wait: they go before everything else, each alone, so that they keep their order. */
  get hasRemainders(): boolean {
    return this.#remainders.length > 0;
  }

  /** Put events of a stream on the way; they speak for everything from the stream's position through `last`. */
  ship(stream: Stream, range: SequenceRange, events: readonly StoredEvent[], now: Millis): Shipment {
    const bytes = events.reduce((sum, event) => sum + event.bytes.length, 0);
    this.#position[stream] = range.last;
    const untold = this.#untold();
    const before = untold.find(({ last }) => last === range.first - 1);
    const speaksFrom = before?.first ?? range.first;
    const absent = untold.filter((range) => range !== before);
    return this.#fly({ ...range, stream, speaksFrom, absent, events, bytes, historical: stream === 'backlog' }, now);
  }

  /** Put the first remainder on the way; null while anything else is. */
  shipRemainder(now: Millis): Shipment | null {
    if (this.#flying.size > 0) return null;
    const remainder = this.#remainders.shift();
    return remainder === undefined ? null : this.#fly(remainder, now);
  }

  /** A receiver takes for missing what will not come, and nothing is on the way that could tell. */
  get owesTelling(): boolean {
    if (this.#flying.size > 0 || this.hasRemainders) return false;
    const isBelow = ([lowest]: readonly SequenceRange[]) => lowest !== undefined && lowest.first <= this.#toldThrough;
    return isBelow(this.#silent.ranges) || isBelow(this.#buried.ranges);
  }

  /** Put on the way, without events, what is owed: no event has come to tell it. Null: nothing is. */
  tell(now: Millis): Shipment | null {
    if (!this.owesTelling) return null;
    const [range, ...absent] = this.#untold().filter(({ first }) => first <= this.#toldThrough);
    if (range === undefined) return null;
    const nothing = { stream: 'live', events: [], bytes: 0, historical: false } as const;
    return this.#fly({ ...range, ...nothing, speaksFrom: range.first, absent }, now);
  }

  /** How many events of a shipment have been on the way before without being confirmed. */
  resentIn(shipment: Shipment): number {
    if (this.#sentUnconfirmed.count === 0) return 0;
    return shipment.events.filter((event) => this.#sentUnconfirmed.has(event.sequence)).length;
  }

  /** Nothing is stored in a range: pass over it. */
  skip(stream: Stream, range: SequenceRange): void {
    this.#position[stream] = Math.max(this.#position[stream], range.last);
    this.#silent.add(range.first, range.last);
    const [lowest] = this.#silent.ranges;
    if (this.#silent.ranges.length > MAX_RANGES_ABOVE && lowest) this.#silent.remove(lowest.first, lowest.last);
    this.#cursor = settle(this.#cursor, range);
    this.#mergeIfThrough();
  }

  /** The sink confirmed; false when the shipment belongs to an earlier link. */
  confirmed(shipment: Shipment): boolean {
    if (!this.#land(shipment)) return false;
    const { speaksFrom, last, absent } = shipment;
    for (const told of [{ first: speaksFrom, last }, ...absent]) {
      this.#silent.remove(told.first, told.last);
      this.#buried.remove(told.first, told.last);
    }
    this.#settle(shipment);
    return true;
  }

  /**
   * The sink will never take this shipment: a batch is halved, both halves go next; a lone event is passed over. What was
   * told without events waits for the next.
   * @returns the event that is given up, or null; `recorded` is to follow
   */
  rejected(shipment: Shipment): StoredEvent | null {
    if (!this.#land(shipment)) return null;
    const { events } = shipment;
    const [event] = events;
    if (event === undefined) {
      this.#toldThrough = 0;
      return null;
    }
    if (events.length === 1) {
      this.#settle(shipment);
      // The event is told of by a gap; what lies beside it was to be told by this shipment.
      this.#silent.add(shipment.first, event.sequence - 1);
      this.#silent.add(event.sequence + 1, shipment.last);
      this.#unrecorded.add(event.sequence, event.sequence);
      return event;
    }
    // What was sent after it has overtaken it.
    const historical = shipment.historical || this.#position[shipment.stream] > shipment.last;
    const middle = events.length >>> 1;
    const halves = [events.slice(0, middle), events.slice(middle)];
    const cut = halves[0]?.at(-1)?.sequence ?? shipment.last;
    const ranges = [
      { first: shipment.first, last: cut, speaksFrom: shipment.speaksFrom },
      { first: cut + 1, last: shipment.last, speaksFrom: cut + 1 },
    ];
    const parts = ranges.map((range, i) => {
      const half = halves[i] ?? [];
      return {
        ...shipment,
        ...range,
        historical,
        absent: [],
        events: half,
        bytes: half.reduce((sum, event) => sum + event.bytes.length, 0),
      };
    });
    // Another batch that was on the way may have been refused before.
    this.#remainders = [...this.#remainders, ...parts].sort((a, b) => a.first - b.first);
    return null;
  }

  /** The gap of an event that was given up is stored. */
  recorded({ sequence }: StoredEvent): void {
    this.#unrecorded.remove(sequence, sequence);
    this.#buried.add(sequence, sequence);
    const [lowest] = this.#buried.ranges;
    if (this.#buried.ranges.length > MAX_RANGES_ABOVE && lowest) this.#buried.remove(lowest.first, lowest.last);
  }

  /** What will not come and no confirmed shipment has told yet, the lowest first; no more ranges than a batch can tell. */
  #untold(): readonly SequenceRange[] {
    const untold = new SequenceRanges(this.#silent.ranges);
    for (const { first, last } of this.#buried.ranges) untold.add(first, last);
    return untold.ranges.slice(0, MAX_RANGES_ABOVE);
  }

  #splitAt(boundary: number): void {
    this.#boundary = boundary;
    this.#position.live = boundary;
    this.#mergeIfThrough();
  }

  #fly(remainder: Remainder, now: Millis): Shipment {
    const shipment = { ...remainder, sentAt: now };
    this.#flying.add(shipment);
    for (const { last } of [shipment, ...shipment.absent]) this.#toldThrough = Math.max(this.#toldThrough, last);
    this.#bytesFlying[shipment.stream] += shipment.bytes;
    return shipment;
  }

  #land(shipment: Shipment): boolean {
    if (!this.#flying.delete(shipment)) return false;
    this.#bytesFlying[shipment.stream] -= shipment.bytes;
    return true;
  }

  #settle(range: SequenceRange): void {
    this.#cursor = settle(this.#cursor, range);
    this.#sentUnconfirmed.remove(range.first, range.last);
    this.#mergeIfThrough();
  }

  #mergeIfThrough(): void {
    if (this.#boundary === null || this.#cursor.settled < this.#boundary) return;
    this.#boundary = null;
  }
}
