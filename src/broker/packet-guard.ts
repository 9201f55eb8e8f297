/** Why a connection is ended before its bytes reach the protocol parser. */
export type GuardVerdict = 'ok' | 'not-connect' | 'packet-too-large' | 'connect-too-large' | 'malformed';

/** A CONNECT carries names, a password and a will. */
const MAX_CONNECT_BYTES = 16_384;
const CONNECT = 1;
/** Packet types that a client sends: CONNECT, PUBLISH to SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT. */
const FROM_CLIENT: ReadonlySet<number> = new Set([1, 3, 4, 5, 6, 7, 8, 10, 12, 14]);

/**
 * Follows the packet boundaries of one client's byte stream and judges each fixed header before the packet is buffered. Looks
 * at no body. Constraint: the first packet is a CONNECT of at most 16 KiB, later ones are at most `maxPacketBytes`.
 * @source MQTT 3.1.1 §2.2, §3.1.0-1
 */
export class PacketGuard {
  readonly #maxPacketBytes: number;
  /** Bytes of the current packet's body still to come; -1: in the type byte, -2: in the length. */
  #remaining = -1;
  #type = 0;
  #length = 0;
  #lengthBytes = 0;
  #isFirst = true;

  constructor(maxPacketBytes: number) {
    this.#maxPacketBytes = maxPacketBytes;
  }

  /** Judge the next bytes; after anything but `ok` the connection must be ended. */
  feed(chunk: Uint8Array): GuardVerdict {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const skipped = Math.min(this.#remaining, chunk.length - at);
        at += skipped;
        this.#remaining -= skipped;
        if (this.#remaining === 0) this.#remaining = -1;
        continue;
      }
      const verdict = this.#header(chunk[at++] ?? 0);
      if (verdict !== 'ok') return verdict;
    }
    return 'ok';
  }

  #header(byte: number): GuardVerdict {
    if (this.#remaining === -1) {
      this.#type = byte >> 4;
      this.#length = 0;
      this.#lengthBytes = 0;
      this.#remaining = -2;
      if (this.#isFirst && this.#type !== CONNECT) return 'not-connect';
      return FROM_CLIENT.has(this.#type) ? 'ok' : 'malformed';
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes++;
    if (byte >= 0x80) return this.#lengthBytes < 4 ? 'ok' : 'malformed';
    if (this.#isFirst && this.#length > MAX_CONNECT_BYTES) return 'connect-too-large';
    if (this.#length > this.#maxPacketBytes) return 'packet-too-large';
    this.#isFirst = false;
    this.#remaining = this.#length === 0 ? -1 : this.#length;
    return 'ok';
  }
}
