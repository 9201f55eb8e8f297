import { HeadgateError } from '../../errors/headgate-error.ts';
import type { EpochMs } from '../../model/time.ts';

/** A packet of a capture, from its link layer on. */
export interface CapturedPacket {
  readonly time: EpochMs;
  /** LINKTYPE_ number of the interface. */
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const SECTION_HEADER = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE_DESCRIPTION = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const OPTION_TIME_RESOLUTION = 9;
/** No packet of a network is longer; a length beyond it is damage. */
const MAX_PACKET_BYTES = 262_144;

/**
 * The packets of a capture file, pcap or pcapng, in file order. A file that ends in the middle of a packet, as a capture that was
 * killed does, gives all whole packets before it.
 * @throws WIRE_UNREADABLE it is neither, or a length in it makes no sense
 * @source draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng
 */
export function* capturedPackets(file: Buffer, path: string): Generator<CapturedPacket> {
  if (file.length < 24) throw unreadable(path, 0, 'too short for a capture');
  if (file.readUInt32BE(0) === SECTION_HEADER) yield* pcapNgPackets(file, path);
  else yield* pcapPackets(file, path);
}

/** True when a file begins as a capture does. */
export function isCapture(head: Buffer): boolean {
  if (head.length < 4) return false;
  const magics = [head.readUInt32BE(0), head.readUInt32LE(0)];
  return magics.some((magic) => magic === MICROSECONDS || magic === NANOSECONDS || magic === SECTION_HEADER);
}

function* pcapPackets(file: Buffer, path: string): Generator<CapturedPacket> {
  const isLittle = [MICROSECONDS, NANOSECONDS].includes(file.readUInt32LE(0));
  const read = reader(file, isLittle);
  const magic = read.u32(0);
  if (magic !== MICROSECONDS && magic !== NANOSECONDS) throw unreadable(path, 0, 'no pcap or pcapng capture');
  const perMs = magic === NANOSECONDS ? 1_000_000 : 1_000;
  const linkType = read.u32(20) & 0xffff;
  for (let at = 24; at + 16 <= file.length; ) {
    const length = read.u32(at + 8);
    if (length > MAX_PACKET_BYTES) throw unreadable(path, at, `a packet of ${length} bytes`);
    const begin = at + 16;
    if (begin + length > file.length) return;
    yield {
      time: read.u32(at) * 1_000 + read.u32(at + 4) / perMs,
      linkType,
      bytes: file.subarray(begin, begin + length),
    };
    at = begin + length;
  }
}

interface CaptureInterface {
  readonly linkType: number;
  /** Units of its time stamps in a millisecond. */
  readonly perMs: number;
}

function* pcapNgPackets(file: Buffer, path: string): Generator<CapturedPacket> {
  let read = reader(file, true);
  let interfaces: CaptureInterface[] = [];
  let lastTime = 0;
  for (let at = 0; at + 12 <= file.length; ) {
    const isSection = file.readUInt32BE(at) === SECTION_HEADER;
    if (isSection) {
      read = reader(file, file.readUInt32LE(at + 8) === BYTE_ORDER_MAGIC);
      if (read.u32(at + 8) !== BYTE_ORDER_MAGIC) throw unreadable(path, at, 'a section without byte order');
      interfaces = [];
    }
    const type = read.u32(at);
    const length = read.u32(at + 4);
    if (length < 12 || length % 4 !== 0) throw unreadable(path, at, `a block of ${length} bytes`);
    if (at + length > file.length) return;
    const end = at + length - 4;
    if (type === INTERFACE_DESCRIPTION && !isSection) {
      interfaces.push({ linkType: read.u16(at + 8), perMs: unitsPerMs(file, read, at + 16, end) });
    } else if (type === ENHANCED_PACKET) {
      const on = interfaces[read.u32(at + 8)];
      const captured = read.u32(at + 20);
      if (on === undefined || at + 28 + captured > end)
        throw unreadable(path, at, 'a packet that its block does not hold');
      lastTime = (read.u32(at + 12) * 4_294_967_296 + read.u32(at + 16)) / on.perMs;
      yield { time: lastTime, linkType: on.linkType, bytes: file.subarray(at + 28, at + 28 + captured) };
    } else if (type === SIMPLE_PACKET && interfaces[0] !== undefined) {
      const captured = Math.min(read.u32(at + 8), end - at - 12);
      yield { time: lastTime, linkType: interfaces[0].linkType, bytes: file.subarray(at + 12, at + 12 + captured) };
    }
    at += length;
  }
}

/** An interface's `if_tsresol`: a power of ten, or with the top bit of two; microseconds where it is absent. */
function unitsPerMs(file: Buffer, read: Reader, from: number, end: number): number {
  for (let at = from; at + 4 <= end; ) {
    const code = read.u16(at);
    const length = read.u16(at + 2);
    if (code === 0) break;
    if (code === OPTION_TIME_RESOLUTION && length === 1 && at + 4 < end) {
      const exponent = file.readUInt8(at + 4);
      return (exponent & 0x80) === 0 ? 10 ** (exponent - 3) : 2 ** (exponent & 0x7f) / 1_000;
    }
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return 1_000;
}

interface Reader {
  u16(at: number): number;
  u32(at: number): number;
}

function reader(file: Buffer, isLittle: boolean): Reader {
  return isLittle
    ? { u16: (at) => file.readUInt16LE(at), u32: (at) => file.readUInt32LE(at) }
    : { u16: (at) => file.readUInt16BE(at), u32: (at) => file.readUInt32BE(at) };
}

function unreadable(path: string, at: number, problem: string): HeadgateError {
  return new HeadgateError('WIRE_UNREADABLE', { path, place: `byte ${at}`, problem });
}
