import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

const HASH_BLOCK_BYTES = 256 * 1024;

/** The sha256 of a file, hexadecimal, in blocks. */
export function* hashBlocks(path: string): Generator<void, string, void> {
  const handle = openSync(path, 'r');
  try {
    const hash = createHash('sha256');
    const block = new Uint8Array(HASH_BLOCK_BYTES);
    for (;;) {
      const read = readSync(handle, block);
      if (read === 0) return hash.digest('hex');
      hash.update(block.subarray(0, read));
      yield;
    }
  } finally {
    closeSync(handle);
  }
}

/** What a computation in steps comes to, in one go. */
export function complete<T>(steps: Generator<void, T, void>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** A name in quarantine/ that is not taken; makes the directory. */
export function quarantinePath(directory: string, stem: string): string {
  const folder = join(directory, 'quarantine');
  mkdirSync(folder, { recursive: true });
  for (let n = 0; ; n++) {
    const path = join(folder, n === 0 ? `${stem}.db` : `${stem}.${n}.db`);
    if (!existsSync(path)) return path;
  }
}

/** Size of a file; 0 if there is none. */
export function fileBytes(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
