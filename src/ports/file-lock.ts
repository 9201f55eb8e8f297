import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import Database from 'better-sqlite3';

/** Held for as long as the process lives; the kernel lets it go with the process, also at kill -9. */
export interface FileLock {
  release(): void;
}

/** Another process, or another holder in this one, has the lock; its pid as it wrote it down. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
  readonly pid: string;

  constructor(pid: string, cause: unknown) {
    super(`locked by process ${pid}`, { cause });
    this.pid = pid;
  }
}

/** Lock a file that is there for nothing else. @throws LockedError; what SQLite or the file system says */
export function lockFile(path: string, pidPath: string): FileLock {
  let db: Database.Database;
  try {
    db = beginExclusive(path);
  } catch (error) {
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
    throw new LockedError(readPid(pidPath), error);
  }
  try {
    writeFileSync(pidPath, `${process.pid}\n`);
  } catch (error) {
    db.close();
    throw error;
  }
  return { release: () => db.close() };
}

/** Nothing is ever written to it: the lock is the point, so neither a journal nor a sync is needed. */
function beginExclusive(path: string, isMended = false): Database.Database {
  const db = new Database(path, { timeout: 0 });
  try {
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (error) {
    db.close();
    // Read under a shared lock, so nobody has the other. The file stays the same one: a new one would let two processes in.
    if (isMended || codeOf(error) !== 'SQLITE_NOTADB') throw error;
    truncateSync(path, 0);
    return beginExclusive(path, true);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Database.SqliteError ? error.code : '';
}

function readPid(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
