import { messageOf } from '../errors/headgate-error.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { Books } from './books.ts';
import type { Capacity } from './capacity.ts';
import type { JournalDisk } from './journal-disk.ts';
import type { LedgerContent } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { NewRecord } from './record.ts';
import { isRefusal } from './refusal.ts';
import { MAX_SEGMENT_SPAN, spanning } from './segment-info.ts';
import { SegmentDamageError, type SegmentShelf } from './segment-shelf.ts';
import { failureKind } from './sqlite-failure.ts';
import type { StoreNotice } from './store-notice.ts';
import type { StreamBooks } from './stream-books.ts';

/** Attempts after which a write gives up making room, or changing files. */
const MAX_ATTEMPTS = 3;

/** Events that are accepted or rejected together. */
export interface RecordGroup {
  readonly records: readonly NewRecord[];
  readonly recorded: EpochMs;
}

/** What a lane is written with. */
export interface LaneWriterParts {
  readonly disk: JournalDisk;
  readonly content: LedgerContent;
  readonly shelf: SegmentShelf;
  readonly books: Books;
  readonly streams: StreamBooks;
  readonly writer: LedgerWriter;
  readonly capacity: Capacity;
  readonly notify: (notice: StoreNotice) => void;
}

/** Writes to the active segment of each lane, and seals it. Errors that leave here are fatal. */
export class LaneWriter {
  readonly #parts: LaneWriterParts;
  #now: EpochMs = 0;

  constructor(parts: LaneWriterParts) {
    this.#parts = parts;
  }

  /** Commit one lane's share of groups numbered from `first`; false if there is no room for it. */
  commit(lane: Lane, groups: readonly RecordGroup[], first: number, now: EpochMs): boolean {
    this.#now = now;
    if (!groups.some(({ records }) => records.some((record) => record.lane === lane))) return true;
    const { disk, shelf, books, capacity } = this.#parts;
    for (let attempt = 1; ; attempt++) {
      try {
        // One that a daemon of before wrote, or whose name would tell too little of the numbers in it.
        const open = shelf.active(lane);
        if (open !== null && (!open.file.takesEvents || first - open.info.first > MAX_SEGMENT_SPAN)) this.#seal(lane);
        return this.#write(lane, groups, first);
      } catch (error) {
        const kind = error instanceof SegmentDamageError ? 'damage' : failureKind(error);
        const active = shelf.active(lane);
        if (active !== null) active.file.rollback();
        if (kind === 'damage' && active !== null && attempt < MAX_ATTEMPTS)
          books.quarantine(active.info, messageOf(error));
        else if (isRefusal(error, disk)) {
          if (attempt < MAX_ATTEMPTS && capacity.makeRoom(now)) continue;
          capacity.block();
          return false;
        } else throw error;
      }
    }
  }

  /**
   * A group was rejected for one lane: its events in lanes that had room go again, so that it may be offered anew.
   * @returns lanes that did not let them go: there they are stored and accounted for
   */
  takeBack(first: number, last: number, rejectedLanes: ReadonlySet<Lane>): Lane[] {
    const { disk, content, shelf, writer } = this.#parts;
    const kept: Lane[] = [];
    for (const lane of LANES) {
      const active = shelf.active(lane);
      if (rejectedLanes.has(lane) || active === null) continue;
      const count = shelf.count(active.info, { first, last });
      if (count === 0) continue;
      // Making room may have saved it with these events: were they counted when they are gone, the next process would miss them.
      const isCounted = writer.isUpToDate(active.info);
      const uncount = (by: number) => {
        active.info.count -= by;
        content.lanes[lane].accepted -= by;
        writer.segmentChanged(active.info);
      };
      uncount(count);
      try {
        if (isCounted && !writer.save()) {
          uncount(-count);
          kept.push(lane);
          continue;
        }
        active.file.begin();
        active.file.deleteRange(first, last);
        active.file.commit();
      } catch (error) {
        active.file.rollback();
        if (!isRefusal(error, disk)) throw error;
        uncount(-count);
        kept.push(lane);
      }
    }
    return kept;
  }

  /** Seal the active segments that are full. */
  sealFull(segmentBytes: number, now: EpochMs): void {
    const { shelf } = this.#parts;
    for (const lane of LANES) {
      const active = shelf.active(lane);
      if (active === null || active.info.bytes < segmentBytes) continue;
      shelf.measure();
      if (active.info.bytes >= segmentBytes) this.seal(lane, now);
    }
  }

  /** Seal the active segment of a lane, if there is one and the disk has room to copy the WAL into the file: else it stays active, for later. */
  seal(lane: Lane, now: EpochMs): void {
    this.#now = now;
    try {
      this.#seal(lane);
    } catch (error) {
      if (error instanceof SegmentDamageError) this.#parts.books.quarantine(error.segment, error.message);
      else if (!isRefusal(error, this.#parts.disk)) throw error;
    }
  }

  /** @throws SegmentDamageError, what SQLite says where the disk refuses: it stays active */
  #seal(lane: Lane): void {
    const { shelf, streams, writer, notify } = this.#parts;
    const active = shelf.active(lane);
    if (active === null) return;
    streams.sealing(active.info);
    shelf.seal(lane);
    writer.segmentChanged(active.info);
    writer.touch(this.#now);
    notify({ kind: 'sealed', segment: active.info, reason: 'full or old' });
  }

  #write(lane: Lane, groups: readonly RecordGroup[], first: number): true {
    const { content, shelf, writer, capacity } = this.#parts;
    let sequence = first;
    let active = shelf.active(lane);
    let isOpen = false;
    let count = 0;
    let last = 0;
    let bytes = 0;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const group of groups) {
      for (const record of group.records) {
        if (record.lane === lane) {
          active ??= shelf.create(lane, sequence, Math.floor(this.#now));
          if (!isOpen) active.file.begin();
          isOpen = true;
          active.file.insert(sequence, group.recorded, record);
          count++;
          last = sequence;
          bytes += record.payload.length;
          if (record.time < low) low = record.time;
          if (record.time > high) high = record.time;
        }
        sequence++;
      }
    }
    if (active === null) return true;
    active.file.commit();
    const { info } = active;
    info.last = last;
    info.count += count;
    info.bytes += bytes;
    info.endedAt = Math.floor(this.#now);
    if (count > 0) info.times = spanning(info.times, { low, high });
    content.lanes[lane].accepted += count;
    writer.segmentChanged(info);
    capacity.committed(bytes + count * 32);
    return true;
  }
}
