import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import { syncDirectory } from '../ports/durable-file.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import { removeFile } from './disk-space.ts';
import type { OpenSegment, SegmentIdentity } from './journal-disk.ts';
import type { StreamCount } from './ledger.ts';
import type { ReadOnlyWatch } from './read-only-watch.ts';
import type { NewRecord, StoredRecord } from './record.ts';
import type { SegmentEvents } from './segment-events.ts';
import { FRAME_TABLE, SegmentFrames } from './segment-frames.ts';
import { CURRENT_FORMAT, checkIdentity, type SegmentFormat, writeIdentity } from './segment-identity.ts';
import type { TimeRange } from './segment-info.ts';
import { REFERENCE_TABLES, SegmentReferences } from './segment-references.ts';
import { SegmentRows } from './segment-rows.ts';
import type { SelectBounds } from './select-step.ts';
import { DamageError } from './sqlite-failure.ts';
import { markStandalone, setWalMode, WalCheckpoint } from './wal-mode.ts';

/*
 * One segment: a SQLite file that stands alone. Constraints: only the journal worker has it open; while it is active it is in WAL mode
 * with synchronous=FULL, under an exclusive lock (so no -shm file and no lock calls); once sealed it is a plain file in rollback mode
 * that is opened read-only. What its format has of each event beside the payload answers questions by stream, asset and time.
 */

/** The smallest there is: a commit writes whole pages, and a frame fills as many as it needs (README.md). */
const PAGE_BYTES = 512;
/** Pages in the WAL before they are copied into the segment: 1 MiB. */
const CHECKPOINT_PAGES = 2048;

/** An open segment. All methods are synchronous and throw what better-sqlite3 throws. */
export class SegmentFile implements OpenSegment {
  /** An iteration of `read` is under way: SQLite does not close a database then. */
  isBeingRead = false;
  readonly #db: Database.Database;
  readonly #references: SegmentReferences;
  readonly #events: SegmentEvents;
  /** Where events go; null: of a format that is only read. */
  readonly #frames: SegmentFrames | null;
  /** Of a file that is written to. */
  readonly #checkpoint: WalCheckpoint | null;

  private constructor(db: Database.Database, lane: Lane, format: SegmentFormat, watch: ReadOnlyWatch | null) {
    this.#db = db;
    this.#references = new SegmentReferences(db);
    this.#frames = format === 1 ? null : new SegmentFrames(db, lane, this.#references);
    this.#events = this.#frames ?? new SegmentRows(db, lane, this.#references);
    this.#checkpoint = watch === null ? null : new WalCheckpoint(db, CHECKPOINT_PAGES, watch);
  }

