import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  openSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { syncDirectory } from '../ports/durable-file.ts';
import { makeDirectories } from '../ports/make-directories.ts';
import type { BallastFile, DiskSpace } from './journal-disk.ts';
import { codeOf } from './sqlite-failure.ts';

/** Room on the file system of a directory. */
export function diskSpace(directory: string): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(directory);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** True while the file system of a directory takes no writes. */
export function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    if (codeOf(error) === 'EROFS') return true;
    throw error;
  }
}

/**
 * Remove a file; returns false if there is none. The names that are left are not synced.
 * @throws what the operating system says, by its code: `rmSync` has none for a read-only file system
 */
export function removeFile(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Make a directory and those above it that are missing, durably: a name is on the disk when its directory was synced, not before. */
export function makeDirectory(directory: string): void {
  const path = resolve(directory);
  const first = makeDirectories(path);
  if (first === undefined) return;
  const above = dirname(resolve(first));
  for (let made = path; made !== above; made = dirname(made)) syncDirectory(made);
  syncDirectory(above);
}

/** The ballast as a file; not there when its size is 0. */
export class Ballast implements BallastFile {
  readonly #path: string;
  readonly bytes: number;

  constructor(path: string, bytes: number) {
    this.#path = path;
    this.bytes = bytes;
  }

  get exists(): boolean {
    return this.bytes === 0 || existsSync(this.#path);
  }

  /** Give the room back. Returns false if there was none, or the file system is read-only. */
  free(): boolean {
    if (this.bytes === 0) return false;
    try {
      if (!removeFile(this.#path)) return false;
    } catch (error) {
      if (codeOf(error) === 'EROFS') return false;
      throw error;
    }
    syncDirectory(dirname(this.#path));
    return true;
  }

  /** Take the room, if that leaves `reserveBytes` free. Written, not only allocated: a sparse file holds no room. */
  restore(reserveBytes: number): void {
    if (this.exists || diskSpace(dirname(this.#path)).freeBytes < this.bytes + reserveBytes) return;
    const handle = openSync(this.#path, 'w', 0o600);
    try {
      const block = new Uint8Array(64 * 1024);
      for (let left = this.bytes; left > 0; left -= block.length)
        writeSync(handle, block, 0, Math.min(left, block.length));
      fsyncSync(handle);
    } catch (error) {
      removeFile(this.#path);
      throw error;
    } finally {
      closeSync(handle);
    }
  }
}
