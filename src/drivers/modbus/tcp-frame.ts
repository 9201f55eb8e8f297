import { FramingError, type ModbusReply, type ModbusRequest, NO_DATA, takeReply } from './frame.ts';

/** Transaction, protocol and length, and the unit, which length counts. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const HEADER_BYTES = 7;
const LENGTH_FROM = 6;
/** Unit and the longest protocol data unit. */
const MAX_LENGTH = 254;
/** Unit, function code and one byte: an exception is the shortest reply. */
const MIN_LENGTH = 3;

/** The request as it goes onto a TCP connection. */
export function encodeFrame(transaction: number, request: Pick<ModbusRequest, 'unit' | 'pdu'>): Uint8Array {
  const frame = Buffer.allocUnsafe(frameBytes(request));
  writeFrame(frame, 0, transaction, request);
  return frame;
}

/** Bytes of a request's frame. */
export function frameBytes({ pdu }: Pick<ModbusRequest, 'pdu'>): number {
  return HEADER_BYTES + pdu.length;
}

/** Write a request's frame into `target`. @returns where it ends */
export function writeFrame(
  target: Uint8Array,
  from: number,
  transaction: number,
  { unit, pdu }: Pick<ModbusRequest, 'unit' | 'pdu'>,
): number {
  target[from] = transaction >>> 8;
  target[from + 1] = transaction & 0xff;
  target[from + 2] = 0;
  target[from + 3] = 0;
  target[from + 4] = 0;
  target[from + 5] = pdu.length + 1;
  target[from + 6] = unit;
  const at = from + HEADER_BYTES;
  for (let i = 0; i < pdu.length; i++) target[at + i] = pdu[i] as number;
  return at + pdu.length;
}

/** The transaction that a frame answers. */
export function transactionOf(frame: Uint8Array): number {
  return ((frame[0] as number) << 8) | (frame[1] as number);
}

/** The answer in a frame of the right transaction. @throws FramingError it is no answer to the request */
export function decodeReply(frame: Uint8Array, request: ModbusRequest): ModbusReply {
  return takeReply(frame[6] as number, frame, request, HEADER_BYTES);
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
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = NO_DATA;
    let at = 0;
    while (bytes.length - at >= LENGTH_FROM) {
      const protocol = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      const length = ((bytes[at + 4] as number) << 8) | (bytes[at + 5] as number);
      if (protocol !== 0) throw new FramingError(`protocol ${protocol}, which is not Modbus`);
      if (length < MIN_LENGTH || length > MAX_LENGTH) throw new FramingError(`a frame of length ${length}`);
      const size = LENGTH_FROM + length;
      if (bytes.length - at < size) break;
      onFrame(bytes.length === size ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset + at, size));
      at += size;
    }
    if (at < bytes.length) this.#rest = bytes.subarray(at);
  }
}
