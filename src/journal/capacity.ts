import type { EpochMs } from '../model/time.ts';
import type { Books } from './books.ts';
import type { BallastFile, Blocked, DiskSpace, JournalDisk } from './journal-disk.ts';
import type { LedgerContent } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import { isRefusal } from './refusal.ts';
import { planRetention } from './retention.ts';
import { RetentionRules } from './retention-rules.ts';
import type { SegmentInfo } from './segment-info.ts';
import type { SegmentShelf } from './segment-shelf.ts';
import type { JournalSettings } from './settings.ts';
import type { StoreNotice } from './store-notice.ts';
import type { StreamBooks } from './stream-books.ts';

/** Bytes committed after which quota and disk are looked at, besides every tick: a share of a segment. */
const CHECKS_PER_SEGMENT = 8;
/** Room to make when a write found none: a WAL and some segment. */
const WORKING_ROOM_BYTES = 2 * 1024 * 1024;

/** So many of the oldest segments are thinned before the quota forces one out, */
const THIN_AHEAD_SEGMENTS = 2;
/** and before age does, at this share of it. */
const THIN_AT_AGE = 0.95;

/** What keeps to the limits. */
export interface CapacityParts {
  readonly disk: JournalDisk;
  readonly settings: JournalSettings;
  readonly content: LedgerContent;
  readonly shelf: SegmentShelf;
  readonly books: Books;
  readonly streams: StreamBooks;
  readonly writer: LedgerWriter;
  readonly ballast: BallastFile;
  readonly notify: (notice: StoreNotice) => void;
}

/** Keeps the journal within quota, age and free disk: drops by the plan of retention.ts, and blocks when nothing more may be dropped. */
export class Capacity {
  readonly #parts: CapacityParts;
  readonly #rules: RetentionRules;
  readonly #unworthy = new WeakSet<SegmentInfo>();
  /** Dropped by the books, and the file system took no more writes before their files went. */
  readonly #unremoved = new Set<SegmentInfo>();
  #uncheckedBytes = 0;
  #blocked: Blocked | null = null;

  constructor(parts: CapacityParts) {
    this.#parts = parts;
    this.#rules = new RetentionRules(parts.settings.retention);
  }

  /** Why nothing is accepted at the moment; null when it is. */
  get blocked(): Blocked | null {
    return this.#blocked;
  }

  /** A write found no room although all was done to make some. */
  block(): void {
    this.#setBlocked(this.#parts.disk.isWritable() ? 'disk' : 'readonly');
  }

  /** So many bytes were committed; looks at the limits now and then. */
  committed(bytes: number): void {
    this.#uncheckedBytes += bytes;
  }

