import { readFileSync, writeFileSync } from 'node:fs';
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
  const db = new Database(join(directory, 'lock.db'), { timeout: 0 });
  try {
    // Nothing is ever written: the lock is the point, so neither a journal nor a sync is needed.
    db.pragma('journal_mode = MEMORY');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!codeOf(error).startsWith('SQLITE_BUSY')) throw error;
    throw new HeadgateError('JOURNAL_LOCKED', { directory, pid: readPid(pidPath) }, error);
  }
  writeFileSync(pidPath, `${process.pid}\n`);
  return { release: () => db.close() };
}

function readPid(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}
