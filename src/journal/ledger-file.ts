import Database from 'better-sqlite3';
import { LANES, type Lane } from '../model/tag.ts';
import type { Cursor, LaneCursors, SequenceRange } from '../ports/journal.ts';
import { Consumer, type ConsumerCounts, inEveryLane } from './consumer.ts';
import type { OpenLedger, SegmentName } from './journal-disk.ts';
import type { LedgerChange, LedgerContent, LedgerHead, StoredGap, StreamAccount, StreamCount } from './ledger.ts';
import { applyMoves, encodeMoves, isMoving, type LedgerMoves, MAX_MOVES_LENGTH } from './ledger-moves.ts';
import { checkLedgerSum, removeLedgerSum, writeLedgerSum } from './ledger-sum.ts';
import { saveHead, saveTables } from './ledger-tables.ts';
import type { ReadOnlyWatch } from './read-only-watch.ts';
import type { SegmentInfo } from './segment-info.ts';
import { DamageError } from './sqlite-failure.ts';
import { setWalMode, WalCheckpoint } from './wal-mode.ts';

/*
 * cursors.db: the manifest of segments, cursors, ledger and gaps. Everything in it may be a second older than the segments: what was committed
 * since is counted again from the active segments at start, and a cursor that is a second old only sends again.
 */

const APPLICATION_ID = 0x48_47_4c_31;
const FORMAT_VERSION = 8;

const STREAM_TABLES = `
  CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE segment_stream (
    lane TEXT NOT NULL, first INTEGER NOT NULL, stream INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (lane, first, stream)) STRICT, WITHOUT ROWID;
  CREATE TABLE stream_account (
    consumer TEXT NOT NULL, stream INTEGER NOT NULL, settled INTEGER NOT NULL, gaps INTEGER NOT NULL,
    PRIMARY KEY (consumer, stream)) STRICT, WITHOUT ROWID;`;

/** Pages of 512 bytes in the WAL before they are copied into the file. */
const CHECKPOINT_PAGES = 512;

const SCHEMA = `
  CREATE TABLE journal (
    journal_id TEXT NOT NULL, last_sequence INTEGER NOT NULL, reserved INTEGER NOT NULL, is_clean INTEGER NOT NULL,
    cursors_lost INTEGER NOT NULL, boot_id TEXT NOT NULL DEFAULT '', moves TEXT NOT NULL DEFAULT '') STRICT;
  CREATE TABLE lane (lane TEXT PRIMARY KEY, accepted INTEGER NOT NULL, removed INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE segment (
    lane TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, ended_at INTEGER NOT NULL, state TEXT NOT NULL, sha256 TEXT,
    time_low REAL, time_high REAL, thinned_after INTEGER,
    PRIMARY KEY (lane, first)) STRICT, WITHOUT ROWID;
  CREATE TABLE consumer (name TEXT PRIMARY KEY, cursor TEXT NOT NULL, counts TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE gap (
    id INTEGER PRIMARY KEY, lane TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,
    reason TEXT NOT NULL, at INTEGER NOT NULL, consumers TEXT NOT NULL, is_told INTEGER NOT NULL,
    unused INTEGER NOT NULL DEFAULT 0, told_by INTEGER) STRICT;
  ${STREAM_TABLES}
`;

/** By the format that a ledger has: what makes it one of the next. */
const MIGRATIONS: Readonly<Record<number, string>> = {
  1: 'ALTER TABLE segment ADD COLUMN time_low REAL; ALTER TABLE segment ADD COLUMN time_high REAL;',
  2: 'ALTER TABLE gap ADD COLUMN unused INTEGER NOT NULL DEFAULT 0',
  3: STREAM_TABLES,
  4: 'ALTER TABLE segment ADD COLUMN thinned_after INTEGER',
  5: 'ALTER TABLE gap ADD COLUMN told_by INTEGER',
  6: "ALTER TABLE journal ADD COLUMN boot_id TEXT NOT NULL DEFAULT ''",
  7: "ALTER TABLE journal ADD COLUMN moves TEXT NOT NULL DEFAULT ''",
};

/** The open cursors.db. Synchronous; throws what better-sqlite3 throws. */
export class LedgerFile implements OpenLedger {
  readonly #db: Database.Database;
  readonly #checkpoint: WalCheckpoint;
  /** Newer in the text of moves than in the tables. */
  readonly #movedSegments = new Set<SegmentInfo>();
  readonly #movedConsumers = new Set<Consumer>();
  /** The file itself, and not only its WAL, says that it is in use. */
  #isMarkedInUse = false;

  private constructor(db: Database.Database, watch: ReadOnlyWatch) {
    this.#db = db;
    this.#checkpoint = new WalCheckpoint(db, CHECKPOINT_PAGES, watch);
  }

