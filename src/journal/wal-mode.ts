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
  readonly #progress: Database.Statement<[], Progress>;
  readonly #copy: Database.Statement<[], Progress>;
  readonly #pages: number;
  readonly #watch: ReadOnlyWatch;

  /** @param db in WAL mode @param watch of the file system that it is on */
  constructor(db: Database.Database, pages: number, watch: ReadOnlyWatch) {
    db.pragma('wal_autocheckpoint = 0');
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

  /** To be called before the database is closed, whose own checkpoint says nothing of errors. @throws as afterCommit */
  beforeClose(): void {
    this.#run();
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
 * Change how a database commits; returns the mode that it has then. Reads the answer to its end: the change is committed there, and whoever
 * only takes the first row never hears that it failed.
 */
export function setJournalMode(db: Database.Database, mode: 'WAL' | 'DELETE'): string {
  const [row] = db.pragma(`journal_mode = ${mode}`) as readonly { readonly journal_mode: string }[];
  return row?.journal_mode ?? 'unknown';
}
