import { join } from 'node:path';
import { messageOf } from '../errors/headgate-error.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { Cursor, EventSelection, LaneCursors, LedgerRow, PageRequest, SequenceRange } from '../ports/journal.ts';
import { Consumer, type ConsumerCounts, inEveryLane } from './consumer.ts';
import { type Ballast, type DiskSpace, diskSpace } from './disk-space.ts';
import type { LedgerContent, LedgerFile, LedgerSnapshot, StoredGap } from './ledger-file.ts';
import type { NewRecord, StoredRecord } from './record.ts';
import { planRetention } from './retention.ts';
import { type SegmentInfo, spanning } from './segment-info.ts';
import { SegmentDamageError, type SegmentShelf } from './segment-shelf.ts';
import { type SelectedSlice, selectStep } from './select-step.ts';
import type { JournalSettings } from './settings.ts';
import { failureKind } from './sqlite-failure.ts';

/** Sequences are reserved in the ledger so many at a time; only damage to the newest events makes a jump of it visible. */
const RESERVE = 1_000_000;
/** Dirty ledger is written at the latest after this time. */
const SAVE_AFTER_MS = 900;
/** Bytes committed after which quota and disk are looked at, besides every tick: a share of a segment. */
const CHECKS_PER_SEGMENT = 8;

/** Room to make when a write found none: a WAL and some segment. */
const WORKING_ROOM_BYTES = 2 * 1024 * 1024;

/** Events that are accepted or rejected together. */
export interface RecordGroup {
  readonly records: readonly NewRecord[];
  readonly recorded: EpochMs;
}

/** Of each group: the sequence of its first record, the others follow; or why it was rejected. */
export type GroupOutcome = { readonly first: number } | { readonly rejected: 'quota' | 'disk' };

/** What happened in the store that others should hear of. */
export type StoreNotice =
  | { readonly kind: 'gap'; readonly gap: StoredGap }
  | { readonly kind: 'sealed' | 'pruned' | 'dropped'; readonly segment: SegmentInfo; readonly reason: string }
  | {
      readonly kind: 'quarantined';
      readonly segment: SegmentInfo;
      readonly reason: string;
      readonly path: string | null;
    }
  | { readonly kind: 'truncated'; readonly segment: SegmentInfo; readonly missing: number }
  | { readonly kind: 'ledger-rebuilt'; readonly reason: string }
  | { readonly kind: 'ballast-freed' | 'disk-recovered' }
  | { readonly kind: 'cursor-limited'; readonly consumer: string; readonly ranges: number };

/** What the store is made of; see openStore. */
export interface StoreParts {
  readonly directory: string;
  readonly settings: JournalSettings;
  readonly content: LedgerContent;
  readonly ledger: LedgerFile;
  readonly shelf: SegmentShelf;
  readonly ballast: Ballast;
  readonly notify: (notice: StoreNotice) => void;
}

/**
 * The journal's engine: synchronous, in the worker, without a clock of its own. Constraints: a group is acknowledged only after every
 * lane that it touches is on the disk; a sequence is never given out twice; each lane has at most one active segment; the ledger may lag
 * behind the segments, never the reverse. Errors that leave here are fatal.
 */
export class Store {
  readonly #parts: StoreParts;
  readonly #content: LedgerContent;
  readonly #shelf: SegmentShelf;
  #now: EpochMs;
  #nextGapId: number;
  #dirtySince: EpochMs | null = null;
  #uncheckedBytes = 0;
  #blocked: 'quota' | 'disk' | null = null;
  readonly #changedSegments = new Set<SegmentInfo>();
  readonly #removedSegments = new Set<SegmentInfo>();
  readonly #movedConsumers = new Set<Consumer>();
  readonly #removedConsumers = new Set<string>();
  readonly #newGaps: StoredGap[] = [];
  readonly #toldGaps: number[] = [];

  constructor(parts: StoreParts, now: EpochMs) {
    this.#parts = parts;
    this.#content = parts.content;
    this.#shelf = parts.shelf;
    this.#now = now;
    this.#nextGapId = parts.ledger.nextGapId(parts.content.head);
  }

  get journalId(): string {
    return this.#content.head.journalId;
  }

  get lastSequence(): number {
    return this.#content.head.lastSequence;
  }

  /** Why nothing is accepted at the moment; null when it is. */
  get blocked(): 'quota' | 'disk' | null {
    return this.#blocked;
  }

