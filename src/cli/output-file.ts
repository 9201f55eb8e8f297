import { randomUUID } from 'node:crypto';
import { access, type FileHandle, link, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';

/**
 * A file that is there as a whole or not at all: written under a temporary name beside it, synced, then renamed. An existing one is replaced only if
 * asked for.
 */
export class OutputFile {
  readonly path: string;
  bytes = 0;
  readonly #isForced: boolean;
  readonly #temporary: string;
  readonly #handle: FileHandle;

  private constructor(path: string, isForced: boolean, temporary: string, handle: FileHandle) {
    this.path = path;
    this.#isForced = isForced;
    this.#temporary = temporary;
    this.#handle = handle;
  }

  /**
   * @param given a link leads to the file that is replaced
   * @throws CLI_FILE_EXISTS; CLI_FILE_UNWRITABLE, also for what is no file, such as `/dev/stdout`
   */
  static async create(given: string, isForced: boolean): Promise<OutputFile> {
    const isThere = await exists(given);
    if (!isForced && isThere) throw new HeadgateError('CLI_FILE_EXISTS', { path: given });
    if (isThere && !(await stat(given)).isFile()) throw unwritable(given, new Error('it is there, and is no file'));
    const path = isThere ? await realpath(given) : given;
    const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
    const handle = await open(temporary, 'wx', 0o640).catch((cause) => {
      throw unwritable(path, cause);
    });
    return new OutputFile(path, isForced, temporary, handle);
  }

  /** @throws CLI_FILE_UNWRITABLE */
  async write(content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    if (bytes.length === 0) return;
    this.bytes += bytes.length;
    await this.#handle.writeFile(bytes).catch((cause) => {
      throw unwritable(this.path, cause);
    });
  }

  /** Give it its name. @throws CLI_FILE_EXISTS somebody else made one meanwhile; CLI_FILE_UNWRITABLE */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync();
      await this.#handle.close();
      if (this.#isForced) await rename(this.#temporary, this.path);
      else await this.#nameIfFree();
      const directory = await open(dirname(this.path), 'r');
      await directory.sync().finally(() => directory.close());
    } catch (cause) {
      await rm(this.#temporary, { force: true });
      throw cause instanceof HeadgateError ? cause : unwritable(this.path, cause);
    }
  }

  /** Leave nothing behind. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => undefined);
    await rm(this.#temporary, { force: true });
  }

  async #nameIfFree(): Promise<void> {
    try {
      // Unlike rename, it fails if the name is taken.
      await link(this.#temporary, this.path);
      await rm(this.#temporary);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST' || (await exists(this.path))) {
        throw new HeadgateError('CLI_FILE_EXISTS', { path: this.path }, cause);
      }
      // A file system without links, as memory sticks have.
      await rename(this.#temporary, this.path);
    }
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unwritable(path: string, cause: unknown): HeadgateError {
  return new HeadgateError('CLI_FILE_UNWRITABLE', { path, reason: messageOf(cause) }, cause);
}
