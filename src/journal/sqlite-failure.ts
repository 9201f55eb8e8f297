/** The journal's own finding that a file is not what it should be: foreign, copied, half-created, a wrong checksum. */
export class DamageError extends Error {
  override readonly name = 'DamageError';
}

/**
 * What an error of a database operation means for the journal.
 * `full`: room is missing, the operation may succeed later; `damage`: this one file is bad; `fatal`: the disk cannot be trusted or
 * written any more, so nothing may be acknowledged.
 */
export type FailureKind = 'full' | 'damage' | 'fatal';

const FULL_CODES = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT']);
const DAMAGE_PREFIXES = [
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_FORMAT',
  'SQLITE_IOERR_SHORT_READ',
  'SQLITE_IOERR_CORRUPTFS',
];

/**
 * @param error what better-sqlite3 or node:fs threw
 * @source https://www.sqlite.org/rescode.html
 */
export function failureKind(error: unknown): FailureKind {
  if (error instanceof DamageError) return 'damage';
  const code = codeOf(error);
  if (FULL_CODES.has(code)) return 'full';
  if (DAMAGE_PREFIXES.some((prefix) => code.startsWith(prefix))) return 'damage';
  return 'fatal';
}

const SYNC_CODES = new Set(['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_DIR_FSYNC']);

/** True for a failed fsync: what it was for may be on no disk, whatever the file system says of itself afterwards. */
export function isSyncFailure(error: unknown): boolean {
  return SYNC_CODES.has(codeOf(error)) || (error instanceof Error && 'syscall' in error && error.syscall === 'fsync');
}

/** What was written may not be on the disk: never the fault of one file alone. */
const WRITE_CODES = ['FSYNC', 'DIR_FSYNC', 'WRITE', 'TRUNCATE', 'DELETE', 'CLOSE'].map(
  (kind) => `SQLITE_IOERR_${kind}`,
);

/** For a file that is only read: a sector that cannot be read, or a schema that is not ours, damages this file alone. */
export function readFailureKind(error: unknown): FailureKind {
  const code = codeOf(error);
  if (WRITE_CODES.includes(code)) return 'fatal';
  const isLocal = code === 'SQLITE_ERROR' || code === 'SQLITE_CANTOPEN' || ['ENOENT', 'EIO', 'EISDIR'].includes(code);
  return isLocal || code.startsWith('SQLITE_IOERR') ? 'damage' : failureKind(error);
}

/** The code of an error of SQLite or the operating system; empty for others. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