  /** Sealed segments that have no hash yet. */
  get unhashed(): SegmentInfo[] {
    return this.#shelf.all().filter((segment) => segment.state === 'sealed' && segment.sha256 === null);
  }

  /** Write what opening found: which segments there are, and which are gone. */
  started(gone: readonly SegmentInfo[]): void {
    for (const segment of gone) this.#removedSegments.add(segment);
    for (const segment of this.#shelf.all())
      if (segment.state === 'active' || segment.sha256 === null) this.#changedSegments.add(segment);
    this.#saveOrMakeRoom();
  }

  /** Accept groups in one go: one transaction and one fsync for each lane that they touch. */
  commit(groups: readonly RecordGroup[], now: EpochMs): GroupOutcome[] {
    this.#now = now;
    if (this.#blocked !== null) this.#enforce();
    const { blocked } = this;
    if (blocked !== null) return groups.map(() => ({ rejected: blocked }));
    const { head } = this.#content;
    const first = head.lastSequence + 1;
    const total = groups.reduce((sum, group) => sum + group.records.length, 0);
    const last = first + total - 1;
    if (last > head.reserved) {
      head.reserved = last + RESERVE;
      if (!this.#saveOrMakeRoom()) return groups.map(() => ({ rejected: 'disk' }));
    }
    const rejectedLanes = new Set<Lane>();
    for (const lane of LANES) {
      if (rejectedLanes.size > 0) rejectedLanes.add(lane);
      else if (!this.#commitLane(lane, groups, first)) rejectedLanes.add(lane);
    }
    head.lastSequence = last;
    this.#touch();
    let next = first;
    const outcomes = groups.map((group): GroupOutcome => {
      const start = next;
      next += group.records.length;
      if (rejectedLanes.size === 0 || group.records.every(({ lane }) => !rejectedLanes.has(lane)))
        return { first: start };
      this.#takeBack(start, next - 1, rejectedLanes);
      return { rejected: 'disk' };
    });
    if (rejectedLanes.size > 0) this.bookUnused({ first, last }, 'rejected, since the disk is full');
    this.#sealFull();
    if (this.#uncheckedBytes * CHECKS_PER_SEGMENT > this.#parts.settings.segmentBytes) this.#enforce();
    return outcomes;
  }

  /**
   * Events after a position, ascending over the lanes asked for, until a bound of events or bytes; at least one if there is one.
   * `through`: how far the search got.
   */
  read(request: PageRequest): { readonly records: StoredRecord[]; readonly through: number } {
    return this.#withoutDamage(() => {
      const range = { first: request.after + 1, last: Math.min(request.until, this.lastSequence) };
      const records: StoredRecord[] = [];
      let bytes = 0;
      const sources = (request.lanes ?? LANES).map((lane) => this.#shelf.read(lane, range));
      try {
        const heads = sources.map((source) => source.next());
        for (;;) {
          let lowest = -1;
          let record: StoredRecord | undefined;
          for (let i = 0; i < heads.length; i++) {
            const value = heads[i]?.done === true ? undefined : (heads[i]?.value as StoredRecord | undefined);
            if (value !== undefined && (record === undefined || value.sequence < record.sequence)) {
              record = value;
              lowest = i;
            }
          }
          const source = sources[lowest];
          if (record === undefined || source === undefined) {
            return { records, through: Math.max(request.after, range.last) };
          }
          bytes += record.payload.length;
          if (records.length > 0 && (records.length >= request.maxEvents || bytes > request.maxBytes)) break;
          records.push(record);
          heads[lowest] = source.next();
        }
        return { records, through: records[records.length - 1]?.sequence ?? request.after };
      } finally {
        for (const source of sources) source.return();
      }
    });
  }

  /** One bounded step of a search: the events that match in the next stretch after a position. */
  select(request: PageRequest, where: EventSelection): SelectedSlice {
    return this.#withoutDamage(() => selectStep(this.#shelf, request, where, this.lastSequence));
  }

  /** Make a consumer known, or find it again. */
  openCursor(name: string, start: 'now' | 'beginning', now: EpochMs): LaneCursors {
    this.#now = now;
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
    const consumer = new Consumer(
      name,
      inEveryLane({ settled: isFromStart ? 0 : head.lastSequence, above: [] }),
      counts,
    );
    this.#content.consumers.set(name, consumer);
    this.#movedConsumers.add(consumer);
    this.#saveOrMakeRoom();
    return consumer.cursors;
  }

  /** Take note of a move; unknown consumers are ignored: theirs was forgotten meanwhile. */
  moveCursor(name: string, cursor: Cursor, lanes: readonly Lane[] = LANES): void {
    this.#content.consumers.get(name)?.request(cursor, lanes);
    this.#touch();
  }

  /** Let a consumer go; what waited for it becomes a gap. Returns false if nobody of that name is known. */
  forgetCursor(name: string): boolean {
    const consumer = this.#content.consumers.get(name);
    if (consumer === undefined) return false;
    this.#settle(consumer);
    for (const lane of LANES) {
      const count = consumer.waiting(lane, this.#content.lanes[lane].accepted);
      const range = { first: consumer.cursors[lane].settled + 1, last: this.lastSequence };
      if (count > 0) this.#gap(lane, range, count, `let go: ${name} was forgotten`, { [name]: count });
    }
    this.#content.consumers.delete(name);
    this.#removedConsumers.add(name);
    this.#saveOrMakeRoom();
    return true;
  }

  /** The gap event of these gaps is stored. */
  gapsTold(ids: readonly number[]): void {
    this.#toldGaps.push(...ids);
    this.#touch();
  }

  /** Gaps whose event may not be stored yet. */
  untoldGaps(): StoredGap[] {
    return this.#parts.ledger.untoldGaps();
  }

  setHash(segment: SegmentInfo, sha256: string): void {
    if (segment.state !== 'sealed') return;
    segment.sha256 = sha256;
    this.#changedSegments.add(segment);
    this.#touch();
  }

  /** A sealed segment turned out to be bad outside of an operation of this store. */
  reportDamage(segment: SegmentInfo, reason: string): void {
    this.#quarantine(segment, reason);
  }

  /** Drop caches that grow with the number of streams and tag lists. */
  forgetReferences(): void {
    this.#shelf.forgetReferences();
  }

  hash(segment: SegmentInfo): Generator<void, string, void> {
    return this.#shelf.hash(segment);
  }

  /** To be called each second: ages, quotas, disk, ballast, and the ledger. */
  tick(now: EpochMs): void {
    this.#now = now;
    const { settings, ballast } = this.#parts;
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (active !== null && active.info.count > 0 && now - active.info.openedAt >= settings.segmentAgeMs)
        this.#seal(lane);
    }
    this.#enforce();
    if (this.#dirtySince !== null && (now - this.#dirtySince >= SAVE_AFTER_MS || now < this.#dirtySince))
      this.#saveOrMakeRoom();
    if (!ballast.exists && this.#blocked === null) {
      try {
        ballast.restore(2 * this.#minFreeBytes(diskSpace(this.#parts.directory)));
      } catch (error) {
        if (failureKind(error) !== 'full') throw error;
      }
    }
  }

  /** Seal every active segment that has events, so that all that is stored lies in files that stand alone. */
  sealAll(): void {
    for (const lane of LANES) if ((this.#shelf.active(lane)?.info.count ?? 0) > 0) this.#seal(lane);
    this.#saveOrMakeRoom();
  }

  /** The ledger at this moment, as it can be posted to another thread. */
  snapshot(): LedgerSnapshot {
    const { head, lanes, consumers } = this.#content;
    return {
      head,
      lanes,
      segments: this.#shelf.all().filter(({ state }) => state === 'sealed'),
      consumers: [...consumers.values()].map(({ name, cursors, counts }) => ({ name, cursors, counts })),
    };
  }

  /** The state in numbers. */
  status() {
    this.#settleAll();
    this.#shelf.measure();
    const lane = (name: Lane) => {
      const segments = this.#shelf.lane(name);
      return {
        segments: segments.length,
        events: segments.reduce((sum, { count }) => sum + count, 0),
        bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
      };
    };
    const lanes = { critical: lane('critical'), normal: lane('normal'), bulk: lane('bulk') };
    this.#saveOrMakeRoom();
    return {
      journalId: this.journalId,
      lastSequence: this.lastSequence,
      lanes,
      bytes: lanes.critical.bytes + lanes.normal.bytes + lanes.bulk.bytes,
      quotaBytes: this.#parts.settings.quotaBytes,
      freeDiskBytes: diskSpace(this.#parts.directory).freeBytes,
      gaps: this.#parts.ledger.gaps(1000),
      ledger: [...this.#content.consumers.values()].map((consumer) => ledgerRow(consumer, this.#content)),
    };
  }

  close(now: EpochMs): void {
    this.#now = now;
    this.#settleAll();
    this.#shelf.measure();
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (active !== null) this.#changedSegments.add(active.info);
    }
    // The segments first: their closing copies the WAL into them.
    this.#shelf.close();
    this.#content.head.isClean = true;
    this.#saveOrMakeRoom();
    this.#parts.ledger.close();
  }

  /** Commit one lane's share; false if there is no room for it. */
  #commitLane(lane: Lane, groups: readonly RecordGroup[], first: number): boolean {
    if (!groups.some(({ records }) => records.some((record) => record.lane === lane))) return true;
    for (let attempt = 0; ; attempt++) {
      try {
        return this.#writeLane(lane, groups, first);
      } catch (error) {
        const kind = failureKind(error);
        const active = this.#shelf.active(lane);
        if (active !== null) active.file.rollback();
        if (kind === 'damage' && active !== null && attempt < 2) this.#quarantine(active.info, messageOf(error));
        else if (kind === 'full' && attempt < 2) {
          if (!this.#makeRoom()) return false;
        } else if (kind === 'full') {
          this.#blocked = 'disk';
          return false;
        } else throw error;
      }
    }
  }

  #writeLane(lane: Lane, groups: readonly RecordGroup[], first: number): true {
    let sequence = first;
    let active = this.#shelf.active(lane);
    let isOpen = false;
    let count = 0;
    let last = 0;
    let bytes = 0;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (const group of groups) {
      for (const record of group.records) {
        if (record.lane === lane) {
          active ??= this.#shelf.create(lane, sequence, Math.floor(this.#now));
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
    this.#content.lanes[lane].accepted += count;
    this.#changedSegments.add(info);
    this.#uncheckedBytes += bytes + count * 32;
    return true;
  }

  /** A group was rejected for one lane: its events in lanes that had room go again, so that it may be offered anew. */
  #takeBack(first: number, last: number, rejectedLanes: ReadonlySet<Lane>): void {
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (rejectedLanes.has(lane) || active === null) continue;
      const count = this.#shelf.count(active.info, { first, last });
      if (count === 0) continue;
      try {
        active.file.begin();
        active.file.deleteRange(first, last);
        active.file.commit();
      } catch (error) {
        // Then they stay: stored, accounted for and sent, though nobody was told that they were accepted.
        active.file.rollback();
        if (failureKind(error) !== 'full') throw error;
        continue;
      }
      active.info.count -= count;
      this.#content.lanes[lane].accepted -= count;
    }
  }

  #sealFull(): void {
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (active !== null && active.info.bytes >= this.#parts.settings.segmentBytes) {
        this.#shelf.measure();
        if (active.info.bytes >= this.#parts.settings.segmentBytes) this.#seal(lane);
      }
    }
  }

  #seal(lane: Lane): void {
    const active = this.#shelf.active(lane);
    if (active === null) return;
    try {
      this.#shelf.seal(lane);
    } catch (error) {
      if (error instanceof SegmentDamageError) this.#quarantine(error.segment, error.message);
      else if (failureKind(error) !== 'full') throw error;
      // No room to copy the WAL into the file: it stays active and is sealed later.
      return;
    }
    this.#changedSegments.add(active.info);
    this.#touch();
    this.#parts.notify({ kind: 'sealed', segment: active.info, reason: 'full or old' });
  }

  /** Apply retention, quota and free disk. @param neededBytes room to make even where less may be left free */
  #enforce(neededBytes = 0): void {
    this.#uncheckedBytes = 0;
    this.#shelf.measure();
    const { settings, directory, notify } = this.#parts;
    const space = diskSpace(directory);
    const segments = this.#shelf.all();
    const usedBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    const minFreeBytes = Math.max(neededBytes, this.#minFreeBytes(space));
    if (this.#content.consumers.size > 0) this.#settleAll();
    const plan = planRetention({
      segments,
      now: this.#now,
      usedBytes,
      quotaBytes: settings.quotaBytes,
      freeBytes: space.freeBytes,
      minFreeBytes,
      maxAgeMs: settings.maxAgeMs,
      retainSettledMs: settings.retainSettledMs,
      isSettled: (segment) => this.#isSettled(segment),
    });
    if (plan.drops.length > 0) {
      for (const { segment, reason } of plan.drops) {
        if (reason !== 'settled') this.#recordLoss(segment, reason);
        this.#content.lanes[segment.lane].removed += segment.count;
        segment.state = 'dropping';
        this.#changedSegments.add(segment);
      }
      // Written before the files go: a crash in between finishes the dropping at the next start.
      if (!this.#save()) this.#parts.ballast.free();
      for (const { segment, reason } of plan.drops) {
        this.#shelf.unlink(segment);
        this.#removedSegments.add(segment);
        this.#changedSegments.delete(segment);
        notify({ kind: reason === 'settled' ? 'pruned' : 'dropped', segment, reason });
      }
      this.#saveOrMakeRoom();
    }
    // Whether what was needed beyond the limit is there, the next write finds out.
    const blocked = neededBytes > 0 && plan.blockedBy === 'disk' ? null : plan.blockedBy;
    if (this.#blocked !== null && blocked === null) notify({ kind: 'disk-recovered' });
    this.#blocked = blocked;
  }

  /** The disk is full: give up the ballast, then drop what may be dropped. False if that freed nothing. */
  #makeRoom(): boolean {
    const freed = this.#parts.ballast.free();
    if (freed) this.#parts.notify({ kind: 'ballast-freed' });
    const before = this.#shelf.all().length;
    // Room to write on, and for the ballast to come back.
    this.#enforce(this.#parts.ballast.bytes + Math.min(this.#parts.settings.segmentBytes, WORKING_ROOM_BYTES));
    return freed || this.#shelf.all().length < before;
  }

  #minFreeBytes(space: DiskSpace): number {
    return Math.min(this.#parts.settings.minFreeBytes, space.totalBytes / 16);
  }

  #isSettled(segment: SegmentInfo): boolean {
    if (this.#content.consumers.size === 0) return false;
    return this.#withoutDamage(() => {
      for (const consumer of this.#content.consumers.values()) {
        if (this.#unsettledCount(consumer, segment) > 0) return false;
      }
      return true;
    });
  }

  #unsettledCount(consumer: Consumer, segment: SegmentInfo): number {
    if (segment.count === 0) return 0;
    let count = 0;
    for (const range of consumer.unsettled(segment.lane, segment)) count += this.#shelf.count(segment, range);
    return count;
  }

  /** Book what each consumer loses with a readable segment. */
  #recordLoss(segment: SegmentInfo, reason: string): void {
    const consumers: Record<string, number> = {};
    let first = Number.POSITIVE_INFINITY;
    for (const consumer of this.#content.consumers.values()) {
      const lost = this.#unsettledCount(consumer, segment);
      if (lost === 0) continue;
      consumers[consumer.name] = lost;
      consumer.counts[segment.lane].gaps += lost;
      this.#movedConsumers.add(consumer);
      first = Math.min(first, consumer.unsettled(segment.lane, segment)[0]?.first ?? segment.first);
    }
    const count = Math.max(0, ...Object.values(consumers));
    if (count > 0) this.#gap(segment.lane, { first, last: segment.last }, count, reason, consumers);
  }

  /** Move a damaged segment aside and book what each consumer loses: by the books, since the file cannot be asked. */
  #quarantine(segment: SegmentInfo, reason: string): void {
    const path = this.#shelf.quarantine(segment);
    this.#content.lanes[segment.lane].removed += segment.count;
    this.#changedSegments.delete(segment);
    this.#removedSegments.add(segment);
    this.#parts.notify({ kind: 'quarantined', segment, reason, path });
    this.bookLoss(segment.lane, segment, segment.count, `damage: ${reason}`);
    this.#saveOrMakeRoom();
  }

  /**
   * Book events of a lane that are not there any more, after they were taken from the totals: what a consumer waits for by the books,
   * less what is left to wait for, is lost to it.
   */
  bookLoss(lane: Lane, range: SequenceRange, count: number, reason: string): void {
    const consumers: Record<string, number> = {};
    for (const consumer of this.#content.consumers.values()) {
      const left = this.#withoutDamage(() =>
        this.#shelf.lane(lane).reduce((sum, other) => sum + this.#unsettledCount(consumer, other), 0),
      );
      const lost = consumer.waiting(lane, this.#content.lanes[lane].accepted) - left;
      if (lost <= 0) continue;
      consumers[consumer.name] = lost;
      consumer.counts[lane].gaps += lost;
      this.#movedConsumers.add(consumer);
    }
    const lost = this.#content.consumers.size === 0 ? count : Math.max(0, ...Object.values(consumers));
    if (lost > 0) this.#gap(lane, range, lost, reason, consumers);
  }

  /** Tell of numbers without an event, so that a receiver does not take the hole for a loss. */
  bookUnused(range: SequenceRange, reason: string): void {
    if (range.last < range.first) return;
    const found = this.#withoutDamage(() =>
      this.#shelf.all().reduce((sum, segment) => sum + this.#shelf.count(segment, range), 0),
    );
    const unused = range.last - range.first + 1 - found;
    if (unused > 0) this.#gap('normal', range, 0, reason, {}, unused);
  }

  #gap(
    lane: Lane,
    range: SequenceRange,
    count: number,
    reason: string,
    consumers: Record<string, number>,
    unused = 0,
  ): void {
    const gap: StoredGap = {
      id: this.#nextGapId++,
      lane,
      first: range.first,
      last: Math.max(range.first, range.last),
      count,
      unused,
      reason,
      at: Math.floor(this.#now),
      consumers,
    };
    this.#newGaps.push(gap);
    this.#touch();
    this.#parts.notify({ kind: 'gap', gap });
  }

  #settleAll(): void {
    for (const consumer of this.#content.consumers.values()) this.#settle(consumer);
  }

  #settle(consumer: Consumer): void {
    if (!consumer.hasMoved) return;
    const surplus = this.#withoutDamage(() =>
      consumer.settle(this.lastSequence, (lane, range) => {
        let count = 0;
        for (const segment of this.#shelf.lane(lane)) {
          if (segment.first > range.last) break;
          count += this.#shelf.count(segment, range);
        }
        return count;
      }),
    );
    this.#movedConsumers.add(consumer);
    if (surplus > 0) this.#parts.notify({ kind: 'cursor-limited', consumer: consumer.name, ranges: surplus });
  }

  /** Run an operation; a segment that turns out to be bad is put aside, and the operation runs again on the rest. */
  #withoutDamage<T>(operation: () => T): T {
    for (;;) {
      try {
        return operation();
      } catch (error) {
        if (!(error instanceof SegmentDamageError)) throw error;
        this.#quarantine(error.segment, error.message);
      }
    }
  }

  #touch(): void {
    this.#dirtySince ??= this.#now;
  }

