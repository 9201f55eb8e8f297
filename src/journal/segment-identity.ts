import type Database from 'better-sqlite3';
import type { Lane } from '../model/tag.ts';
import type { SegmentIdentity } from './journal-disk.ts';
import { DamageError } from './sqlite-failure.ts';

/** "HGJ1": marks the files as ours, so that `file` and a foreign database are told apart. */
const APPLICATION_ID = 0x48_47_4a_31;

/** How a segment keeps its events: 1 a row for each (segment-rows.ts), only read any more; 2 frames (segment-frames.ts). */
export type SegmentFormat = 1 | 2;

/** Of segments that are written. */
export const CURRENT_FORMAT: SegmentFormat = 2;

/** What is found of a segment whose creation a crash cut off: nothing was ever committed to it. */
export const HALF_CREATED = 'half-created';

/** The same, even earlier; or the file has lost all that it had. */
export const EMPTY_FILE = 'empty file';

/** Write which segment a new database is, as part of the transaction that makes its tables. */
export function writeIdentity(db: Database.Database, { journalId, lane, first }: SegmentIdentity): void {
  db.pragma(`application_id = ${APPLICATION_ID}`);
  db.pragma(`user_version = ${CURRENT_FORMAT}`);
  db.exec('CREATE TABLE meta (journal_id TEXT NOT NULL, lane TEXT NOT NULL, first INTEGER NOT NULL) STRICT');
  db.prepare('INSERT INTO meta VALUES (?, ?, ?)').run(journalId, lane, first);
}

/** Which segment a database says that it is. @throws DamageError none */
export function readIdentity(db: Database.Database): SegmentIdentity & { readonly format: SegmentFormat } {
  if (db.pragma('application_id', { simple: true }) !== APPLICATION_ID) {
    const isEmpty = db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
    throw new DamageError(isEmpty ? HALF_CREATED : 'not a journal segment');
  }
  const format = db.pragma('user_version', { simple: true });
  if (format !== 1 && format !== 2) throw new DamageError(`segment format ${String(format)} is unknown`);
  const row = db
    .prepare<[], { journal_id: string; lane: Lane; first: number }>('SELECT journal_id, lane, first FROM meta')
    .get();
  if (row === undefined) throw new DamageError(HALF_CREATED);
  return { journalId: row.journal_id, lane: row.lane, first: row.first, format };
}

/** The format of the segment that a database must be. @throws DamageError half-created, of another journal, or a copy of another segment */
export function checkIdentity(db: Database.Database, identity: SegmentIdentity): SegmentFormat {
  const found = readIdentity(db);
  if (found.journalId !== identity.journalId) throw new DamageError(`of another journal (${found.journalId})`);
  if (found.lane !== identity.lane || found.first !== identity.first) {
    throw new DamageError(`a copy of segment ${found.lane}/${found.first}`);
  }
  return found.format;
}