  /** Create and open for writing; a file of that name must not exist. */
  static create(path: string, identity: SegmentIdentity, watch: ReadOnlyWatch): SegmentFile {
    const db = new Database(path);
    try {
      db.pragma(`page_size = ${PAGE_BYTES}`);
      prepareForWriting(db);
      db.transaction(() => {
        writeIdentity(db, identity);
        db.exec(REFERENCE_TABLES);
        db.exec(FRAME_TABLE);
      })();
      return new SegmentFile(db, identity.lane, CURRENT_FORMAT, watch);
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /**
   * Open for writing, after a restart.
   * @throws DamageError not this segment
   */
  static openActive(path: string, identity: SegmentIdentity, watch: ReadOnlyWatch): SegmentFile {
    const file = open(path, identity, watch, (db) => prepareForWriting(db));
    try {
      file.#checkpoint?.afterOpen();
      return file;
    } catch (error) {
      file.abandon();
      throw error;
    }
  }

  /** Open a sealed segment for reading. @throws DamageError not this segment */
  static openSealed(path: string, identity: SegmentIdentity): SegmentFile {
    return open(path, identity, null, (db) => limitMemory(db));
  }

  /** @internal */
  static of(db: Database.Database, lane: Lane, format: SegmentFormat, watch: ReadOnlyWatch | null): SegmentFile {
    return new SegmentFile(db, lane, format, watch);
  }

  get takesEvents(): boolean {
    return this.#frames !== null;
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
  }

  /** Returns when the rows are on the disk. An error of the checkpoint that may follow is fatal, too: the rows are stored by then. */
  commit(): void {
    this.#frames?.flush();
    this.#db.exec('COMMIT');
    this.#checkpoint?.afterCommit();
  }

  /** Take back an open transaction, if there is one; what was learnt in it about streams and lists is forgotten. */
  rollback(): void {
    this.#frames?.rollback();
    if (this.#db.open && this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.forgetReferences();
  }

  /** Drop the caches of references, which are bounded by the caller. */
  forgetReferences(): void {
    this.#references.forget();
  }

  /** The event is there when the transaction commits. */
  insert(sequence: number, recorded: EpochMs, record: NewRecord): void {
    this.#written().insert(sequence, recorded, record);
  }

  deleteRange(first: number, last: number): void {
    this.#written().deleteRange(first, last);
  }

  /**
   * The events of a closed range, in order, one at a time; end the iteration before anything else is asked of this segment.
   * @throws DamageError an event that is not as it was written
   */
  *read(first: number, last: number): Generator<StoredRecord, void, void> {
    this.isBeingRead = true;
    try {
      yield* this.#events.read(first, last);
    } finally {
      this.isBeingRead = false;
    }
  }

  /**
   * The matching events of a closed range, in order, until one more than the bounds allow.
   * @throws DamageError an event that is not as it was written
   */
  select(range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    return this.#events.select(range, where, bounds);
  }

  /** Source times from a sequence on; null if there is no event. */
  times(first: number): TimeRange | null {
    return this.#events.times(first);
  }

  /** How many events are in a closed range. */
  count(first: number, last: number): number {
    return this.#events.count(first, last);
  }

  /** The types of its events; one whose events were all taken back may be among them. */
  types(): string[] {
    return this.#references.types();
  }

  /** The events of a closed range by stream. */
  tally(first: number, last: number): StreamCount[] {
    return this.#events.tally(first, last);
  }

  /** First and last sequence, 0 when empty, and the time that the last was recorded. */
  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs } {
    return this.#events.bounds();
  }

  /** SQLite's own check of the file's structure. @throws DamageError with the first finding */
  checkStructure(kind: 'quick_check' | 'integrity_check'): void {
    const result = this.#db.pragma(`${kind}(1)`, { simple: true });
    if (result !== 'ok') throw new DamageError(String(result));
  }

  /**
   * Copy the WAL into the file and leave WAL mode: the file then stands alone. Closes it. When the disk refuses a step, it stays open and can be
   * read, written and sealed again.
   */
  seal(): void {
    const { name } = this.#db;
    this.#checkpoint?.empty();
    markStandalone(name);
    // What is written from here on would be lost with the name.
    removeFile(`${name}-wal`);
    this.#db.close();
    // Else the WAL may be there again after a power cut, beside a file that is opened read-only.
    syncDirectory(dirname(name));
  }

  /** Close what is in order. */
  close(): void {
    if (this.#db.open) this.#checkpoint?.beforeClose();
    this.#db.close();
  }

  /** Close what is known to be bad: nothing is written any more. */
  abandon(): void {
    this.#db.close();
  }

  #written(): SegmentFrames {
    if (this.#frames === null) throw new Error('a segment of this format is only read');
    return this.#frames;
  }
}

/** @param watch null: to be read only */
function open(
  path: string,
  identity: SegmentIdentity,
  watch: ReadOnlyWatch | null,
  prepare: (db: Database.Database) => void,
): SegmentFile {
  const db = new Database(path, { readonly: watch === null, fileMustExist: true });
  try {
    prepare(db);
    return SegmentFile.of(db, identity.lane, checkIdentity(db, identity), watch);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Set what durability depends on, and read it back: a build or a file may have other defaults. */
function prepareForWriting(db: Database.Database): void {
  db.pragma('locking_mode = EXCLUSIVE');
  const mode = setWalMode(db);
  db.pragma('synchronous = FULL');
  const synchronous = db.pragma('synchronous', { simple: true });
  if (mode !== 'wal' || synchronous !== 2) {
    throw new Error(`SQLite does not keep WAL with synchronous=FULL: ${mode}, ${String(synchronous)}`);
  }
  limitMemory(db);
  // Room for the pages of the largest commit: written to the WAL before its end, they cost ten times the time.
  db.pragma('cache_size = -4096');
  db.pragma('cache_spill = OFF');
}

function limitMemory(db: Database.Database): void {
  db.pragma('cache_size = -1024');
  db.pragma('temp_store = MEMORY');
  db.pragma('trusted_schema = OFF');
}
