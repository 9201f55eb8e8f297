import { join } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
import { type FileLock, LockedError, lockFile } from '../ports/file-lock.ts';

/** @throws JOURNAL_LOCKED another process, or another journal in this one, has it */
export function lockDirectory(directory: string): FileLock {
  try {
    return lockFile(join(directory, 'lock.db'), join(directory, 'lock.pid'));
  } catch (error) {
    if (error instanceof LockedError) throw new HeadgateError('JOURNAL_LOCKED', { directory, pid: error.pid }, error);
    throw error;
  }
}