  /** Write the ledger; when the disk is full, give up the ballast for it. False if it could not be written: it stays dirty. */
  #saveOrMakeRoom(): boolean {
    if (this.#save()) return true;
    if (this.#parts.ballast.free()) this.#parts.notify({ kind: 'ballast-freed' });
    return this.#save();
  }

  #save(): boolean {
    this.#settleAll();
    const { head, lanes } = this.#content;
    try {
      this.#parts.ledger.save({
        head,
        lanes,
        segments: [...this.#changedSegments],
        removedSegments: [...this.#removedSegments],
        consumers: [...this.#movedConsumers],
        removedConsumers: [...this.#removedConsumers],
        gaps: this.#newGaps,
        toldGaps: this.#toldGaps,
      });
    } catch (error) {
      if (failureKind(error) !== 'full') throw error;
      return false;
    }
    this.#changedSegments.clear();
    this.#removedSegments.clear();
    this.#movedConsumers.clear();
    this.#removedConsumers.clear();
    this.#newGaps.length = 0;
    this.#toldGaps.length = 0;
    this.#dirtySince = null;
    return true;
  }
}

/** The ledger of one consumer, over all lanes. */
export function ledgerRow(consumer: Consumer, content: Pick<LedgerContent, 'lanes'>): LedgerRow {
  const row = { consumer: consumer.name, received: 0, settled: 0, waiting: 0, gaps: 0 };
  for (const lane of LANES) {
    const { base, settled, gaps } = consumer.counts[lane];
    row.received += content.lanes[lane].accepted - base;
    row.settled += settled;
    row.gaps += gaps;
    row.waiting += consumer.waiting(lane, content.lanes[lane].accepted);
  }
  return row;
}

/** Where the ledger lies. */
export function ledgerPath(directory: string): string {
  return join(directory, 'cursors.db');
}
