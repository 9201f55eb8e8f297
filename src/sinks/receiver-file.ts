import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { ReceiverState } from './receiver.ts';
import { isReceiverState } from './receiver-state.ts';

/**
 * What a receiver keeps over its own restart: the account of what it has passed on (`FILE`: one line of JSON, one with its sha256), and the messages that
 * wait for what is before them (`FILE.held`), each with its length before it.
 */
export class ReceiverFile {
  readonly #path: string;
  #hasHeld: boolean;

  constructor(path: string) {
    this.#path = path;
    this.#hasHeld = existsSync(this.heldPath);
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
    if (!this.#hasHeld) return [];
    const bytes = readFileSync(this.heldPath);
    const messages: Uint8Array[] = [];
    for (let at = 0; at + 4 <= bytes.length; ) {
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      messages.push(bytes.subarray(at + 4, end));
      at = end;
    }
    return messages;
  }

  /** Keep a message of which not all was passed on. @throws RECEIVER_STATE_UNWRITABLE */
  hold(payload: Uint8Array): void {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(payload.length);
    this.#write(() => appendFileSync(this.heldPath, Buffer.concat([head, payload])));
    this.#hasHeld = true;
  }

  /** Write the account; replaces the one before in one step. @throws RECEIVER_STATE_UNWRITABLE */
  save(state: ReceiverState, isAnythingHeld: boolean): void {
    const text = JSON.stringify(state);
    this.#write(() => {
      writeFileSync(`${this.#path}.new`, `${text}\n${sumOf(text)}\n`);
      renameSync(`${this.#path}.new`, this.#path);
    });
    if (isAnythingHeld || !this.#hasHeld) return;
    rmSync(this.heldPath, { force: true });
    this.#hasHeld = false;
  }

  #write(write: () => void): void {
    try {
      write();
    } catch (cause) {
      throw new HeadgateError('RECEIVER_STATE_UNWRITABLE', { path: this.#path, reason: messageOf(cause) }, cause);
    }
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
