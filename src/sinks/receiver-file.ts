import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { appendToFile, replaceFile } from '../ports/durable-file.ts';
import { type FileLock, LockedError, lockFile } from '../ports/file-lock.ts';
import type { ReceiverState } from './receiver.ts';
import { isReceiverState } from './receiver-state.ts';

/** A message of which not all was passed on. */
export interface HeldMessage {
  readonly payload: Uint8Array;
  /** Something of it still waits for its turn. */
  readonly waits: () => boolean;
}

interface HeldPlace {
  readonly offset: number;
  readonly length: number;
  readonly waits: () => boolean;
}

const HEAD_BYTES = 4;
/** Held messages are written anew without those that no longer wait when they are twice what was left the last time, and this. */
const SLACK_BYTES = 1_048_576;

/**
 * What a receiver keeps over its own restart and over a power cut: the account of what it has passed on (`FILE`: one line of JSON, one with its
 * sha256), and the messages that wait for what is before them (`FILE.held`), each with its length before it. All is on the disk when a call returns. One receiver has it at a time, by a lock on `FILE.lock`.
 */
export class ReceiverFile {
  readonly #path: string;
  readonly #lock: FileLock;
  #places: HeldPlace[] = [];
  #heldBytes = 0;
  #rewriteAt = SLACK_BYTES;

  /** @throws RECEIVER_STATE_LOCKED another receiver has it; RECEIVER_STATE_UNWRITABLE */
  constructor(path: string) {
    this.#path = path;
    try {
      this.#lock = lockFile(`${path}.lock`, `${path}.lock.pid`);
    } catch (cause) {
      if (cause instanceof LockedError)
        throw new HeadgateError('RECEIVER_STATE_LOCKED', { path, pid: cause.pid }, cause);
      throw new HeadgateError('RECEIVER_STATE_UNWRITABLE', { path, reason: messageOf(cause) }, cause);
    }
  }

  /** Let another have it. */
  release(): void {
    this.#lock.release();
  }

  get heldPath(): string {
    return `${this.#path}.held`;
  }

  /** @throws RECEIVER_STATE_INVALID not written by this, or damaged */
  load(): ReceiverState | null {
    if (!existsSync(this.#path)) return null;
    try {
      const [text = '', sum = ''] = readFileSync(this.#path, 'utf8').split('\n');
      // Files of before had no sum.
      if (sum !== '' && sum !== sumOf(text)) throw new Error('its checksum differs');
      const state: unknown = JSON.parse(text);
      if (!isReceiverState(state)) throw new Error('not the state of a receiver');
      return state;
    } catch (cause) {
      throw new HeadgateError('RECEIVER_STATE_INVALID', { path: this.#path, reason: messageOf(cause) }, cause);
    }
  }

  /** The messages that waited, oldest first; one that was cut short by a crash was not confirmed and comes again. */
  held(): Uint8Array[] {
    if (!existsSync(this.heldPath)) return [];
    const bytes = readFileSync(this.heldPath);
    const messages: Uint8Array[] = [];
    for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
      const end = at + HEAD_BYTES + bytes.readUInt32BE(at);
      // No message is empty: a power cut can leave zeros where one was to be.
      if (end > bytes.length || end === at + HEAD_BYTES) break;
      messages.push(bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    return messages;
  }

  /** Begin: write the account, and of what was held that which still waits. @throws RECEIVER_STATE_UNWRITABLE */
  begin(state: ReceiverState, held: readonly HeldMessage[]): void {
    this.#write(() => {
      this.#writeAccount(state);
      this.#replaceHeld(held.filter(({ waits }) => waits()));
    });
  }

  /** Keep a message. @throws RECEIVER_STATE_UNWRITABLE */
  hold({ payload, waits }: HeldMessage): void {
    this.#write(() => appendToFile(this.heldPath, framed(payload), this.#heldBytes === 0));
    this.#place(payload, waits);
  }

  /** Write the account; replaces the one before in one step. @throws RECEIVER_STATE_UNWRITABLE */
  save(state: ReceiverState, isAnythingHeld: boolean): void {
    this.#write(() => {
      this.#writeAccount(state);
      if (!isAnythingHeld) this.#replaceHeld([]);
      else if (this.#heldBytes >= this.#rewriteAt) this.#replaceHeld(this.#stillHeld());
    });
  }

  #writeAccount(state: ReceiverState): void {
    const text = JSON.stringify(state);
    replaceFile(this.#path, `${text}\n${sumOf(text)}\n`);
  }

  #stillHeld(): HeldMessage[] {
    const handle = openSync(this.heldPath, 'r');
    try {
      return this.#places
        .filter(({ waits }) => waits())
        .map(({ offset, length, waits }) => {
          const payload = Buffer.alloc(length);
          if (readSync(handle, payload, 0, length, offset) !== length) throw new Error(`${this.heldPath} is cut short`);
          return { payload, waits };
        });
    } finally {
      closeSync(handle);
    }
  }

  #replaceHeld(messages: readonly HeldMessage[]): void {
    // A message that is no longer held and comes back with a power cut is a repeat.
    if (messages.length === 0) rmSync(this.heldPath, { force: true });
    else replaceFile(this.heldPath, Buffer.concat(messages.map(({ payload }) => framed(payload))));
    this.#places = [];
    this.#heldBytes = 0;
    for (const { payload, waits } of messages) this.#place(payload, waits);
    this.#rewriteAt = SLACK_BYTES + 2 * this.#heldBytes;
  }

  #place({ length }: Uint8Array, waits: () => boolean): void {
    this.#places.push({ offset: this.#heldBytes + HEAD_BYTES, length, waits });
    this.#heldBytes += HEAD_BYTES + length;
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw new HeadgateError('RECEIVER_STATE_UNWRITABLE', { path: this.#path, reason: messageOf(cause) }, cause);
    }
  }
}

function framed(payload: Uint8Array): Uint8Array {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(payload.length);
  return Buffer.concat([head, payload]);
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
