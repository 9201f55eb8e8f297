import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import type Database from 'better-sqlite3';
import type { ReadOnlyWatch } from './read-only-watch.ts';
import { failureKind, isSyncFailure } from './sqlite-failure.ts';

interface Progress {
  readonly busy: number;
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Copies the WAL into its database whenever it has grown to a number of pages. SQLite can do so by itself, but passes over every error then,
 * also that of an fsync, after which nothing may be acknowledged any more.
 * @source https://www.sqlite.org/c3ref/wal_autocheckpoint.html, sqlite3WalDefaultHook in main.c
 */
export class WalCheckpoint {
  readonly #db: Database.Database;
  readonly #progress: Database.Statement<[], Progress>;
  readonly #copy: Database.Statement<[], Progress>;
  readonly #pages: number;
  readonly #watch: ReadOnlyWatch;

  /** @param db in WAL mode @param watch of the file system that it is on */
  constructor(db: Database.Database, pages: number, watch: ReadOnlyWatch) {
    db.pragma('wal_autocheckpoint = 0');
    this.#db = db;
    this.#progress = db.prepare('PRAGMA wal_checkpoint(NOOP)');
    this.#copy = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
    this.#pages = pages;
    this.#watch = watch;
  }

  /** To be called after each commit. A disk that is full or read-only lets the WAL be; the next call tries again. @throws what SQLite says of any other error */
  afterCommit(): void {
    const { log, checkpointed } = this.#progress.get() ?? { log: 0, checkpointed: 0 };
    if (log >= this.#pages && checkpointed < log) this.#run();
  }

  /**
   * To be called when a database is opened that a process before may have left a WAL with: after an fsync that failed its frames can be read and
   * are yet on no disk, so they are copied, and synced with the database, before anybody builds on them. @throws as afterCommit
   */
  afterOpen(): void {
    this.#run();
  }

  /** To be called after a commit that the file itself must have, should its WAL be lost. @throws as afterCommit */
  afterMark(): void {
    this.#run();
  }

  /** To be called before the database is closed, whose own checkpoint says nothing of errors. @throws as afterCommit */
  beforeClose(): void {
    this.#run();
  }

  /** Copy all of the WAL and cut it to nothing. @throws what SQLite says, also where the disk refuses */
  empty(): void {
    const [row] = this.#db.pragma('wal_checkpoint(TRUNCATE)') as readonly Progress[];
    if (row === undefined || row.busy !== 0 || row.log > 0) throw new Error('SQLite does not empty the WAL');
  }

  #run(): void {
    try {
      this.#copy.get();
    } catch (error) {
      if (isSyncFailure(error)) throw error;
      if (failureKind(error) !== 'full' && !this.#watch.mayHaveRefused()) throw error;
    }
  }
}

/**
 * Let a database commit through a WAL; returns the mode that it has then. Reads the answer to its end: the change is committed there, and whoever
 * only takes the first row never hears that it failed.
 */
export function setWalMode(db: Database.Database): string {
  const [row] = db.pragma('journal_mode = WAL') as readonly { readonly journal_mode: string }[];
  return row?.journal_mode ?? 'unknown';
}

/** Where the header has the versions that say how a file is read and written, and both for a file without a WAL. */
const VERSIONS_OFFSET = 18;
const STANDALONE_VERSIONS = new Uint8Array([1, 1]);

/**
 * Mark a database whose WAL is empty as one without a WAL, durably. SQLite's own way (`journal_mode = DELETE`) writes a journal for these two bytes
 * and, when the disk refuses it half-way, leaves a connection that cannot even read until the disk takes writes again.
 * @source https://www.sqlite.org/fileformat.html#file_format_version_numbers
 */
export function markStandalone(path: string): void {
  const handle = openSync(path, 'r+');
  try {
    writeSync(handle, STANDALONE_VERSIONS, 0, STANDALONE_VERSIONS.length, VERSIONS_OFFSET);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
