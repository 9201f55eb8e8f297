import { FramingError, type ModbusReply, type ModbusRequest, NO_DATA, takeReply } from './frame.ts';

/** Transaction, protocol and length, and the unit, which length counts. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const HEADER_BYTES = 7;
const LENGTH_FROM = 6;
/** Unit and the longest protocol data unit. */
const MAX_LENGTH = 254;
/** Unit, function code and one byte: an exception is the shortest reply. */
const MIN_LENGTH = 3;

/** The request as it goes onto a TCP connection. */
export function encodeFrame(transaction: number, { unit, pdu }: Pick<ModbusRequest, 'unit' | 'pdu'>): Uint8Array {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + pdu.length);
  frame[0] = transaction >>> 8;
  frame[1] = transaction & 0xff;
  frame[2] = 0;
  frame[3] = 0;
  frame[4] = 0;
  frame[5] = pdu.length + 1;
  frame[6] = unit;
  frame.set(pdu, HEADER_BYTES);
  return frame;
}

/** The transaction that a frame answers. */
export function transactionOf(frame: Uint8Array): number {
  return ((frame[0] as number) << 8) | (frame[1] as number);
}

/** The answer in a frame of the right transaction. @throws FramingError it is no answer to the request */
export function decodeReply(frame: Uint8Array, request: ModbusRequest): ModbusReply {
  return takeReply(frame[6] as number, frame.subarray(HEADER_BYTES), request);
}

/** Cuts a TCP stream into frames. Holds at most one unfinished frame. */
export class FrameAssembler {
  #rest: Uint8Array = NO_DATA;

  /** True while a frame has begun and its end is still to come. */
  get isMidFrame(): boolean {
    return this.#rest.length > 0;
  }

  /** True when what comes next has begun and its head is known to be sound. */
  get hasSoundHead(): boolean {
    return this.#rest.length >= LENGTH_FROM;
  }

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
