import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { HeadgateError } from '../errors/headgate-error.ts';
import { codeOf } from './sqlite-failure.ts';

/** Held on a data directory for as long as the process lives; the kernel lets it go with the process, also at kill -9. */
export interface DirectoryLock {
  release(): void;
}

/** @throws JOURNAL_LOCKED another process, or another journal in this one, has it */
export function lockDirectory(directory: string): DirectoryLock {
  const pidPath = join(directory, 'lock.pid');
  const path = join(directory, 'lock.db');
  let db: Database.Database;
  try {
    db = lockFile(path);
  } catch (error) {
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
    throw new HeadgateError('JOURNAL_LOCKED', { directory, pid: readPid(pidPath) }, error);
  }
  writeFileSync(pidPath, `${process.pid}\n`);
  return { release: () => db.close() };
}

/** Nothing is ever written to it: the lock is the point, so neither a journal nor a sync is needed. */
function lockFile(path: string, isMended = false): Database.Database {
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
    return lockFile(path, true);
  }
}

function readPid(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
