import { FramingError, identificationEnds, type ModbusRequest, takeReply } from './frame.ts';
import type { Scanned, SerialCodec } from './serial-frame.ts';

const CRC_BYTES = 2;
/** Unit, function, one byte, CRC. */
const SHORTEST = 5;
/** Bytes that a line driver may put before a frame when it is switched on. */
const MAX_NOISE = 4;

const CRC_TABLE = Uint16Array.from({ length: 256 }, (_entry, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  return crc;
});

/** CRC-16 of Modbus; goes onto the line low byte first. Source: Modbus over Serial Line V1.02 §6.2.2. */
function crc16(bytes: Uint8Array, from: number, end: number): number {
  let crc = 0xffff;
  for (let at = from; at < end; at++) crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ (bytes[at] as number)) & 0xff] as number);
  return crc;
}

function isSound(bytes: Uint8Array, from: number, end: number): boolean {
  const crc = crc16(bytes, from, end - CRC_BYTES);
  return bytes[end - 2] === (crc & 0xff) && bytes[end - 1] === crc >>> 8;
}

/** Unit, protocol data unit, CRC. Source: Modbus over Serial Line V1.02 §2.5.1. */
export const rtuCodec: SerialCodec = {
  encode({ unit, pdu }) {
    const frame = new Uint8Array(1 + pdu.length + CRC_BYTES);
    frame[0] = unit;
    frame.set(pdu, 1);
    const crc = crc16(frame, 0, frame.length - CRC_BYTES);
    frame[frame.length - 2] = crc & 0xff;
    frame[frame.length - 1] = crc >>> 8;
    return frame;
  },

  scan(bytes, request) {
    let at = 0;
    let strays = 0;
    let noise = 0;
    while (at < bytes.length) {
      const unit = bytes[at] as number;
      if (unit === request.unit) return scanOwn(bytes, at, request, strays);
      const length = lengthOf(bytes, at);
      if (length !== null && at + length <= bytes.length && isSound(bytes, at, at + length)) {
        at += length;
        strays++;
      } else if ((unit === 0x00 || unit === 0xff) && noise < MAX_NOISE) {
        at++;
        noise++;
      } else if (length === null || at + length <= bytes.length) {
        return { kind: 'broken', reason: `${bytes.length} bytes that are no frame`, isWhole: false, strays };
      } else break;
    }
    return { kind: 'more', strays };
  },
};

/** The bytes from `at` begin with the unit that was asked: they are the answer or cannot be. */
function scanOwn(bytes: Uint8Array, at: number, request: ModbusRequest, strays: number): Scanned {
  const left = bytes.length - at;
  const broken = (reason: string, isWhole = false): Scanned => ({ kind: 'broken', reason, isWhole, strays });
  if (left < SHORTEST) return { kind: 'more', strays };
  const ends = endsOf(bytes, at, request);
  if (typeof ends === 'string') return broken(ends);
  const end = ends.find((candidate) => candidate <= bytes.length && isSound(bytes, at, candidate));
  if (end === undefined) {
    const last = ends.at(-1) ?? 0;
    const isOpen = request.reply.kind === 'identification' && bytes[at + 1] === request.pdu[0];
    return last <= bytes.length && !isOpen ? broken('a checksum that does not fit', true) : { kind: 'more', strays };
  }
  try {
    const reply = takeReply(request.unit, bytes.subarray(at + 1, end - CRC_BYTES), request);
    return { kind: 'reply', reply, rest: bytes.length - end, strays };
  } catch (error) {
    if (error instanceof FramingError) return broken(error.message);
    throw error;
  }
}

/** Where the answer may end, ascending; or what is wrong with its beginning. */
function endsOf(bytes: Uint8Array, at: number, request: ModbusRequest): number[] | string {
  const code = bytes[at + 1] as number;
  const wanted = request.pdu[0] as number;
  if (code === (wanted | 0x80)) return [at + SHORTEST];
  if (code !== wanted) return `function ${code} in place of ${wanted}`;
  const { reply } = request;
  switch (reply.kind) {
    case 'data':
      if (bytes[at + 2] !== reply.bytes) return `${bytes[at + 2]} bytes announced in place of ${reply.bytes}`;
      return [at + 3 + reply.bytes + CRC_BYTES];
    case 'echo':
      return [at + 1 + reply.pdu.length + CRC_BYTES];
    case 'identification':
      return identificationEnds(bytes.subarray(at + 1)).map((end) => at + 1 + end + CRC_BYTES);
    case 'none':
      return 'an answer to all units';
  }
}

/** Bytes of any unit's frame by its function, or of what is there of it and one more; null when there is no such frame. */
function lengthOf(bytes: Uint8Array, at: number): number | null {
  const code = bytes[at + 1];
  if (code === undefined) return 2;
  if (code >= 0x80) return SHORTEST;
  switch (code) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 23:
      return SHORTEST + (bytes[at + 2] ?? 0);
    case 5:
    case 6:
    case 15:
    case 16:
      return 8;
    case 22:
      return 10;
    default:
      return null;
  }
}
