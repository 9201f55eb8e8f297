import { crc16, readFrame, type WireFraming } from './wire/wire-frame.ts';

/** How requests stand on a line without transaction numbers. */
export type LineFraming = Exclude<WireFraming, 'tcp'>;

/** A serial port to serve units on; whoever composes the simulation opens it. */
export interface SerialPlace {
  readonly path: string;
  /** Characters are 8N1. */
  readonly baudRate: number;
  open(handlers: { onData: (chunk: Uint8Array) => void; onDown: (reason: string) => void }): Promise<void>;
  write(bytes: Uint8Array): void;
  close(): Promise<void>;
}

/** No request is longer, in ASCII. Source: Modbus over Serial Line V1.02 §2.5.2.1. */
const MAX_BYTES = 513;

/** Cuts what a master sends into requests. What is no sound frame is thrown away, as a unit on a line does. */
export class LineSplitter {
  readonly #framing: LineFraming;
  #rest: Buffer = Buffer.alloc(0);

  constructor(framing: LineFraming) {
    this.#framing = framing;
  }

  /** @returns whole frames, unit first */
  push(chunk: Uint8Array): { readonly unit: number; readonly pdu: Uint8Array }[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const requests: { readonly unit: number; readonly pdu: Uint8Array }[] = [];
    for (let end = this.#end(); end !== null; end = this.#end()) {
      const message = readFrame(this.#framing, this.#rest.subarray(0, end));
      // A damaged frame says nothing about where the next one begins: silence does, after which the master asks again.
      this.#rest = message === null && this.#framing === 'rtu' ? Buffer.alloc(0) : this.#rest.subarray(end);
      if (message !== null) requests.push(message);
    }
    if (this.#rest.length > MAX_BYTES) this.#rest = Buffer.alloc(0);
    return requests;
  }

  /** Where the first frame ends; null when it is not whole. */
  #end(): number | null {
    if (this.#framing === 'ascii') {
      const colon = this.#rest.lastIndexOf(':', this.#rest.indexOf('\n'));
      if (colon > 0) this.#rest = this.#rest.subarray(colon);
      const end = this.#rest.indexOf('\n');
      return end < 0 ? null : end + 1;
    }
    const length = requestLength(this.#rest);
    return length === null || this.#rest.length < length ? null : length;
  }
}

/** A frame around an answer. Source: Modbus over Serial Line V1.02 §2.5.1, §2.5.2. */
export function lineFrame(framing: LineFraming, unit: number, pdu: Uint8Array): Buffer {
  const body = Buffer.from([unit, ...pdu]);
  if (framing === 'rtu') {
    const sum = crc16(body);
    return Buffer.concat([body, Buffer.from([sum & 0xff, sum >>> 8])]);
  }
  const check = -body.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return Buffer.from(
    `:${Buffer.concat([body, Buffer.from([check])])
      .toString('hex')
      .toUpperCase()}\r\n`,
    'latin1',
  );
}

/** Bytes of an RTU request by its function; null when too little of it is there. Source: Modbus Application Protocol V1.1b3 §6. */
function requestLength(bytes: Buffer): number | null {
  const code = bytes[1];
  const counted = (at: number) => (bytes.length > at ? at + 3 + (bytes[at] ?? 0) : null);
  switch (code) {
    case undefined:
      return null;
    case 15:
    case 16:
      return counted(6);
    case 22:
      return 10;
    case 23:
      return counted(10);
    case 43:
      return 7;
    default:
      return 8;
  }
}
