import type { Millis } from '../../model/time.ts';

/** How protocol data units lie on the wire. */
export type WireFraming = 'tcp' | 'rtu' | 'ascii';

/** One frame as it was on the wire, whole, with its time. */
export interface WireFrame {
  /** Since the recording began; of the last byte. */
  readonly atMs: Millis;
  readonly isRequest: boolean;
  /** Frames of one TCP connection, or of one serial line, have the same number. */
  readonly connection: number;
  readonly bytes: Uint8Array;
}

/** What went over one wire: a TCP endpoint, a serial port. */
export interface WireRecording {
  /** `tcp://10.0.0.5:502`, `serial:/dev/ttyUSB0`. */
  readonly link: string;
  readonly framing: WireFraming;
  /** Wall clock at the beginning, ISO 8601; null when it is not known. */
  readonly began: string | null;
  /** In time order. */
  readonly frames: readonly WireFrame[];
}

/** Unit and protocol data unit of a frame. */
export interface WireMessage {
  readonly unit: number;
  /** Function code first. */
  readonly pdu: Uint8Array;
  /** Transaction on TCP; null on serial lines, where the next frame is the answer. */
  readonly transaction: number | null;
}

/** Transaction, protocol, length and unit. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const MBAP_BYTES = 7;

/**
 * Take a frame apart, whatever carried it.
 * @returns null when it is no whole frame, or its checksum is wrong
 * @source Modbus over Serial Line V1.02 §2.5.1 (RTU), §2.5.2 (ASCII); Modbus Messaging on TCP/IP V1.0b §3.1.3
 */
export function readFrame(framing: WireFraming, bytes: Uint8Array): WireMessage | null {
  if (framing === 'tcp') {
    if (bytes.length < MBAP_BYTES + 1) return null;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (view.readUInt16BE(2) !== 0 || view.readUInt16BE(4) !== bytes.length - 6) return null;
    return { unit: view.readUInt8(6), pdu: bytes.subarray(MBAP_BYTES), transaction: view.readUInt16BE(0) };
  }
  if (framing === 'rtu') {
    if (bytes.length < 4) return null;
    const end = bytes.length - 2;
    const sum = (bytes[end] ?? 0) | ((bytes[end + 1] ?? 0) << 8);
    if (crc16(bytes.subarray(0, end)) !== sum) return null;
    return { unit: bytes[0] ?? 0, pdu: bytes.subarray(1, end), transaction: null };
  }
  const text = Buffer.from(bytes).toString('latin1');
  const digits = /^:((?:[0-9A-Fa-f]{2}){3,})\r\n$/.exec(text)?.[1];
  if (digits === undefined) return null;
  const raw = Buffer.from(digits, 'hex');
  if (raw.reduce((sum, byte) => (sum + byte) & 0xff, 0) !== 0) return null;
  return { unit: raw[0] ?? 0, pdu: raw.subarray(1, -1), transaction: null };
}

/** The checksum of RTU, low byte first on the line. @source Modbus over Serial Line V1.02 §6.2.2 */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xa001;
  }
  return crc;
}
