import type { JournalDisk } from './journal-disk.ts';
import { codeOf, failureKind, isSyncFailure } from './sqlite-failure.ts';

/** Less than this is no room for a new file with its directory entry. */
const NO_ROOM_BYTES = 64 * 1024;

/**
 * True when a write was refused and may succeed later, with nothing changed: the disk is full, or its file system read-only (after a fault the
 * kernel makes it so, and an SD card or eMMC at its end does). SQLite says no more than "I/O error" of the second, so the disk is asked, once for
 * each error. A failed fsync is none: what it was for may be lost although it can be read.
 */
export function isRefusal(error: unknown, disk: Pick<JournalDisk, 'mayHaveRefused' | 'space'>): boolean {
  if (isSyncFailure(error)) return false;
  const kind = failureKind(error);
  if (kind !== 'fatal') return kind === 'full';
  // A file cannot even be created on a disk that is full to the last block.
  const isFull = codeOf(error).startsWith('SQLITE_CANTOPEN') && disk.space().freeBytes < NO_ROOM_BYTES;
  return isFull || codeOf(error) === 'EROFS' || disk.mayHaveRefused();
}
