import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import { removeFile, syncDirectory } from './disk-space.ts';
import type { OpenSegment, SegmentIdentity } from './journal-disk.ts';
import type { StreamCount } from './ledger.ts';
import type { ReadOnlyWatch } from './read-only-watch.ts';
import { type EncodedList, type NewRecord, recordChecksum, type StoredRecord, type StreamKey } from './record.ts';
import type { TimeRange } from './segment-info.ts';
import { type EventRow, SegmentSelector } from './segment-select.ts';
import type { SelectBounds } from './select-step.ts';
import { DamageError } from './sqlite-failure.ts';
import { markStandalone, setWalMode, WalCheckpoint } from './wal-mode.ts';

/*
 * One segment: a SQLite file that stands alone. Constraints: only the journal worker has it open; while it is active it is in WAL mode
 * with synchronous=FULL, under an exclusive lock (so no -shm file and no lock calls); once sealed it is a plain file in rollback mode
 * that is opened read-only. The row's columns answer queries by stream, asset and time without decoding a payload.
 */

/** "HGJ1": marks the files as ours, so that `file` and a foreign database are told apart. */
const APPLICATION_ID = 0x48_47_4a_31;
const FORMAT_VERSION = 1;
/** Measured (README.md): half the page costs a fifth less writing at the usual load, for the same size. */
const PAGE_BYTES = 2048;
/** Pages in the WAL before they are copied into the segment: 1 MiB. */
const CHECKPOINT_PAGES = 512;

const SCHEMA = `
  CREATE TABLE meta (journal_id TEXT NOT NULL, lane TEXT NOT NULL, first INTEGER NOT NULL) STRICT;
  CREATE TABLE stream (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, subject TEXT NOT NULL, partition_key TEXT NOT NULL,
    UNIQUE (type, subject, partition_key)) STRICT;
  CREATE TABLE tag_list (id INTEGER PRIMARY KEY, list_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
  CREATE TABLE event (
    sequence INTEGER PRIMARY KEY, recorded INTEGER NOT NULL, stream INTEGER NOT NULL, time NUMERIC NOT NULL,
    list INTEGER NOT NULL, checksum INTEGER NOT NULL, payload BLOB NOT NULL);
`;

type Value = number | Uint8Array;
type Insert = Database.Statement<[Value[]]>;

const COLUMNS = 7;
/** Rows of one statement: a call for each row costs a quarter more of the worker's time. */
const ROWS_PER_INSERT = 16;

/** An open segment. All methods are synchronous and throw what better-sqlite3 throws. */
export class SegmentFile implements OpenSegment {
  /** An iteration of `read` is under way: SQLite does not close a database then. */
  isBeingRead = false;
  readonly #db: Database.Database;
  readonly #lane: Lane;
  readonly #streamIds = new Map<StreamKey, number>();
  readonly #listIds = new Map<string, number>();
  readonly #lists = new Map<number, EncodedList>();
  /** Of a file that is written to. */
  readonly #checkpoint: WalCheckpoint | null;
  #insertOne: Insert | undefined;
  #insertMany: Insert | undefined;
  /** Of rows that are not in the database yet, in order. */
  #values: Value[] = [];
  #selector: SegmentSelector | undefined;
  #range: Database.Statement<[number, number], EventRow> | undefined;
  #count: Database.Statement<[number, number], { count: number }> | undefined;

  private constructor(db: Database.Database, lane: Lane, watch: ReadOnlyWatch | null) {
    this.#db = db;
    this.#lane = lane;
    this.#checkpoint = watch === null ? null : new WalCheckpoint(db, CHECKPOINT_PAGES, watch);
  }

