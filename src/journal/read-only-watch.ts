import { isReadOnly } from './disk-space.ts';

/**
 * Whether a file system takes writes, and whether it did when it was looked at before. SQLite says no more than "I/O error" of a write that a
 * read-only file system refused, and by the time that somebody looks it may take writes again.
 */
export class ReadOnlyWatch {
  readonly #directory: string;
  #wasReadOnly = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Look at it. */
  isReadOnly(): boolean {
    this.#wasReadOnly = isReadOnly(this.#directory);
    return this.#wasReadOnly;
  }

  /** To be asked once for each write that failed: true if it was read-only when looked at before the write, or is so now. */
  mayHaveRefused(): boolean {
    const wasReadOnly = this.#wasReadOnly;
    return this.isReadOnly() || wasReadOnly;
  }
}
