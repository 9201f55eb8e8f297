import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { decodeCbor } from '../../model/event-codec.ts';
import type { Lane } from '../../model/tag.ts';
import type { OutboxRow } from './messages.ts';

/** All that one transaction writes. */
export interface StateChange {
  /** New values encoded; null: deleted. */
  readonly writes: ReadonlyMap<string, Uint8Array | null>;
  /** Last handled sequence of the durable feed. */
  readonly inbox: number;
  readonly outbox: readonly OutboxRow[];
  /** Outbox rows up to here were accepted by the journal and go. */
  readonly acceptedThrough: number;
}

interface StoredOutboxRow {
  readonly number: number;
  readonly after: number;
  readonly lane: Lane;
  readonly bytes: Buffer;
}

/**
 * The database of one service: its values, its inbox position and its outbox, so that a handler's effects happen once.
 * Constraints: one writer (the worker); every commit under WAL and synchronous=FULL, read back; belongs to one journal: under
 * another journal id the position and the outbox mean nothing and are cleared, the values stay.
 */
export class StateStore {
  readonly #db: Database.Database;
  readonly #select: Database.Statement<[string], { value: Buffer }>;
  readonly #selectKeys: Database.Statement<[string, string], { key: string }>;
  readonly #apply: (change: StateChange) => void;

  private constructor(path: string, journalId: string) {
    this.#db = new Database(path, { timeout: 2_000 });
    const db = this.#db;
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    if (db.pragma('synchronous', { simple: true }) !== 2) throw new Error('synchronous=FULL was not taken');
    db.pragma('cache_size = -1024');
    db.exec(`
      CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), journal TEXT NOT NULL, inbox INTEGER NOT NULL,
        next_number INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY, after INTEGER NOT NULL, lane TEXT NOT NULL, bytes BLOB NOT NULL);
    `);
    const place = db.prepare<[], { journal: string }>('SELECT journal FROM place').get();
    if (place?.journal !== journalId) {
      db.transaction(() => {
        db.exec('DELETE FROM outbox; DELETE FROM place;');
        db.prepare('INSERT INTO place VALUES (1, ?, 0, 1)').run(journalId);
      })();
    }
    this.#select = db.prepare('SELECT value FROM state WHERE key = ?');
    this.#selectKeys = db.prepare('SELECT key FROM state WHERE substr(key, 1, length(?)) = ? ORDER BY key');
    const put = db.prepare('INSERT INTO state VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
    const remove = db.prepare('DELETE FROM state WHERE key = ?');
    const move = db.prepare('UPDATE place SET inbox = max(inbox, ?)');
    const stage = db.prepare('INSERT INTO outbox VALUES (?, ?, ?, ?)');
    const count = db.prepare('UPDATE place SET next_number = ?');
    const settle = db.prepare('DELETE FROM outbox WHERE number <= ?');
    this.#apply = db.transaction((change: StateChange) => {
      for (const [key, value] of change.writes) {
        if (value === null) remove.run(key);
        else put.run(key, value);
      }
      for (const row of change.outbox) stage.run(row.number, row.after, row.lane, row.bytes);
      const last = change.outbox.at(-1);
      if (last !== undefined) count.run(last.number + 1);
      settle.run(change.acceptedThrough);
      move.run(change.inbox);
    });
  }

  /**
   * Open or create. A damaged file is kept beside as `<path>.damaged-<time>` and a new one begun.
   * @param onDamage told the reason and where the damaged file is kept
   */
  static open(
    path: string,
    journalId: string,
    now: number,
    onDamage: (reason: string, keptAs: string) => void,
  ): StateStore {
    mkdirSync(dirname(path), { recursive: true });
    try {
      return new StateStore(path, journalId);
    } catch (error) {
      if (!isDamage(error)) throw error;
      const keptAs = `${path}.damaged-${now}`;
      renameSync(path, keptAs);
      for (const suffix of ['-wal', '-shm']) {
        if (existsSync(path + suffix)) renameSync(path + suffix, keptAs + suffix);
      }
      onDamage(error.message, keptAs);
      return new StateStore(path, journalId);
    }
  }

  /** Last handled sequence, the number that the next outbox row gets, and what waits in the outbox. */
  place(): { readonly inbox: number; readonly nextNumber: number; readonly outbox: readonly OutboxRow[] } {
    const row = this.#db
      .prepare<[], { inbox: number; next_number: number }>('SELECT inbox, next_number FROM place')
      .get();
    const waiting = this.#db
      .prepare<[], StoredOutboxRow>('SELECT number, after, lane, bytes FROM outbox ORDER BY number')
      .all();
    return {
      inbox: row?.inbox ?? 0,
      nextNumber: row?.next_number ?? 1,
      outbox: waiting.map((stored) => ({ ...stored, bytes: Uint8Array.from(stored.bytes) })),
    };
  }

  get(key: string): unknown {
    const row = this.#select.get(key);
    return row === undefined ? undefined : decodeCbor(row.value);
  }

  keys(prefix: string): string[] {
    return this.#selectKeys.all(prefix, prefix).map((row) => row.key);
  }

  /** One transaction, one fsync. */
  commit(change: StateChange): void {
    this.#apply(change);
  }

  close(): void {
    this.#db.close();
  }
}

function isDamage(error: unknown): error is Error {
  return (
    error instanceof Error && 'code' in error && /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(String(error.code))
  );
}
