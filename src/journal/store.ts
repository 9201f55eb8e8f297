import { LANES, type Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type {
  Cursor,
  EventSelection,
  LaneCursors,
  PageRequest,
  SequenceRange,
  StreamLedger,
} from '../ports/journal.ts';
import { Books } from './books.ts';
import { Capacity } from './capacity.ts';
import type { ClockStepData } from './clock-step.ts';
import { ledgerRow } from './consumer.ts';
import { GAP_LANE } from './gap-event.ts';
import type { Blocked, JournalDisk, OpenLedger } from './journal-disk.ts';
import { type ReadSlice, readMerged } from './lane-merge.ts';
import { LaneWriter, type RecordGroup } from './lane-writer.ts';
import type { GapTelling, LedgerContent, LedgerSnapshot, StoredGap } from './ledger.ts';
import { LedgerWriter } from './ledger-writer.ts';
import { isRefusal } from './refusal.ts';
import { type SegmentInfo, segmentPath } from './segment-info.ts';
import type { SegmentShelf } from './segment-shelf.ts';
import { type SelectedSlice, segmentsAhead, selectStep } from './select-step.ts';
import type { JournalSettings } from './settings.ts';
import type { StoreNotice } from './store-notice.ts';
import { StoreThinning } from './store-thinning.ts';
import { StreamBooks } from './stream-books.ts';
import type { VerifyReport } from './verify-report.ts';

/**
 * Of each group: the sequence of its first record, the others follow; or why it was rejected. `kept`: of a rejected group its events in these lanes
 * could not be taken back: they stay and are sent, though nobody is told that they were accepted.
 */
export type GroupOutcome =
  | { readonly first: number }
  | { readonly rejected: Blocked; readonly kept?: { readonly first: number; readonly lanes: readonly Lane[] } };

/** What the store is made of; see openStore. */
export interface StoreParts {
  readonly disk: JournalDisk;
  readonly settings: JournalSettings;
  readonly content: LedgerContent;
  readonly ledger: OpenLedger;
  readonly shelf: SegmentShelf;
  readonly ballastBytes: number;
  /** The fewest numbers that are reserved ahead. */
  readonly minReserve: number;
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
  readonly #writer: LedgerWriter;
  readonly #streams: StreamBooks;
  readonly #books: Books;
  readonly #capacity: Capacity;
  readonly #lanes: LaneWriter;
  /** Thinning, step by step; what comes of it goes through `commitThinned`. */
  readonly thinning: StoreThinning;

  constructor(parts: StoreParts, now: EpochMs) {
    const { content, shelf, disk } = parts;
    this.#parts = parts;
    this.#content = content;
    this.#shelf = shelf;
    const ballast = disk.ballast(parts.ballastBytes);
    this.#writer = new LedgerWriter({ ...parts, ballast });
    const writer = this.#writer;
    this.#streams = new StreamBooks({ ...parts, writer });
    const streams = this.#streams;
    this.#books = new Books({ ...parts, writer, streams }, now);
    const books = this.#books;
    this.#capacity = new Capacity({ ...parts, ballast, books, streams, writer });
    this.#lanes = new LaneWriter({ ...parts, books, streams, writer, capacity: this.#capacity });
    this.thinning = new StoreThinning({ ...parts, books, writer, capacity: this.#capacity });
  }

  get journalId(): string {
    return this.#content.head.journalId;
  }

  get lastSequence(): number {
    return this.#content.head.lastSequence;
  }

  /** Why nothing is accepted at the moment; null when it is. */
  get blocked(): Blocked | null {
    return this.#capacity.blocked;
  }

  /** Sealed segments that have no hash yet. */
  get unhashed(): SegmentInfo[] {
    return this.#shelf.all().filter((segment) => segment.state === 'sealed' && segment.sha256 === null);
  }

  /** Write what opening found: which segments there are, and which are gone. */
  started(gone: readonly SegmentInfo[]): void {
    for (const segment of gone) this.#writer.segmentRemoved(segment);
    for (const segment of this.#shelf.all())
      if (segment.state === 'active' || segment.sha256 === null) this.#writer.segmentChanged(segment);
    this.thinning.check((request, where) => this.select(request, where));
    this.#books.isOpening = false;
    this.#books.saveOrMakeRoom();
  }

  /** Accept groups in one go: one transaction and one fsync for each lane that they touch. */
  commit(groups: readonly RecordGroup[], now: EpochMs): GroupOutcome[] {
    this.#books.now = now;
    if (this.blocked !== null) this.#capacity.enforce(now);
    const { blocked } = this;
    if (blocked !== null) return groups.map(() => ({ rejected: blocked }));
    const { head } = this.#content;
    const first = head.lastSequence + 1;
    const total = groups.reduce((sum, group) => sum + group.records.length, 0);
    const last = first + total - 1;
    if (last > head.reserved || this.#books.isUnsaid) {
      const { reserved } = head;
      head.reserved = last + this.#parts.minReserve;
      if (!this.#books.saveOrMakeRoom()) {
        head.reserved = reserved;
        return groups.map(() => ({ rejected: this.blocked ?? 'disk' }));
      }
    }
    const rejectedLanes = new Set<Lane>();
    for (const lane of LANES) {
      if (rejectedLanes.size > 0) rejectedLanes.add(lane);
      else if (!this.#lanes.commit(lane, groups, first, now)) rejectedLanes.add(lane);
    }
    head.lastSequence = last;
    this.#writer.touch(now);
    let next = first;
    const outcomes = groups.map((group): GroupOutcome => {
      const start = next;
      next += group.records.length;
      if (rejectedLanes.size === 0 || group.records.every(({ lane }) => !rejectedLanes.has(lane)))
        return { first: start };
      const lanes = this.#lanes.takeBack(start, next - 1, rejectedLanes);
      const rejected = this.blocked ?? 'disk';
      return lanes.length === 0 ? { rejected } : { rejected, kept: { first: start, lanes } };
    });
    if (rejectedLanes.size > 0) this.bookUnused({ first, last }, 'rejected: the disk took no more');
    this.#lanes.sealFull(this.#parts.settings.segmentBytes, now);
    this.#capacity.checkIfDue(now);
    return outcomes;
  }

  /** One slice of what must be checked before a request can be read on; true when it can be. */
  prepare(request: PageRequest): boolean {
    return this.#books.withoutDamage(() =>
      segmentsAhead(this.#shelf, request).every((segment) => this.#shelf.verifyStep(segment)),
    );
  }

  /** Events after a position, ascending over the lanes asked for; at least one if there is one. */
  read(request: PageRequest): ReadSlice {
    return this.#books.withoutDamage(() => readMerged(this.#shelf, request, this.lastSequence));
  }

  /** One bounded step of a search: the events that match in the next stretch after a position. */
  select(request: PageRequest, where: EventSelection): SelectedSlice {
    return this.#books.withoutDamage(() => selectStep(this.#shelf, request, where, this.lastSequence));
  }

  /** Make a consumer known, or find it again. */
  openCursor(name: string, start: 'now' | 'beginning', now: EpochMs): LaneCursors {
    this.#books.now = now;
    return this.#books.open(name, start);
  }

  /** Take note of a move; unknown consumers are ignored: theirs was forgotten meanwhile. */
  moveCursor(name: string, cursor: Cursor, lanes: readonly Lane[] = LANES): void {
    this.#books.move(name, cursor, lanes);
  }

  /** Let a consumer go; what waited for it becomes a gap. Returns false if nobody of that name is known. */
  forgetCursor(name: string): boolean {
    return this.#books.forget(name);
  }

  /** The gap event of these gaps is stored. */
  gapsTold(tellings: readonly GapTelling[]): void {
    this.#writer.told(tellings, this.#books.now);
    // An event may have gone between its commit and this message.
    for (const { toldBy } of tellings) {
      const isThere = this.#shelf
        .lane(GAP_LANE)
        .some(({ first, last }) => toldBy !== null && toldBy >= first && toldBy <= last);
      if (!isThere && toldBy !== null) this.#writer.untold({ first: toldBy, last: toldBy }, this.#books.now);
    }
  }

  /** Gaps whose event may not be stored yet. */
  untoldGaps(): StoredGap[] {
    return this.#parts.ledger.untoldGaps();
  }

  setHash(segment: SegmentInfo, sha256: string): void {
    if (segment.state !== 'sealed') return;
    segment.sha256 = sha256;
    this.#writer.segmentChanged(segment);
    this.#writer.touch(this.#books.now);
  }

  /** A sealed segment turned out to be bad outside of an operation of this store. */
  reportDamage(segment: SegmentInfo, reason: string): void {
    this.#books.quarantine(segment, reason);
  }

  /** Put sealed segments aside that a verification found bad, by their paths; problems of other things are passed over. */
  putAside(problems: VerifyReport['problems']): void {
    for (const { segment: path, problem } of problems) {
      const segment = this.#shelf.all().find((known) => known.state === 'sealed' && segmentPath(known) === path);
      if (segment !== undefined) this.#books.quarantine(segment, problem);
    }
  }

  /** Drop caches that grow with the number of streams and tag lists. */
  forgetReferences(): void {
    this.#shelf.forgetReferences();
  }

  hash(segment: SegmentInfo): Generator<void, string, void> {
    return this.#shelf.hash(segment);
  }

  /**
   * The wall clock was set. Ages go by differences, so what was stored by the clock before moves along; what is from the future of that clock was
   * stored when it was right (a machine without a clock of its own wakes up in 1970) and stays.
   */
  clockStepped({ before, stepMs }: ClockStepData): void {
    for (const segment of this.#shelf.all()) {
      if (segment.endedAt > before) continue;
      segment.openedAt += stepMs;
      segment.endedAt += stepMs;
      this.#writer.segmentChanged(segment);
    }
    this.#writer.touch(this.#books.now);
  }

  /** To be called each second: ages, quotas, disk, ballast, and the ledger. */
  tick(now: EpochMs): void {
    this.#books.now = now;
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (active !== null && active.info.count > 0 && now - active.info.openedAt >= this.#parts.settings.segmentAgeMs)
        this.#lanes.seal(lane, now);
    }
    this.#capacity.enforce(now);
    if (this.#writer.isDue(now)) this.#books.saveOrMakeRoom();
    this.#capacity.restoreBallast();
  }

  /** Seal every active segment that has events, so that all that is stored lies in files that stand alone. */
  sealAll(): void {
    for (const lane of LANES) {
      if ((this.#shelf.active(lane)?.info.count ?? 0) > 0) this.#lanes.seal(lane, this.#books.now);
    }
    this.#books.saveOrMakeRoom();
  }

  /** Commit what the segment of this first sequence was thinned to. */
  commitThinned(group: RecordGroup, first: number, now: EpochMs): GroupOutcome[] {
    const segment = this.thinning.begin(first);
    if (segment === null) return this.commit([group], now);
    const outcomes = this.#books.saveOrMakeRoom() ? this.commit([group], now) : [{ rejected: 'disk' } as const];
    const [outcome] = outcomes;
    this.thinning.end(segment, outcome !== undefined && !('rejected' in outcome), now);
    return outcomes;
  }

  /** The ledger at this moment, as it can be posted to another thread. */
  snapshot(): LedgerSnapshot {
    const segments = this.#shelf.all().filter(({ state }) => state === 'sealed');
    return { ...this.totals(), segments, streams: this.streamLedger() };
  }

  /** The lanes and the consumers in numbers, as they stand; nothing is read or written for it. */
  totals(): Pick<LedgerSnapshot, 'head' | 'lanes' | 'consumers'> {
    const { head, lanes, consumers } = this.#content;
    return {
      head,
      lanes,
      consumers: [...consumers.values()].map(({ name, cursors, counts }) => ({ name, cursors, counts })),
    };
  }

  /** The state in numbers. */
  status() {
    this.#books.settleAll();
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
    this.#books.saveOrMakeRoom();
    return {
      journalId: this.journalId,
      lastSequence: this.lastSequence,
      lanes,
      bytes: lanes.critical.bytes + lanes.normal.bytes + lanes.bulk.bytes,
      quotaBytes: this.#parts.settings.quotaBytes,
      blocked: this.blocked,
      freeDiskBytes: this.#parts.disk.space().freeBytes,
      gaps: this.#parts.ledger.gaps(1000),
      ledger: [...this.#content.consumers.values()].map((consumer) => ledgerRow(consumer, this.#content)),
    };
  }

  /** The ledger by stream. */
  streamLedger(): StreamLedger {
    return this.#books.withoutDamage(() => {
      this.#books.settleAll();
      // The accounts are read from the file.
      if (this.#writer.hasUnwrittenAccounts) this.#books.saveOrMakeRoom();
      return this.#streams.ledger();
    });
  }

  close(now: EpochMs): void {
    this.#books.now = now;
    this.#books.settleAll();
    this.#shelf.measure();
    for (const lane of LANES) {
      const active = this.#shelf.active(lane);
      if (active !== null) this.#writer.segmentChanged(active.info);
    }
    try {
      // The segments first: their closing copies the WAL into them.
      this.#shelf.close();
      this.#content.head.isClean = true;
      this.#books.saveOrMakeRoom();
      this.#parts.ledger.close();
    } catch (error) {
      // All that was accepted is in the WAL; the next start copies and checks it.
      if (!isRefusal(error, this.#parts.disk)) throw error;
    }
  }

  /** A segment, or the end of one, is gone, as opening found; what the ledger knows of its streams is booked. */
  bookGone(segment: SegmentInfo): void {
    this.#streams.removing(segment, false);
  }

  /** Book events that opening found missing. */
  lossesFound(losses: readonly { readonly lane: Lane; readonly range: SequenceRange }[]): void {
    this.#books.lossesFound(losses);
  }

  /** Book one of them. */
  bookLoss(lane: Lane, range: SequenceRange, count: number, reason: string): void {
    this.#books.bookLoss(lane, range, count, reason);
  }

  /** Tell of numbers without an event. */
  bookUnused(range: SequenceRange, reason: string): void {
    this.#books.bookUnused(range, reason);
  }
}
