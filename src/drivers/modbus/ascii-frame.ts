import { FramingError, takeReply } from './frame.ts';
import type { SerialCodec } from './serial-frame.ts';

const COLON = 0x3a;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
/** Colon, two digits for each of unit, 253 bytes and LRC, carriage return, line feed. Source: Modbus over Serial Line V1.02 §2.5.2.1. */
const LONGEST = 513;

/** The two's complement of the sum of all bytes. Source: Modbus over Serial Line V1.02 §6.2.1. */
function lrc(bytes: Uint8Array, end: number): number {
  let sum = 0;
  for (let at = 0; at < end; at++) sum += bytes[at] as number;
  return -sum & 0xff;
}

/** A colon, unit, protocol data unit and LRC in hexadecimal digits, carriage return and line feed. Source: §2.5.2. */
export const asciiCodec: SerialCodec = {
  encode({ unit, pdu }) {
    const body = Buffer.alloc(pdu.length + 2);
    body[0] = unit;
    body.set(pdu, 1);
    body[body.length - 1] = lrc(body, body.length - 1);
    return Buffer.from(`:${body.toString('hex').toUpperCase()}\r\n`, 'latin1');
  },

  scan(bytes, request) {
    let strays = 0;
    let from = bytes.indexOf(COLON);
    while (from >= 0) {
      const end = bytes.indexOf(LINE_FEED, from);
      // A colon begins a frame anew, wherever it comes. Source: §2.5.2.1.
      const again = bytes.indexOf(COLON, from + 1);
      if (again >= 0 && (end < 0 || again < end)) {
        from = again;
        continue;
      }
      if (end < 0) {
        if (bytes.length - from <= LONGEST) break;
        return { kind: 'broken', reason: 'a frame without an end', isWhole: false, strays };
      }
      const body = bodyOf(bytes, from, end);
      if (body === null) return { kind: 'broken', reason: 'a checksum that does not fit', isWhole: true, strays };
      if (body[0] !== request.unit) {
        strays++;
        from = bytes.indexOf(COLON, end);
        continue;
      }
      try {
        const reply = takeReply(request.unit, body.subarray(1), request);
        return { kind: 'reply', reply, rest: bytes.length - end - 1, strays };
      } catch (error) {
        if (!(error instanceof FramingError)) throw error;
        return { kind: 'broken', reason: error.message, isWhole: false, strays };
      }
    }
    if (bytes.length > 2 * LONGEST) return { kind: 'broken', reason: 'no frame', isWhole: false, strays };
    return { kind: 'more', strays };
  },
};

/** Unit and protocol data unit of the frame from a colon to its line feed; null if it is not sound. */
function bodyOf(bytes: Uint8Array, from: number, end: number): Uint8Array | null {
  if (bytes[end - 1] !== CARRIAGE_RETURN) return null;
  const digits = Buffer.from(bytes.subarray(from + 1, end - 1)).toString('latin1');
  if (digits.length < 8 || digits.length % 2 !== 0 || !/^[0-9A-F]+$/i.test(digits)) return null;
  const body = Buffer.from(digits, 'hex');
  return body[body.length - 1] === lrc(body, body.length - 1) ? body.subarray(0, body.length - 1) : null;
}
