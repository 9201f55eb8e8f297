import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { SequenceRange } from '../ports/journal.ts';
import type { Consumer } from './consumer.ts';
import type { BallastFile, JournalDisk, OpenLedger } from './journal-disk.ts';
import type { GapTelling, LedgerContent, StoredGap, StreamAccount, StreamCount } from './ledger.ts';
import { isRefusal } from './refusal.ts';
import type { SegmentInfo } from './segment-info.ts';
import type { StoreNotice } from './store-notice.ts';

/** Dirty ledger is written at the latest after this time. */
const SAVE_AFTER_MS = 900;

/** Numbers are reserved for so many times what came since the save before, */
const RESERVE_TIMES = 3;
/** and at least so many, as long as nothing else is said. */
export const MIN_RESERVE = 10_000;

/** A gap before it is numbered. */
export interface NewGap extends SequenceRange {
  readonly lane: Lane;
  readonly count: number;
  readonly unused?: number;
  readonly reason: string;
  readonly consumers: Readonly<Record<string, number>>;
}

/** What the ledger is written through. */
export interface LedgerWriterParts {
  readonly content: LedgerContent;
  readonly ledger: OpenLedger;
  readonly disk: JournalDisk;
  readonly ballast: BallastFile;
  /** The fewest numbers that are reserved ahead. */
  readonly minReserve: number;
  readonly notify: (notice: StoreNotice) => void;
}

/** Collects what has changed since the ledger was written last, and writes it. */
export class LedgerWriter {
  readonly #parts: LedgerWriterParts;
  readonly #changedSegments = new Set<SegmentInfo>();
  readonly #knownSegments: WeakSet<SegmentInfo>;
  readonly #removedSegments = new Set<SegmentInfo>();
  readonly #movedConsumers = new Set<Consumer>();
  readonly #removedConsumers = new Set<string>();
  readonly #newGaps: StoredGap[] = [];
  readonly #tellings = new Map<number, number | null>();
  readonly #tallies = new Map<SegmentInfo, readonly StreamCount[]>();
  readonly #accounts: StreamAccount[] = [];
  #nextGapId: number;
  /** The last sequence at the save before. */
  #savedSequence: number;
  #dirtySince: EpochMs | null = null;

  constructor(parts: LedgerWriterParts) {
    this.#parts = parts;
    const { head } = parts.content;
    this.#savedSequence = head.lastSequence;
    this.#knownSegments = new WeakSet(parts.content.segments);
    // Receivers know gaps by their id. A ledger that was lost had used ids below the numbers of its events.
    this.#nextGapId = (parts.ledger.highestGapId() ?? (head.cursorsLost ? head.reserved : 0)) + 1;
  }

  segmentChanged(segment: SegmentInfo): void {
    this.#changedSegments.add(segment);
  }

  /** The ledger has heard of a segment, so that the next process would miss it. */
  knows(segment: SegmentInfo): boolean {
    return this.#knownSegments.has(segment);
  }

  /** The ledger has a segment as it is now. */
  isUpToDate(segment: SegmentInfo): boolean {
    return !this.#changedSegments.has(segment);
  }

  segmentRemoved(segment: SegmentInfo): void {
    this.#changedSegments.delete(segment);
    this.#tallies.delete(segment);
    this.#removedSegments.add(segment);
  }

  consumerMoved(consumer: Consumer): void {
    this.#movedConsumers.add(consumer);
  }

  consumerRemoved(consumer: Consumer): void {
    this.#movedConsumers.delete(consumer);
    this.#removedConsumers.add(consumer.name);
  }

  /** The sums of a segment by stream are known. */
  tally(segment: SegmentInfo, counts: readonly StreamCount[]): void {
    this.#tallies.set(segment, counts);
  }

  /** Add to the account of a consumer and a stream. */
  account(account: StreamAccount): void {
    this.#accounts.push(account);
  }

  /** Sums or accounts by stream are not in the file yet. */
  get hasUnwrittenAccounts(): boolean {
    return this.#tallies.size > 0 || this.#accounts.length > 0;
  }

