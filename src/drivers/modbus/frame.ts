import { isBitArea, READ_FUNCTION } from './area.ts';
import type { Extent } from './plan.ts';

/** What the protocol data unit of an answer must look like; an exception is always possible. */
export type ReplyShape =
  /** Function, byte count, so many bytes. */
  | { readonly kind: 'data'; readonly bytes: number }
  /** Exactly these bytes. */
  | { readonly kind: 'echo'; readonly pdu: Uint8Array }
  /** Read Device Identification, of any length. */
  | { readonly kind: 'identification' }
  /** A broadcast on a serial line, which nobody answers. */
  | { readonly kind: 'none' };

/** A request to a unit, independent of the transport. */
export interface ModbusRequest {
  readonly unit: number;
  /** Protocol data unit: function code, then its data. */
  readonly pdu: Uint8Array;
  readonly reply: ReplyShape;
}

/** What a unit answered: data, or an exception. */
export interface ModbusReply {
  /** Exception code of §7; 0: none. */
  readonly exception: number;
  /** A read's bytes behind the byte count; other functions: what is behind the function code. Empty on an exception. */
  readonly data: Uint8Array;
}

/** What came is no answer to what was asked, or no Modbus at all. */
export class FramingError extends Error {
  override readonly name = 'FramingError';
}

export const NO_DATA = new Uint8Array(0);

/** The longest protocol data unit. Source: Modbus Application Protocol V1.1b3 §4.1. */
const MAX_PDU_BYTES = 253;
/** Read Device Identification: function, interface, level, conformity, more, next, count. */
const IDENTIFICATION_HEAD = 7;

/** Ask for an extent. Source: Modbus Application Protocol V1.1b3 §6.1 to §6.4. */
export function readRequest(unit: number, { area, offset, count }: Extent): ModbusRequest {
  const pdu = Uint8Array.of(READ_FUNCTION[area], offset >>> 8, offset & 0xff, count >>> 8, count & 0xff);
  return { unit, pdu, reply: { kind: 'data', bytes: isBitArea(area) ? Math.ceil(count / 8) : count * 2 } };
}

/** Set or clear a coil (function 5), confirmed by its echo. Source: §6.5. */
export function writeCoilRequest(unit: number, offset: number, isOn: boolean): ModbusRequest {
  return echoed(unit, Uint8Array.of(5, offset >>> 8, offset & 0xff, isOn ? 0xff : 0, 0));
}

/** Set or clear one coil by the function for many (15). Source: §6.11. */
export function writeCoilsRequest(unit: number, offset: number, isOn: boolean): ModbusRequest {
  return echoed(unit, Uint8Array.of(15, offset >>> 8, offset & 0xff, 0, 1, 1, isOn ? 1 : 0), 5);
}

/** Write one register (function 6). @param bytes two. Source: §6.6. */
export function writeRegisterRequest(unit: number, offset: number, bytes: Uint8Array): ModbusRequest {
  return echoed(unit, Uint8Array.of(6, offset >>> 8, offset & 0xff, ...bytes));
}

/** Write registers that follow each other (function 16). @param bytes two for each, at most 123 registers. Source: §6.12. */
export function writeRegistersRequest(unit: number, offset: number, bytes: Uint8Array): ModbusRequest {
  const count = bytes.length / 2;
  return echoed(unit, Uint8Array.of(16, offset >>> 8, offset & 0xff, 0, count, bytes.length, ...bytes), 5);
}

/** Set the bits of a register that a mask names, and leave the others alone (function 22). Source: §6.16. */
export function maskRegisterRequest(unit: number, offset: number, mask: number, bits: number): ModbusRequest {
  const and = ~mask & 0xffff;
  const or = bits & mask;
  return echoed(unit, Uint8Array.of(22, offset >>> 8, offset & 0xff, and >>> 8, and & 0xff, or >>> 8, or & 0xff));
}

/** Write registers and read the same ones back in one request (function 23). @param bytes two for each, at most 121 registers. Source: §6.17. */
export function writeAndReadRequest(unit: number, offset: number, bytes: Uint8Array): ModbusRequest {
  const count = bytes.length / 2;
  const place = [offset >>> 8, offset & 0xff, 0, count];
  const pdu = Uint8Array.of(23, ...place, ...place, bytes.length, ...bytes);
  return { unit, pdu, reply: { kind: 'data', bytes: bytes.length } };
}

/** @param length bytes of the request that the answer repeats; all by default */
function echoed(unit: number, pdu: Uint8Array, length = pdu.length): ModbusRequest {
  return { unit, pdu, reply: { kind: 'echo', pdu: pdu.subarray(0, length) } };
}

/** Bytes of the protocol data unit that answers, without an exception; the identification's longest. */
export function replyPduBytes(shape: ReplyShape): number {
  switch (shape.kind) {
    case 'data':
      return 2 + shape.bytes;
    case 'echo':
      return shape.pdu.length;
    case 'identification':
      return MAX_PDU_BYTES;
    case 'none':
      return 0;
  }
}

/**
 * The answer that a unit gave, if it is one: unit, function, byte count and length must all be what the request asks for.
 * @param bytes with the protocol data unit `from` there on
 * @throws FramingError they are not
 */
export function takeReply(unit: number, bytes: Uint8Array, request: ModbusRequest, from = 0): ModbusReply {
  const code = bytes[from] as number;
  const wanted = request.pdu[0] as number;
  const length = bytes.length - from;
  if (unit !== request.unit) throw new FramingError(`from unit ${unit}`);
  if (code === (wanted | 0x80)) {
    const exception = bytes[from + 1] as number;
    if (length !== 2 || exception === 0) throw new FramingError('an exception of wrong form');
    return { exception, data: NO_DATA };
  }
  if (code !== wanted) throw new FramingError(`function ${code} in place of ${wanted}`);
  const { reply } = request;
  if (reply.kind === 'data') {
    const announced = bytes[from + 1] as number;
    const present = length - 2;
    if (announced !== reply.bytes || present !== reply.bytes) {
      throw new FramingError(`${announced} bytes announced and ${present} sent in place of ${reply.bytes}`);
    }
    return { exception: 0, data: new Uint8Array(bytes.buffer, bytes.byteOffset + from + 2, present) };
  }
  if (reply.kind === 'echo' && !isSame(bytes.subarray(from), reply.pdu)) throw new FramingError('not what was written');
  return { exception: 0, data: bytes.subarray(from + 1) };
}

/** Where an identification may end: behind its head and behind each object that is there; ascending. */
export function identificationEnds(pdu: Uint8Array): number[] {
  const ends: number[] = [];
  for (let at = IDENTIFICATION_HEAD; at <= pdu.length; at += 2 + (pdu[at + 1] as number)) {
    ends.push(at);
    if (at + 2 > pdu.length) break;
  }
  return ends;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
