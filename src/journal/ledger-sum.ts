import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { replaceFile, syncDirectory } from '../ports/durable-file.ts';
import { removeFile } from './disk-space.ts';
import { complete, hashBlocks } from './segment-bytes.ts';
import { DamageError } from './sqlite-failure.ts';

/*
 * The hash of the ledger's file, kept beside it from a clean stop to the next start: SQLite has no checksums, and a flipped bit in a count or
 * a cursor would be believed.
 */

/** Write the hash of a ledger that was closed, durably. */
export function writeLedgerSum(path: string): void {
  replaceFile(sumPath(path), complete(hashBlocks(path)));
}

/** Compare a ledger with its hash, if there is one: after a crash there is none. @throws DamageError it differs */
export function checkLedgerSum(path: string): void {
  if (!existsSync(sumPath(path))) return;
  if (readFileSync(sumPath(path), 'utf8') !== complete(hashBlocks(path)))
    throw new DamageError('the hash of the ledger differs');
}

/** Remove the hash, durably, before the ledger is written to. */
export function removeLedgerSum(path: string): void {
  if (!existsSync(sumPath(path))) return;
  removeFile(sumPath(path));
  syncDirectory(dirname(path));
}

function sumPath(path: string): string {
  return `${path}.sha256`;
}
