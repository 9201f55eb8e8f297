import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { Cursor, LaneCursors, SequenceRange } from '../ports/journal.ts';
import { Consumer, type ConsumerCounts, inEveryLane } from './consumer.ts';
import { GAP_LANE } from './gap-event.ts';
import type { LedgerContent } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { SegmentInfo } from './segment-info.ts';
import { SegmentDamageError, type SegmentShelf } from './segment-shelf.ts';
import type { StoreNotice } from './store-notice.ts';
import type { StreamBooks } from './stream-books.ts';

/** What the books are kept on. */
export interface BooksParts {
  readonly content: LedgerContent;
  readonly shelf: SegmentShelf;
  readonly writer: LedgerWriter;
  readonly streams: StreamBooks;
  readonly notify: (notice: StoreNotice) => void;
}

/**
 * The accounts of the consumers: what each has settled, what waits for it, and what it lost. Keeps
 * `received = stored = settled + waiting + gaps` for each of them whatever goes: a segment that is dropped, damaged or gone.
 */
export class Books {
  readonly #content: LedgerContent;
  readonly #shelf: SegmentShelf;
  readonly #writer: LedgerWriter;
  readonly #streams: StreamBooks;
  readonly #notify: (notice: StoreNotice) => void;
  /** Taken from the totals and not booked yet: what is booked meanwhile may lie in any of them. */
  readonly #unbooked: { readonly lane: Lane; readonly range: SequenceRange }[] = [];
  #isUnsaid = true;
  /** Segments that are being put aside: one may be found bad while the loss of another is counted. */
  #quarantining = 0;
  /** What was found while opening is not all booked yet: a save of half of it would hide the rest from the next process. */
  isOpening = true;
  /** Time of the operation under way. */
  now: EpochMs;

  constructor(parts: BooksParts, now: EpochMs) {
    this.#content = parts.content;
    this.#shelf = parts.shelf;
    this.#writer = parts.writer;
    this.#streams = parts.streams;
    this.#notify = parts.notify;
    this.now = now;
  }

  /** Make a consumer known, or find it again. */
  open(name: string, start: 'now' | 'beginning'): LaneCursors {
    const known = this.#content.consumers.get(name);
    if (known !== undefined) {
      this.#settle(known);
      return known.cursors;
    }
    const { head, lanes } = this.#content;
    // After a damaged ledger a "new" consumer may be an old one, whose backlog would be lost by starting now.
    const isFromStart = start === 'beginning' || head.cursorsLost;
    const account = (lane: Lane): ConsumerCounts => ({
      base: isFromStart ? lanes[lane].removed : lanes[lane].accepted,
      settled: 0,
      gaps: 0,
    });
    const counts = { critical: account('critical'), normal: account('normal'), bulk: account('bulk') };
    const startAfter = isFromStart ? 0 : head.lastSequence;
    const consumer = new Consumer(name, inEveryLane({ settled: startAfter, above: [] }), counts, startAfter);
    this.#content.consumers.set(name, consumer);
    this.#writer.consumerMoved(consumer);
    this.#isUnsaid = true;
    this.saveOrMakeRoom();
    return consumer.cursors;
  }

  /**
   * The ledger does not know yet what a crash must not hide behind events that are accepted now: that it is in use, so that a lost tail is missed,
   * and a consumer that was opened, so that they are owed to it.
   */
  get isUnsaid(): boolean {
    return this.#isUnsaid;
  }

  /** Take note of a move; unknown consumers are ignored: theirs was forgotten meanwhile. */
  move(name: string, cursor: Cursor, lanes: readonly Lane[]): void {
    this.#content.consumers.get(name)?.request(cursor, lanes);
    this.#writer.touch(this.now);
  }

