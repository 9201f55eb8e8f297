import { isBitArea, READ_FUNCTION } from './area.ts';
import type { Extent } from './plan.ts';

/** A request to a unit, independent of the transport. */
export interface ModbusRequest {
  readonly unit: number;
  /** Protocol data unit: function code, then its data. */
  readonly pdu: Uint8Array;
  /** Bytes that a read must bring; null for functions whose reply has no byte count. */
  readonly dataBytes: number | null;
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

/** Transaction, protocol and length, and the unit, which length counts. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const HEADER_BYTES = 7;
const LENGTH_FROM = 6;
/** Unit and the longest protocol data unit. */
const MAX_LENGTH = 254;
/** Unit, function code and one byte: an exception is the shortest reply. */
const MIN_LENGTH = 3;
const NO_DATA = new Uint8Array(0);

/** Ask for an extent. Source: Modbus Application Protocol V1.1b3 §6.1 to §6.4. */
export function readRequest(unit: number, { area, offset, count }: Extent): ModbusRequest {
  const pdu = Uint8Array.of(READ_FUNCTION[area], offset >>> 8, offset & 0xff, count >>> 8, count & 0xff);
  return { unit, pdu, dataBytes: isBitArea(area) ? Math.ceil(count / 8) : count * 2 };
}

/** The request as it goes onto a TCP connection. */
export function encodeFrame(transaction: number, { unit, pdu }: ModbusRequest): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + pdu.length);
  frame[0] = transaction >>> 8;
  frame[1] = transaction & 0xff;
  frame[5] = pdu.length + 1;
  frame[6] = unit;
  frame.set(pdu, HEADER_BYTES);
  return frame;
}

/** The transaction that a frame answers. */
export function transactionOf(frame: Uint8Array): number {
  return ((frame[0] as number) << 8) | (frame[1] as number);
}

/**
 * The answer in a frame of the right transaction: unit, function, byte count and length must all be what the request asks for.
 * @throws FramingError they are not
 */
export function decodeReply(frame: Uint8Array, request: ModbusRequest): ModbusReply {
  const unit = frame[6] as number;
  const code = frame[7] as number;
  const wanted = request.pdu[0] as number;
  if (unit !== request.unit) throw new FramingError(`from unit ${unit}`);
  if (code === (wanted | 0x80)) {
    const exception = frame[8] as number;
    if (frame.length !== HEADER_BYTES + 2 || exception === 0) throw new FramingError('an exception of wrong form');
    return { exception, data: NO_DATA };
  }
  if (code !== wanted) throw new FramingError(`function ${code} in place of ${wanted}`);
  const { dataBytes } = request;
  if (dataBytes === null) return { exception: 0, data: frame.subarray(HEADER_BYTES + 1) };
  const announced = frame[8] as number;
  const present = frame.length - HEADER_BYTES - 2;
  if (announced !== dataBytes || present !== dataBytes) {
    throw new FramingError(`${announced} bytes announced and ${present} sent in place of ${dataBytes}`);
  }
  return { exception: 0, data: frame.subarray(HEADER_BYTES + 2) };
}

/** Cuts a TCP stream into frames. Holds at most one unfinished frame. */
export class FrameAssembler {
  #rest: Uint8Array = NO_DATA;

  /**
   * Take what came.
   * @param onFrame called with each complete frame; the bytes may be kept
   * @throws FramingError no Modbus TCP: nothing that follows can be trusted
   */
  push(chunk: Uint8Array, onFrame: (frame: Uint8Array) => void): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NO_DATA;
    while (bytes.length >= LENGTH_FROM) {
      const protocol = ((bytes[2] as number) << 8) | (bytes[3] as number);
      const length = ((bytes[4] as number) << 8) | (bytes[5] as number);
      if (protocol !== 0) throw new FramingError(`protocol ${protocol}, which is not Modbus`);
      if (length < MIN_LENGTH || length > MAX_LENGTH) throw new FramingError(`a frame of length ${length}`);
      const end = LENGTH_FROM + length;
      if (bytes.length < end) break;
      onFrame(bytes.length === end ? bytes : bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