  /** Look at the limits if enough was committed since the last time. */
  checkIfDue(now: EpochMs): void {
    if (this.#uncheckedBytes * CHECKS_PER_SEGMENT > this.#parts.settings.segmentBytes) this.enforce(now);
  }

  /** Apply retention, quota and free disk. @param neededBytes room to make even where less may be left free */
  enforce(now: EpochMs, neededBytes = 0): void {
    this.#uncheckedBytes = 0;
    const { disk, settings, content, shelf, books, streams, writer, notify } = this.#parts;
    if (!disk.isWritable()) {
      this.#setBlocked('readonly');
      return;
    }
    for (const segment of this.#unremoved) this.#remove(segment);
    shelf.measure();
    const space = disk.space();
    const segments = shelf.all();
    const usedBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    const minFreeBytes = Math.max(neededBytes, this.#minFreeBytes(space));
    books.settleAll();
    const plan = planRetention({
      segments,
      now,
      usedBytes,
      quotaBytes: settings.quotaBytes,
      freeBytes: space.freeBytes,
      minFreeBytes,
      maxAgeMs: (segment) => this.#maxAgeMs(segment, now),
      maxBytes: (lane) => this.#rules.maxBytes(lane),
      retainSettledMs: settings.retainSettledMs,
      isSettled: (segment) => books.isSettled(segment),
    });
    const drops = plan.drops.filter(({ segment, reason }) => {
      // One that turned out to be bad, while the plan was made or now, is booked already.
      if (segment.state === 'dropping') return false;
      // Gone without a trace, its numbers would be given out again.
      if (!writer.knows(segment) && !books.saveOrMakeRoom()) return false;
      const why = segment.thinnedAfter === null ? reason : 'thinned';
      if (reason !== 'settled' && !books.bookDrop(segment, why)) return false;
      streams.removing(segment, true);
      content.lanes[segment.lane].removed += segment.count;
      segment.state = 'dropping';
      writer.segmentChanged(segment);
      return true;
    });
    if (drops.length > 0) {
      // Written before the files go: a crash in between finishes the dropping at the next start. Where there is no room even for that, they go all the same.
      books.saveOrMakeRoom();
      for (const { segment, reason } of drops) {
        this.#remove(segment);
        notify({ kind: reason === 'settled' ? 'pruned' : 'dropped', segment, reason });
      }
      books.saveOrMakeRoom();
    }
    // Whether what was needed beyond the limit is there, the next write finds out.
    const blocked = neededBytes > 0 && plan.blockedBy === 'disk' ? null : plan.blockedBy;
    this.#setBlocked(blocked);
  }

  /** Remove the files of a dropped segment; where that is refused the ledger goes on saying that they are to go. */
  #remove(segment: SegmentInfo): void {
    const { disk, shelf, writer } = this.#parts;
    try {
      shelf.unlink(segment);
    } catch (error) {
      if (!isRefusal(error, disk)) throw error;
      this.#unremoved.add(segment);
      return;
    }
    this.#unremoved.delete(segment);
    writer.segmentRemoved(segment);
  }

  /** The segment that is to be thinned next, since it will have to go before long; null: none. */
  nextToThin(now: EpochMs): SegmentInfo | null {
    const { settings, shelf, books } = this.#parts;
    const sealed = shelf.lane('bulk').filter(({ state }) => state === 'sealed');
    const usedBytes = shelf.all().reduce((sum, { bytes }) => sum + bytes, 0);
    const isPressed = usedBytes > settings.quotaBytes - THIN_AHEAD_SEGMENTS * settings.segmentBytes;
    const bulkBytes = shelf.lane('bulk').reduce((sum, { bytes }) => sum + bytes, 0);
    const isFull = bulkBytes > this.#rules.maxBytes('bulk') - THIN_AHEAD_SEGMENTS * settings.segmentBytes;
    const isOld = (segment: SegmentInfo) => {
      const maxAgeMs = this.#maxAgeMs(segment, segment.endedAt + (now - segment.endedAt) / THIN_AT_AGE);
      return maxAgeMs > 0 && now - segment.endedAt >= maxAgeMs * THIN_AT_AGE;
    };
    const [oldest] = sealed.slice(0, THIN_AHEAD_SEGMENTS).filter((segment) => segment.thinnedAfter === null);
    if (oldest === undefined || !(isPressed || isFull || isOld(oldest)) || this.#unworthy.has(oldest)) return null;
    return books.isSettled(oldest) ? null : oldest;
  }

  /** Thinning it would save too little. */
  notWorthThinning(segment: SegmentInfo): void {
    this.#unworthy.add(segment);
  }

  /** The disk is full: give up the ballast, then drop what may be dropped. False if that freed nothing. */
  makeRoom(now: EpochMs): boolean {
    const { disk, ballast, shelf, settings, notify } = this.#parts;
    if (!disk.isWritable()) {
      this.#setBlocked('readonly');
      return false;
    }
    const freed = ballast.free();
    if (freed) notify({ kind: 'ballast-freed' });
    const before = shelf.all().length;
    // Room to write on, and for the ballast to come back.
    this.enforce(now, ballast.bytes + Math.min(settings.segmentBytes, WORKING_ROOM_BYTES));
    return freed || shelf.all().length < before;
  }

  /** Take the ballast's room again when there is enough. */
  restoreBallast(): void {
    const { disk, ballast } = this.#parts;
    if (ballast.exists || this.#blocked !== null) return;
    try {
      ballast.restore(2 * this.#minFreeBytes(disk.space()));
    } catch (error) {
      if (!isRefusal(error, disk)) throw error;
    }
  }

  #setBlocked(blocked: Blocked | null): void {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.#parts.notify(blocked === null ? { kind: 'disk-recovered' } : { kind: 'blocked', by: blocked });
  }

  #maxAgeMs(segment: SegmentInfo, now: EpochMs): number {
    const { shelf, books } = this.#parts;
    const types = () => books.withoutDamage(() => (segment.state === 'dropping' ? [] : shelf.types(segment)));
    return this.#rules.segmentAgeMs(segment.lane, now - segment.endedAt, types);
  }

  #minFreeBytes(space: DiskSpace): number {
    return Math.min(this.#parts.settings.minFreeBytes, space.totalBytes / 16);
  }
}