  /** Open, or create with this content. @throws DamageError not a ledger of this format */
  static open(path: string, initial: LedgerHead | null, watch: ReadOnlyWatch): LedgerFile {
    if (initial === null) checkLedgerSum(path);
    removeLedgerSum(path);
    const db = new Database(path, { fileMustExist: initial === null });
    try {
      if (initial !== null) db.pragma('page_size = 512');
      db.pragma('locking_mode = EXCLUSIVE');
      const mode = setWalMode(db);
      db.pragma('synchronous = FULL');
      if (mode !== 'wal' || db.pragma('synchronous', { simple: true }) !== 2) {
        throw new Error('SQLite does not keep WAL with synchronous=FULL');
      }
      db.pragma('cache_size = -512');
      if (initial === null) {
        const structure = db.pragma('quick_check(1)', { simple: true });
        if (structure !== 'ok') throw new DamageError(String(structure));
        migrateLedger(db);
      } else create(db, initial);
      const ledger = new LedgerFile(db, watch);
      ledger.#checkpoint.afterOpen();
      return ledger;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** @throws DamageError content that cannot be */
  load(): LedgerContent {
    const { content, moves } = readLedger(this.#db);
    for (const segment of moves.segments) this.#movedSegments.add(segment);
    for (const consumer of moves.consumers) this.#movedConsumers.add(consumer);
    return content;
  }

  /** Untold gaps, to be told again. */
  untoldGaps(): StoredGap[] {
    return readGaps(this.#db, 'WHERE is_told = 0 ORDER BY id');
  }

  /** Gaps whose telling event has a sequence in this range. */
  gapsToldBy({ first, last }: SequenceRange): StoredGap[] {
    return readGaps(this.#db, `WHERE told_by BETWEEN ${first} AND ${last} ORDER BY id`);
  }

  /** The newest gaps, oldest first. */
  gaps(limit: number): StoredGap[] {
    return readGaps(this.#db, `ORDER BY id DESC LIMIT ${limit}`).reverse();
  }

  highestGapId(): number | null {
    return this.#db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM gap').get()?.id ?? null;
  }

  tally(segment: SegmentName): StreamCount[] | null {
    return readTally(this.#db, segment);
  }

  streamAccounts(): StreamAccount[] {
    return readStreamAccounts(this.#db);
  }

  /** Write what changed; returns when it is on the disk. */
  save(change: LedgerChange): void {
    for (const segment of change.segments) this.#movedSegments.add(segment);
    for (const segment of change.removedSegments) this.#movedSegments.delete(segment);
    for (const consumer of this.#movedConsumers)
      if (change.removedConsumers.includes(consumer.name)) this.#movedConsumers.delete(consumer);
    for (const consumer of change.consumers) this.#movedConsumers.add(consumer);
    const [segments, consumers] = [this.#movedSegments, this.#movedConsumers];
    const moves =
      isMoveOnly(change) && [...segments].every(isMoving)
        ? encodeMoves({ lanes: change.lanes, segments, consumers })
        : '';
    const isInTables = moves === '' || moves.length > MAX_MOVES_LENGTH;
    this.#db.transaction(() => {
      saveHead(this.#db, change.head, isInTables ? '' : moves);
      if (isInTables) saveTables(this.#db, { ...change, segments: [...segments], consumers: [...consumers] });
    })();
    if (isInTables) {
      segments.clear();
      consumers.clear();
    }
    if (this.#isMarkedInUse || change.head.isClean) this.#checkpoint.afterCommit();
    else {
      this.#checkpoint.afterMark();
      this.#isMarkedInUse = true;
    }
  }

  close(): void {
    this.#checkpoint.beforeClose();
    const { name } = this.#db;
    this.#db.close();
    writeLedgerSum(name);
  }

  /** Close what is known to be bad: nothing is written any more. */
  abandon(): void {
    this.#db.close();
  }
}

/** Bring a ledger of an older format up to this one. @throws DamageError not a ledger, or of a newer format */
export function migrateLedger(db: Database.Database): void {
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) throw new DamageError('not a ledger');
  db.transaction(() => {
    for (;;) {
      const version = Number(db.pragma('user_version', { simple: true }));
      const migration = MIGRATIONS[version];
      if (migration === undefined) break;
      db.exec(migration);
      db.pragma(`user_version = ${version + 1}`);
    }
  })();
  checkFormat(db);
}

/** Read a ledger. @throws DamageError content that cannot be */
export function loadLedger(db: Database.Database): LedgerContent {
  return readLedger(db).content;
}

function readLedger(db: Database.Database): { readonly content: LedgerContent; readonly moves: LedgerMoves } {
  checkFormat(db);
  const head = db
    .prepare<
      [],
      {
        journal_id: string;
        last_sequence: number;
        reserved: number;
        is_clean: number;
        cursors_lost: number;
        boot_id: string;
        moves: string;
      }
    >('SELECT * FROM journal')
    .get();
  const totals = new Map(
    db
      .prepare<[], { lane: string; accepted: number; removed: number }>('SELECT * FROM lane')
      .all()
      .map(({ lane, accepted, removed }) => [lane, { accepted, removed }]),
  );
  const [critical, normal, bulk] = LANES.map((lane) => totals.get(lane));
  if (head === undefined || critical === undefined || normal === undefined || bulk === undefined) {
    throw new DamageError('rows of the ledger are missing');
  }
  const segments = db
    .prepare<[], Omit<SegmentInfo, 'times'> & { low: number | null; high: number | null }>(
      `SELECT lane, first, last, count, bytes, opened_at AS openedAt, ended_at AS endedAt, state, sha256,
         time_low AS low, time_high AS high, thinned_after AS thinnedAfter
       FROM segment ORDER BY first`,
    )
    .all()
    .map(
      ({ low, high, ...row }): SegmentInfo => ({ ...row, times: low === null || high === null ? null : { low, high } }),
    );
  const consumers = db
    .prepare<[], { name: string; cursor: string; counts: string }>('SELECT * FROM consumer')
    .all()
    .map(({ name, cursor, counts }): [string, Consumer] => [name, makeConsumer(name, parseCursors(cursor), counts)]);
  const content: LedgerContent = {
    head: {
      journalId: head.journal_id,
      lastSequence: head.last_sequence,
      reserved: head.reserved,
      isClean: head.is_clean === 1,
      cursorsLost: head.cursors_lost === 1,
      bootId: head.boot_id,
    },
    lanes: { critical, normal, bulk },
    segments,
    consumers: new Map(consumers),
  };
  return { content, moves: applyMoves(content, head.moves) };
}

/** Gaps by a WHERE or ORDER clause. */
export function readGaps(db: Database.Database, clause: string): StoredGap[] {
  return db
    .prepare<[], Omit<StoredGap, 'consumers'> & { consumers: string }>(
      `SELECT id, lane, first, last, count, unused, reason, at, consumers FROM gap ${clause}`,
    )
    .all()
    .map((row) => ({ ...row, consumers: parse<Record<string, number>>(row.consumers) }));
}

function create(db: Database.Database, head: LedgerHead): void {
  db.transaction(() => {
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${FORMAT_VERSION}`);
    db.exec(SCHEMA);
    db.prepare(
      'INSERT INTO journal (journal_id, last_sequence, reserved, is_clean, cursors_lost, boot_id) VALUES (?, ?, ?, 0, ?, ?)',
    ).run(head.journalId, head.lastSequence, head.reserved, head.cursorsLost ? 1 : 0, head.bootId);
    for (const lane of LANES) db.prepare('INSERT INTO lane VALUES (?, 0, 0)').run(lane);
  })();
}

function checkFormat(db: Database.Database): void {
  const id = db.pragma('application_id', { simple: true });
  const version = db.pragma('user_version', { simple: true });
  if (id !== APPLICATION_ID || version !== FORMAT_VERSION) {
    throw new DamageError(`not a ledger of format ${FORMAT_VERSION}`);
  }
}

function makeConsumer(name: string, cursors: LaneCursors, text: string): Consumer {
  const { start = 0, ...counts } = parse<Record<Lane, ConsumerCounts> & { start?: number }>(text);
  return new Consumer(name, cursors, counts, start);
}

/** The sums of a sealed segment; null when none were written. */
export function readTally(db: Database.Database, { lane, first }: SegmentName): StreamCount[] | null {
  const counts = db
    .prepare<[string, number], StreamCount>(
      `SELECT name AS stream, count FROM segment_stream JOIN stream ON stream.id = segment_stream.stream
       WHERE lane = ? AND first = ?`,
    )
    .all(lane, first);
  return counts.length === 0 ? null : counts;
}

/** What consumers had of streams in segments that are gone. */
export function readStreamAccounts(db: Database.Database): StreamAccount[] {
  return db
    .prepare<[], StreamAccount>(
      `SELECT consumer, name AS stream, settled, gaps FROM stream_account
       JOIN stream ON stream.id = stream_account.stream`,
    )
    .all();
}

/** Nothing but sums, segments and cursors; at a clean end the tables have it all. */
function isMoveOnly(change: LedgerChange): boolean {
  const { head, removedSegments, removedConsumers, gaps, tellings, tallies, accounts } = change;
  const others = [removedSegments, removedConsumers, gaps, tellings, tallies, accounts];
  return !head.isClean && others.every(({ length }) => length === 0);
}

/** Ledgers written before lanes had cursors of their own hold one for all lanes. */
function parseCursors(text: string): LaneCursors {
  const value = parse<LaneCursors | Cursor>(text);
  return 'settled' in value ? inEveryLane(value) : value;
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text);
  } catch {
    throw new DamageError('a row of the ledger is not JSON');
  }
}