  /** Let a consumer go; what waited for it becomes a gap. Returns false if nobody of that name is known. */
  forget(name: string): boolean {
    const consumer = this.#content.consumers.get(name);
    if (consumer === undefined) return false;
    this.#settle(consumer);
    for (const lane of LANES) {
      const count = consumer.waiting(lane, this.#content.lanes[lane].accepted);
      const range = { first: consumer.cursors[lane].settled + 1, last: this.#content.head.lastSequence };
      if (count === 0) continue;
      const reason = `let go: ${name} was forgotten`;
      this.#writer.gap({ lane, ...range, count, reason, consumers: { [name]: count } }, this.now);
    }
    this.#content.consumers.delete(name);
    this.#writer.consumerRemoved(consumer);
    this.saveOrMakeRoom();
    return true;
  }

  /** Account for all moves that were requested. */
  settleAll(): void {
    for (const consumer of this.#content.consumers.values()) this.#settle(consumer);
  }

  /** True when every known consumer has settled all of a segment; false when none is known. */
  isSettled(segment: SegmentInfo): boolean {
    if (this.#content.consumers.size === 0) return false;
    return this.withoutDamage(() => {
      for (const consumer of this.#content.consumers.values()) {
        if (this.#unsettledCount(consumer, segment) > 0) return false;
      }
      return true;
    });
  }

  /**
   * Book what each consumer loses with a readable segment that goes.
   * @returns false if it turned out to be bad: then it is put aside, and booked as damage
   */
  bookDrop(segment: SegmentInfo, reason: string): boolean {
    const { lane } = segment;
    // All is counted before anything is booked.
    const losses = this.withoutDamage(() =>
      [...this.#content.consumers.values()].map((consumer) => ({
        consumer,
        lost: this.#unsettledCount(consumer, segment),
      })),
    );
    if (segment.state === 'dropping') return false;
    const consumers: Record<string, number> = {};
    let first = Number.POSITIVE_INFINITY;
    for (const { consumer, lost } of losses) {
      if (lost === 0) continue;
      consumers[consumer.name] = lost;
      consumer.counts[lane].gaps += lost;
      this.#writer.consumerMoved(consumer);
      first = Math.min(first, consumer.unsettled(lane, segment)[0]?.first ?? segment.first);
    }
    this.#untell(lane, segment, consumers);
    // With the ledger the consumers were lost, and none is back yet: nobody knows to whom it was owed.
    const { consumers: known, head } = this.#content;
    const ownerless = known.size === 0 && head.cursorsLost ? segment.count : 0;
    const count = Math.max(ownerless, ...Object.values(consumers));
    if (count > 0) {
      const range = { first: ownerless > 0 ? segment.first : first, last: segment.last };
      this.#writer.gap({ lane, ...range, count, reason, consumers }, this.now);
    }
    return true;
  }

  /** Several losses are to be booked, one after another. */
  lossesFound(losses: readonly { readonly lane: Lane; readonly range: SequenceRange }[]): void {
    this.#unbooked.push(...losses);
  }

  /**
   * Book events of a lane that are not there any more, after they were taken from the totals: what a consumer waits for by the books,
   * less what is left to wait for, is lost to it. That is the sum of all that is to be booked in this lane, so the gap goes over all of it.
   */
  bookLoss(lane: Lane, range: SequenceRange, count: number, reason: string): void {
    if (!this.#unbooked.some((loss) => loss.range === range)) this.#unbooked.push({ lane, range });
    const consumers: Record<string, number> = {};
    for (const consumer of this.#content.consumers.values()) {
      const left = this.withoutDamage(() =>
        this.#shelf.lane(lane).reduce((sum, other) => sum + this.#unsettledCount(consumer, other), 0),
      );
      const lost = consumer.waiting(lane, this.#content.lanes[lane].accepted) - left;
      if (lost <= 0) continue;
      consumers[consumer.name] = lost;
      consumer.counts[lane].gaps += lost;
      this.#writer.consumerMoved(consumer);
    }
    const isOwnerless = this.#content.consumers.size === 0;
    const lost = isOwnerless ? count : Math.max(0, ...Object.values(consumers));
    const ranges = isOwnerless
      ? [range]
      : this.#unbooked.filter((loss) => loss.lane === lane).map((loss) => loss.range);
    const first = Math.min(...ranges.map((one) => one.first));
    const last = Math.max(...ranges.map((one) => one.last));
    this.#unbooked.splice(
      this.#unbooked.findIndex((loss) => loss.range === range),
      1,
    );
    this.#untell(lane, { first, last }, consumers);
    if (lost > 0) this.#writer.gap({ lane, first, last, count: lost, reason, consumers }, this.now);
  }

  /** Tell of numbers without an event, so that a receiver does not take the hole for a loss. */
  bookUnused({ first, last }: SequenceRange, reason: string): void {
    if (last < first) return;
    const found = this.withoutDamage(() =>
      this.#shelf.all().reduce((sum, segment) => sum + this.#shelf.count(segment, { first, last }), 0),
    );
    const unused = last - first + 1 - found;
    if (unused > 0) {
      this.#writer.gap({ lane: 'normal', first, last, count: 0, reason, consumers: {}, unused }, this.now);
    }
  }

  /** Move a damaged segment aside and book what each consumer loses: by the books, since the file cannot be asked. */
  quarantine(segment: SegmentInfo, reason: string): void {
    // Whoever still worked on a segment that was put aside meanwhile finds it gone: it is booked already.
    if (segment.state === 'dropping') return;
    segment.state = 'dropping';
    this.#streams.removing(segment, false);
    const path = this.#shelf.quarantine(segment);
    this.#content.lanes[segment.lane].removed += segment.count;
    this.#writer.segmentRemoved(segment);
    this.#notify({ kind: 'quarantined', segment, reason, path });
    this.#quarantining++;
    try {
      this.bookLoss(segment.lane, segment, segment.count, `damage: ${reason}`);
    } finally {
      this.#quarantining--;
    }
    // What the outer one has counted and not told yet is not saved: the next process would not tell it.
    if (!this.isOpening && this.#quarantining === 0) this.saveOrMakeRoom();
  }

  /** Run an operation; a segment that turns out to be bad is put aside, and the operation runs again on the rest. */
  withoutDamage<T>(operation: () => T): T {
    const aside = new Set<SegmentInfo>();
    for (;;) {
      try {
        return operation();
      } catch (error) {
        // An operation that asks for it again would never end.
        if (!(error instanceof SegmentDamageError) || aside.has(error.segment)) throw error;
        aside.add(error.segment);
        this.quarantine(error.segment, error.message);
      }
    }
  }

  /** Account for all moves and write the ledger; when the disk is full, the ballast is given up for it. False if there is no room. */
  saveOrMakeRoom(): boolean {
    this.settleAll();
    const isSaved = this.#writer.saveOrMakeRoom();
    if (isSaved) this.#isUnsaid = false;
    return isSaved;
  }

  #settle(consumer: Consumer): void {
    if (!consumer.hasMoved) return;
    const surplus = this.withoutDamage(() =>
      consumer.settle(this.#content.head.lastSequence, (lane, range) => {
        let count = 0;
        for (const segment of this.#shelf.lane(lane)) {
          if (segment.first > range.last) break;
          count += this.#shelf.count(segment, range);
        }
        return count;
      }),
    );
    this.#writer.consumerMoved(consumer);
    if (surplus > 0) this.#notify({ kind: 'cursor-limited', consumer: consumer.name, ranges: surplus });
  }

  /** Gap events were lost before everybody had them: the gaps are told again. */
  #untell(lane: Lane, range: SequenceRange, consumers: Readonly<Record<string, number>>): void {
    if (lane === GAP_LANE && Object.keys(consumers).length > 0) this.#writer.untold(range, this.now);
  }

  #unsettledCount(consumer: Consumer, segment: SegmentInfo): number {
    // One that was put aside meanwhile has nothing that could still be settled.
    if (segment.count === 0 || segment.state === 'dropping') return 0;
    let count = 0;
    for (const range of consumer.unsettled(segment.lane, segment)) count += this.#shelf.count(segment, range);
    return count;
  }
}
