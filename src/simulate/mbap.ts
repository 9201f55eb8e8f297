/** Transaction, protocol, length, unit. */
const HEADER_BYTES = 7;
const LENGTH_FROM = 6;
/** Unit and function code at least, unit and the longest protocol data unit at most. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const MIN_LENGTH = 2;
const MAX_LENGTH = 254;
const NOTHING = new Uint8Array(0);

/** Cuts one direction of a Modbus TCP stream into whole frames. Holds at most one unfinished frame. */
export class MbapSplitter {
  #rest: Uint8Array = NOTHING;

  /**
   * Take what came.
   * @param onFrame called with each whole frame; its bytes may be kept
   * @returns false when this is no Modbus TCP: what follows cannot be split, and what was held is forgotten
   */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): boolean {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NOTHING;
    while (bytes.length >= LENGTH_FROM) {
      const protocol = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
      const length = ((bytes[4] ?? 0) << 8) | (bytes[5] ?? 0);
      if (protocol !== 0 || length < MIN_LENGTH || length > MAX_LENGTH) return false;
      const end = LENGTH_FROM + length;
      if (bytes.length < end) break;
      onFrame(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return true;
  }

  /** Forget what was held, as after bytes that are missing. */
  reset(): void {
    this.#rest = NOTHING;
  }
}

/** The frame that answers another one: its transaction and unit, around a protocol data unit. */
export function mbapAnswer(request: Uint8Array, pdu: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + pdu.length);
  frame.set(request.subarray(0, 4));
  frame[4] = (pdu.length + 1) >>> 8;
  frame[5] = (pdu.length + 1) & 0xff;
  frame[6] = request[6] ?? 0;
  frame.set(pdu, HEADER_BYTES);
  return frame;
}

/** The protocol data unit of a whole frame. */
export function pduOf(frame: Uint8Array): Buffer {
  const pdu = frame.subarray(HEADER_BYTES);
  return Buffer.from(pdu.buffer, pdu.byteOffset, pdu.length);
}
