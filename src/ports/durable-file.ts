import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Make names in a directory durable: created, renamed or unlinked files. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Put a content in the place of the one before in one step, durably; `PATH.new` is where it is made. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  const fresh = `${path}.new`;
  writeSynced(fresh, 'w', content);
  renameSync(fresh, path);
  syncDirectory(dirname(path));
}

/** Put something at the end of a file, durably; a file that this makes has its name on the disk too. */
export function appendToFile(path: string, content: Uint8Array, isNew: boolean): void {
  writeSynced(path, 'a', content);
  if (isNew) syncDirectory(dirname(path));
}

function writeSynced(path: string, flags: 'w' | 'a', content: string | Uint8Array): void {
  const handle = openSync(path, flags);
  try {
    writeFileSync(handle, content);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