  /** Create and open for writing; a file of that name must not exist. */
  static create(path: string, identity: SegmentIdentity, watch: ReadOnlyWatch): SegmentFile {
    const db = new Database(path);
    try {
      db.pragma(`page_size = ${PAGE_BYTES}`);
      prepareForWriting(db);
      db.transaction(() => {
        db.pragma(`application_id = ${APPLICATION_ID}`);
        db.pragma(`user_version = ${FORMAT_VERSION}`);
        db.exec(SCHEMA);
        db.prepare('INSERT INTO meta VALUES (?, ?, ?)').run(identity.journalId, identity.lane, identity.first);
      })();
      return new SegmentFile(db, identity.lane, watch);
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
  static of(db: Database.Database, lane: Lane, watch: ReadOnlyWatch | null): SegmentFile {
    return new SegmentFile(db, lane, watch);
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE');
  }

  /** Returns when the rows are on the disk. An error of the checkpoint that may follow is fatal, too: the rows are stored by then. */
  commit(): void {
    this.#insertRest();
    this.#db.exec('COMMIT');
    this.#checkpoint?.afterCommit();
  }

  /** Take back an open transaction, if there is one; what was learnt in it about streams and lists is forgotten. */
  rollback(): void {
    this.#values = [];
    if (this.#db.open && this.#db.inTransaction) this.#db.exec('ROLLBACK');
    this.forgetReferences();
  }

  /** Drop the caches of references, which are bounded by the caller. */
  forgetReferences(): void {
    this.#streamIds.clear();
    this.#listIds.clear();
    this.#lists.clear();
  }

  /** The rows are there when the transaction commits. */
  insert(sequence: number, recorded: EpochMs, record: NewRecord): void {
    const stream = this.#streamIds.get(record.stream) ?? this.#streamId(record.stream);
    const list = record.list === null ? 0 : (this.#listIds.get(record.list.id) ?? this.#listId(record.list));
    const checksum = recordChecksum(sequence, recorded, stream, list, record.payload);
    this.#values.push(sequence, recorded, stream, record.time, list, checksum, record.payload);
    if (this.#values.length < COLUMNS * ROWS_PER_INSERT) return;
    this.#insertMany ??= this.#prepareInsert(ROWS_PER_INSERT);
    this.#insertMany.run(this.#values);
    this.#values = [];
  }

  deleteRange(first: number, last: number): void {
    this.#db.prepare('DELETE FROM event WHERE sequence BETWEEN ? AND ?').run(first, last);
  }

  /**
   * The events of a closed range, in order, one at a time; end the iteration before anything else is asked of this segment.
   * @throws DamageError a row that is not as it was written
   */
  *read(first: number, last: number): Generator<StoredRecord, void, void> {
    this.#range ??= this.#db.prepare(
      'SELECT sequence, recorded, stream, list, checksum, payload FROM event WHERE sequence BETWEEN ? AND ? ORDER BY sequence',
    );
    this.isBeingRead = true;
    try {
      for (const row of this.#range.iterate(first, last)) yield this.#record(row);
    } finally {
      this.isBeingRead = false;
    }
  }

  /**
   * The matching events of a closed range, in order, until one more than the bounds allow.
   * @throws DamageError a row that is not as it was written
   */
  select(range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    this.#selector ??= new SegmentSelector(this.#db);
    const found: StoredRecord[] = [];
    let bytes = 0;
    for (const row of this.#selector.rows(range, where)) {
      const record = this.#record(row);
      found.push(record);
      bytes += record.payload.length;
      if (found.length > bounds.maxEvents || bytes > bounds.maxBytes) break;
    }
    return found;
  }

  /** Source times from a sequence on; null if there is no event. */
  times(first: number): TimeRange | null {
    const row = this.#db
      .prepare<[number], { low: number | null; high: number | null }>(
        'SELECT min(time) AS low, max(time) AS high FROM event WHERE sequence >= ?',
      )
      .get(first);
    return row === undefined || row.low === null || row.high === null ? null : { low: row.low, high: row.high };
  }

  /** How many events are in a closed range. */
  count(first: number, last: number): number {
    this.#count ??= this.#db.prepare('SELECT count(*) AS count FROM event WHERE sequence BETWEEN ? AND ?');
    return this.#count.get(first, last)?.count ?? 0;
  }

  /** The types of its events; one whose events were all taken back may be among them. */
  types(): string[] {
    return this.#db
      .prepare<[], { type: string }>('SELECT DISTINCT type FROM stream')
      .all()
      .map(({ type }) => type);
  }

  /** The events of a closed range by stream. */
  tally(first: number, last: number): StreamCount[] {
    return this.#db
      .prepare<[number, number], StreamCount>(
        `SELECT partition_key AS stream, sum(n) AS count
         FROM (SELECT stream AS id, count(*) AS n FROM event WHERE sequence BETWEEN ? AND ? GROUP BY stream)
         JOIN stream USING (id) GROUP BY partition_key`,
      )
      .all(first, last);
  }

  /** First and last sequence, 0 when empty, and the time that the last was recorded. */
  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs } {
    const row = this.#db
      .prepare<[], { first: number | null; last: number | null }>(
        'SELECT min(sequence) AS first, max(sequence) AS last FROM event',
      )
      .get();
    const last = row?.last ?? 0;
    const recorded = this.#db
      .prepare<[number], { recorded: number }>('SELECT recorded FROM event WHERE sequence = ?')
      .get(last)?.recorded;
    return { first: row?.first ?? 0, last, recorded: recorded ?? 0 };
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

  #insertRest(): void {
    if (this.#values.length === 0) return;
    this.#insertOne ??= this.#prepareInsert(1);
    for (let at = 0; at < this.#values.length; at += COLUMNS) this.#insertOne.run(this.#values.slice(at, at + COLUMNS));
    this.#values = [];
  }

  #prepareInsert(rows: number): Insert {
    const row = `(${Array.from({ length: COLUMNS }, () => '?').join(', ')})`;
    return this.#db.prepare<[Value[]]>(
      `INSERT INTO event VALUES ${Array.from({ length: rows }, () => row).join(', ')}`,
    );
  }

  #streamId(key: StreamKey): number {
    const values = [key.type, key.subject, key.partitionKey] as const;
    this.#db
      .prepare<[string, string, string]>(
        'INSERT INTO stream (type, subject, partition_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      )
      .run(...values);
    const row = this.#db
      .prepare<[string, string, string], { id: number }>(
        'SELECT id FROM stream WHERE type = ? AND subject = ? AND partition_key = ?',
      )
      .get(...values);
    if (row === undefined) throw new DamageError('stream table');
    this.#streamIds.set(key, row.id);
    return row.id;
  }

  #listId(list: EncodedList): number {
    this.#db
      .prepare<[string, Uint8Array]>('INSERT INTO tag_list (list_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(list.id, list.body);
    const row = this.#db.prepare<[string], { id: number }>('SELECT id FROM tag_list WHERE list_id = ?').get(list.id);
    if (row === undefined) throw new DamageError('tag list table');
    this.#listIds.set(list.id, row.id);
    return row.id;
  }

  #record(row: EventRow): StoredRecord {
    const payload = row.payload as Uint8Array;
    if (
      !(payload instanceof Uint8Array) ||
      row.checksum !== recordChecksum(row.sequence, row.recorded, row.stream, row.list, payload)
    ) {
      throw new DamageError(`checksum of event ${row.sequence} is wrong`);
    }
    const list = row.list === 0 ? null : this.#storedList(row.list);
    return { sequence: row.sequence, lane: this.#lane, recorded: row.recorded, payload, list };
  }

  #storedList(id: number): EncodedList {
    const known = this.#lists.get(id);
    if (known !== undefined) return known;
    const row = this.#db
      .prepare<[number], { list_id: string; body: Buffer }>('SELECT list_id, body FROM tag_list WHERE id = ?')
      .get(id);
    if (row === undefined) throw new DamageError(`tag list ${id} is missing`);
    const list = { id: row.list_id, body: new Uint8Array(row.body) };
    this.#lists.set(id, list);
    return list;
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
    checkIdentity(db, identity);
    return SegmentFile.of(db, identity.lane, watch);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** @throws DamageError half-created, of another journal, or a copy of another segment */
function checkIdentity(db: Database.Database, identity: SegmentIdentity): void {
  const found = readIdentity(db);
  if (found.journalId !== identity.journalId) throw new DamageError(`of another journal (${found.journalId})`);
  if (found.lane !== identity.lane || found.first !== identity.first) {
    throw new DamageError(`a copy of segment ${found.lane}/${found.first}`);
  }
}

/** What is found of a segment whose creation a crash cut off: nothing was ever committed to it. */
export const HALF_CREATED = 'half-created';

/** The same, even earlier; or the file has lost all that it had. */
export const EMPTY_FILE = 'empty file';

/** Which segment a database says that it is. @throws DamageError none */
export function readIdentity(db: Database.Database): SegmentIdentity {
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
    throw new DamageError(isEmpty ? HALF_CREATED : 'not a journal segment');
  }
  const version = db.pragma('user_version', { simple: true });
  if (version !== FORMAT_VERSION) throw new DamageError(`segment format ${String(version)} is unknown`);
  const row = db
    .prepare<[], { journal_id: string; lane: Lane; first: number }>('SELECT journal_id, lane, first FROM meta')
    .get();
  if (row === undefined) throw new DamageError(HALF_CREATED);
  return { journalId: row.journal_id, lane: row.lane, first: row.first };
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
