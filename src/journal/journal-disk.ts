import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import type { LedgerChange, LedgerContent, LedgerHead, StoredGap, StreamAccount, StreamCount } from './ledger.ts';
import type { NewRecord, StoredRecord } from './record.ts';
import type { TimeRange } from './segment-info.ts';
import type { SelectBounds } from './select-step.ts';

/*
 * All that the journal's engine asks of a disk. Synchronous: the engine runs in a worker of its own. Errors carry the codes of SQLite and
 * the operating system, which sqlite-failure.ts sorts. The daemon's disk is sqlite-disk.ts; the simulation has one in memory.
 */

/** Which segment a file must be. */
export interface SegmentIdentity {
  readonly journalId: string;
  readonly lane: Lane;
  readonly first: number;
}

/** Names a segment's file. */
export type SegmentName = Pick<SegmentIdentity, 'lane' | 'first'>;

/** An open segment. Throws what SQLite throws, and DamageError. */
export interface OpenSegment {
  /** An iteration of `read` is under way: it cannot be closed then. */
  readonly isBeingRead: boolean;
  /** False: of an older format, which is read and not written any more. */
  readonly takesEvents: boolean;
  begin(): void;
  insert(sequence: number, recorded: EpochMs, record: NewRecord): void;
  deleteRange(first: number, last: number): void;
  /** Returns when the rows are on the disk. */
  commit(): void;
  /** Take back an open transaction, if there is one; what was learnt in it about streams and lists is forgotten. */
  rollback(): void;
  /** Drop the caches of references, which are bounded by the caller. */
  forgetReferences(): void;
  /**
   * The events of a closed range, in order, one at a time; end the iteration before anything else is asked of this segment.
   * @throws DamageError an event that is not as it was written
   */
  read(first: number, last: number): Generator<StoredRecord, void, void>;
  /** The matching events of a closed range, in order, until one more than the bounds allow. @throws DamageError */
  select(range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[];
  /** Source times from a sequence on, or of somewhat more; null if there is no event. */
  times(first: number): TimeRange | null;
  /** How many events are in a closed range. */
  count(first: number, last: number): number;
  /** The types of its events. */
  types(): string[];
  /** The events of a closed range by stream, in any order. */
  tally(first: number, last: number): StreamCount[];
  /** First and last sequence, 0 when empty, and the time that the last was recorded. */
  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs };
  /** A check of the file's structure. @throws DamageError with the first finding */
  checkStructure(kind: 'quick_check' | 'integrity_check'): void;
  /** Make it a file that stands alone, durably, and close it. */
  seal(): void;
  /** Close what is in order. @throws what SQLite says, where an fsync fails */
  close(): void;
  /** Close what is known to be bad: nothing is written any more. */
  abandon(): void;
}

/** The open ledger. Throws what SQLite throws. */
export interface OpenLedger {
  /** @throws DamageError content that cannot be */
  load(): LedgerContent;
  /** Untold gaps, to be told again. */
  untoldGaps(): StoredGap[];
  /** Gaps whose telling event has a sequence in this range. */
  gapsToldBy(range: SequenceRange): StoredGap[];
  /** The newest gaps, oldest first. */
  gaps(limit: number): StoredGap[];
  /** Null when there is no gap. */
  highestGapId(): number | null;
  /** The sums of a sealed segment; null when none were written. */
  tally(segment: SegmentName): StreamCount[] | null;
  /** What consumers had of streams in segments that are gone. */
  streamAccounts(): StreamAccount[];
  /** Write what changed; returns when it is on the disk. */
  save(change: LedgerChange): void;
  /** Close what is in order. @throws what SQLite says, where an fsync fails */
  close(): void;
  /** Close what is known to be bad: nothing is written any more. */
  abandon(): void;
}

/** Why nothing is accepted at the moment. */
export type Blocked = 'quota' | 'disk' | 'readonly';

/** Room on a file system, in bytes, for an ordinary user. */
export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** A file that takes up room until the disk is full, so that there is some left to tidy up with. */
export interface BallastFile {
  readonly bytes: number;
  readonly exists: boolean;
  /** Give the room back. Returns false if there was none. */
  free(): boolean;
  /** Take the room, if that leaves `reserveBytes` free. */
  restore(reserveBytes: number): void;
}

/** Where one journal lies. */
export interface JournalDisk {
  /** Names this run of the machine: while it lasts, what a process wrote is there even if the disk was not asked to sync, or lied. Empty: unknown. */
  readonly bootId: string;
  /** Make the directories that are missing, durably. */
  prepare(): void;
  /** Make all names durable: a process that was killed may have left some that no sync had covered. */
  syncNames(): void;
  /** By their names, in any order: the first sequences of the segments of a lane. */
  segmentFirsts(lane: Lane): number[];
  /** Which segment a file says that it is. @throws DamageError none */
  identify(name: SegmentName): SegmentIdentity;
  /** Create durably and open for writing; when that fails no file is left. */
  create(identity: SegmentIdentity): OpenSegment;
  /** Open for writing, after a restart. @throws DamageError not this segment, or empty */
  openActive(identity: SegmentIdentity): OpenSegment;
  /** Open a sealed segment for reading. @throws DamageError not this segment */
  openSealed(identity: SegmentIdentity): OpenSegment;
  /**
   * Bytes of a segment that is written, with its WAL.
   * @throws ENOENT the directory vanished: what SQLite writes to the open file would be lost
   */
  activeBytes(name: SegmentName): number;
  /** Bytes of a segment that stands alone; 0 if there is none. */
  sealedBytes(name: SegmentName): number;
  /** The sha256 of a file, hexadecimal, in blocks. */
  hash(name: SegmentName): Generator<void, string, void>;
  /** Remove the files of a segment, durably. */
  unlink(name: SegmentName): void;
  /** Move the files of a segment aside, durably. Returns where to; null if there was none. */
  quarantine(name: SegmentName): string | null;
  /** First sequences of the segments that lie aside. */
  asideFirsts(): number[];
  /** False when there is none, or an empty one. */
  hasLedger(): boolean;
  /** While the ledger is closed: it has a WAL, as a kill or a power cut leaves it. */
  hasLedgerWal(): boolean;
  /** Open, or create with this content. @throws DamageError not a ledger of this format */
  openLedger(initial: LedgerHead | null): OpenLedger;
  /** Move the closed ledger aside. */
  quarantineLedger(): void;
  space(): DiskSpace;
  /** False while the file system is read-only. */
  isWritable(): boolean;
  /** To be asked once for each write that failed: true if the file system was read-only at the last look before it, or is so now. */
  mayHaveRefused(): boolean;
  ballast(bytes: number): BallastFile;
}
