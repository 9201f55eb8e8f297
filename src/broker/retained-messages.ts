import { type FileHandle, mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { topicMatches } from '../model/topic.ts';
import type { Observer } from '../observe/observer.ts';

/** A retained message of a client. */
export interface RetainedMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
}

export interface RetainedOptions {
  /** null: in memory only. */
  readonly file: string | null;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly observer: Observer;
}

/** A rewrite must save at least this much. */
const MIN_GARBAGE_LINES = 200;

/**
 * The retained messages of clients. Constraints: bounded in number and bytes; a change is on disk (fdatasync) before it is
 * acknowledged; a torn last line is an unacknowledged change and is dropped. The file has one line of JSON per change,
 * `{"topic","qos","payload":<base64>}`, without payload for a removal, and is rewritten when most lines are superseded.
 */
export class RetainedMessages {
  readonly #options: RetainedOptions;
  readonly #messages = new Map<string, RetainedMessage>();
  #bytes = 0;
  #handle: FileHandle | null = null;
  #lines = 0;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: RetainedOptions) {
    this.#options = options;
  }

  /** @throws BROKER_RETAINED_UNREADABLE the file cannot be read or written */
  static async open(options: RetainedOptions): Promise<RetainedMessages> {
    const retained = new RetainedMessages(options);
    if (options.file !== null) {
      try {
        await mkdir(dirname(options.file), { recursive: true, mode: 0o700 });
        await retained.#load(options.file);
        await retained.#rewrite(options.file);
      } catch (cause) {
        throw new HeadgateError('BROKER_RETAINED_UNREADABLE', { file: options.file, problem: messageOf(cause) }, cause);
      }
    }
    return retained;
  }

  get size(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keep a message, or remove the topic's one if it is empty. Resolves when the change is durable. */
  async set(message: RetainedMessage): Promise<void> {
    const { topic, payload, qos } = message;
    const { observer, maxMessages, maxBytes } = this.#options;
    const former = this.#messages.get(topic);
    if (payload.length === 0) {
      if (former === undefined) return;
      this.#remove(topic);
      await this.#log(JSON.stringify({ topic }));
      return;
    }
    const bytes = this.#bytes - (former === undefined ? 0 : sizeOf(former)) + sizeOf(message);
    if ((former === undefined && this.#messages.size >= maxMessages) || bytes > maxBytes) {
      observer.emit('broker-retained-full', { topic, messages: this.#messages.size, bytes: this.#bytes });
      if (former !== undefined) await this.set({ topic, payload: Buffer.alloc(0), qos });
      return;
    }
    this.#keep({ topic, payload: Buffer.from(payload), qos });
    await this.#log(JSON.stringify({ topic, qos, payload: payload.toString('base64') }));
  }

  /** The messages whose topics match. */
  *matching(filter: string): Generator<RetainedMessage> {
    const exact = this.#messages.get(filter);
    if (exact !== undefined) yield exact;
    if (!filter.includes('+') && !filter.includes('#')) return;
    for (const message of this.#messages.values()) if (topicMatches(filter, message.topic)) yield message;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#handle?.close();
    this.#handle = null;
  }

  #keep(message: RetainedMessage): void {
    this.#remove(message.topic);
    this.#messages.set(message.topic, message);
    this.#bytes += sizeOf(message);
  }

  #remove(topic: string): void {
    const former = this.#messages.get(topic);
    if (former === undefined) return;
    this.#bytes -= sizeOf(former);
    this.#messages.delete(topic);
  }

  async #load(file: string): Promise<void> {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    let torn = 0;
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const message = readLine(line);
      if (message === null) torn++;
      else if (message.payload.length === 0) this.#remove(message.topic);
      else this.#keep(message);
    }
    if (torn > 0) this.#options.observer.emit('broker-retained-torn', { file }, torn);
  }

  /** Changes that come while one is written go together into the next write. */
  #log(line: string): Promise<void> {
    if (this.#handle === null) return Promise.resolve();
    this.#waiting.push(line);
    if (this.#waiting.length === 1) this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const lines = this.#waiting;
    this.#waiting = [];
    const { file, observer } = this.#options;
    try {
      await this.#handle?.appendFile(`${lines.join('\n')}\n`);
      await this.#handle?.datasync();
      this.#lines += lines.length;
      if (file !== null && this.#lines - this.#messages.size > Math.max(MIN_GARBAGE_LINES, this.#messages.size)) {
        await this.#rewrite(file);
      }
    } catch (error) {
      observer.emit('broker-retained-write-failed', { file, problem: messageOf(error) }, lines.length);
    }
  }

  async #rewrite(file: string): Promise<void> {
    const messages = [...this.#messages.values()];
    const fresh = await open(`${file}.new`, 'w', 0o600);
    try {
      const lines = messages.map(({ topic, qos, payload }) =>
        JSON.stringify({ topic, qos, payload: payload.toString('base64') }),
      );
      await fresh.appendFile(lines.map((line) => `${line}\n`).join(''));
      await fresh.datasync();
      await rename(`${file}.new`, file);
    } catch (error) {
      await fresh.close();
      throw error;
    }
    await this.#handle?.close();
    this.#handle = fresh;
    this.#lines = messages.length;
  }
}

function sizeOf(message: RetainedMessage): number {
  return message.payload.length + 2 * message.topic.length;
}

function readLine(line: string): RetainedMessage | null {
  try {
    const { topic, qos = 0, payload = '' } = JSON.parse(line);
    if (typeof topic !== 'string' || typeof payload !== 'string') return null;
    return { topic, qos: qos === 1 || qos === 2 ? qos : 0, payload: Buffer.from(payload, 'base64') };
  } catch {
    return null;
  }
}