  /** Number a gap and tell of it. */
  gap(gap: NewGap, now: EpochMs): void {
    const { lane, first, last, count, unused = 0, reason, consumers } = gap;
    const stored: StoredGap = {
      id: this.#nextGapId++,
      lane,
      first,
      last: Math.max(first, last),
      count,
      unused,
      reason,
      at: Math.floor(now),
      consumers,
    };
    this.#newGaps.push(stored);
    this.touch(now);
    this.#parts.notify({ kind: 'gap', gap: stored });
  }

  /** The gap events of these gaps are stored. */
  told(tellings: readonly GapTelling[], now: EpochMs): void {
    for (const { id, toldBy } of tellings) this.#tellings.set(id, toldBy);
    this.touch(now);
  }

  /** Events of these numbers were lost before every consumer had them: what they told must be told again. */
  untold(range: SequenceRange, now: EpochMs): void {
    const { ledger } = this.#parts;
    const isHit = (toldBy: number | null) => toldBy !== null && toldBy >= range.first && toldBy <= range.last;
    // What is not written yet counts before what is.
    const written = ledger.gapsToldBy(range).filter(({ id }) => !this.#tellings.has(id));
    const unwritten = [...ledger.untoldGaps(), ...this.#newGaps].filter(({ id }) =>
      isHit(this.#tellings.get(id) ?? null),
    );
    const gaps = [...written, ...unwritten];
    if (gaps.length === 0) return;
    for (const { id } of gaps) this.#tellings.set(id, null);
    this.touch(now);
    this.#parts.notify({ kind: 'gaps-untold', gaps });
  }

  /** Something has changed that is to be written before long. */
  touch(now: EpochMs): void {
    this.#dirtySince ??= now;
  }

  /** True when it is time to write. */
  isDue(now: EpochMs): boolean {
    const since = this.#dirtySince;
    return since !== null && (now - since >= SAVE_AFTER_MS || now < since);
  }

  /** Write the ledger; when the disk is full, give up the ballast for it. False if it could not be written: it stays dirty. */
  saveOrMakeRoom(): boolean {
    if (this.save()) return true;
    const { ballast, disk, notify } = this.#parts;
    if (disk.isWritable() && ballast.free()) notify({ kind: 'ballast-freed' });
    return this.save();
  }

  /** Write the ledger. False if there is no room: it stays dirty. */
  save(): boolean {
    const { head, lanes } = this.#parts.content;
    const { lastSequence } = head;
    // Ahead of a steady load, so that no commit has to wait for it; and little, since a jump over them is told.
    const ahead = Math.max(this.#parts.minReserve, RESERVE_TIMES * (lastSequence - this.#savedSequence));
    const reserved = Math.max(head.reserved, lastSequence + ahead);
    try {
      this.#parts.ledger.save({
        head: { ...head, reserved },
        lanes,
        segments: [...this.#changedSegments],
        removedSegments: [...this.#removedSegments],
        consumers: [...this.#movedConsumers],
        removedConsumers: [...this.#removedConsumers],
        gaps: this.#newGaps,
        tellings: [...this.#tellings].map(([id, toldBy]) => ({ id, toldBy })),
        tallies: [...this.#tallies].map(([segment, counts]) => ({ segment, counts })),
        accounts: this.#accounts,
      });
    } catch (error) {
      if (!isRefusal(error, this.#parts.disk)) throw error;
      return false;
    }
    head.reserved = reserved;
    this.#savedSequence = lastSequence;
    for (const segment of this.#changedSegments) this.#knownSegments.add(segment);
    this.#changedSegments.clear();
    this.#removedSegments.clear();
    this.#movedConsumers.clear();
    this.#removedConsumers.clear();
    this.#newGaps.length = 0;
    this.#tellings.clear();
    this.#tallies.clear();
    this.#accounts.length = 0;
    this.#dirtySince = null;
    return true;
  }
}
