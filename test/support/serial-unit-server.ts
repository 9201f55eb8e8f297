import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { livedMs } from './lived-time.ts';
import { honestAnswer, TestUnit } from './modbus-server.ts';

/** A request as it came over the line. */
export interface SeenLineRequest {
  readonly unit: number;
  readonly code: number;
  /** Zero-based, for functions 1 to 4. */
  readonly offset: number;
  readonly count: number;
  readonly pdu: Buffer;
  /** The frame of an honest answer. */
  readonly honest: Buffer;
  /** A frame around any unit and protocol data unit. */
  frame(unit: number, pdu: Uint8Array): Buffer;
  /** Put bytes onto the line. */
  send(bytes: Uint8Array): void;
  /** Lived milliseconds. */
  readonly at: number;
}

/** Units on a serial line, in RTU or ASCII, honest unless told otherwise. Bytes come and go by whatever carries them. */
export class SerialUnitServer {
  readonly units = new Map<number, TestUnit>([[1, new TestUnit()]]);
  readonly seen: SeenLineRequest[] = [];
  /** Keep no list of what was seen. */
  isForgetful = false;
  behave: ((request: SeenLineRequest) => void) | null = null;
  isFrozen = false;
  readonly #isAscii: boolean;
  #rest: Buffer = Buffer.alloc(0);

  constructor(framing: 'rtu' | 'ascii') {
    this.#isAscii = framing === 'ascii';
  }

  get unit(): TestUnit {
    return this.unitAt(1);
  }

  unitAt(number: number): TestUnit {
    const unit = this.units.get(number) ?? new TestUnit();
    this.units.set(number, unit);
    return unit;
  }

  /** Take what came over the line; what is no request is thrown away. */
  receive(chunk: Buffer, send: (bytes: Uint8Array) => void): void {
    if (this.isFrozen) return;
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let body = this.#cut(); body !== null; body = this.#cut()) this.#answer(body, send);
  }

  /** Unit and protocol data unit of the next whole request, or null. */
  #cut(): Buffer | null {
    if (this.#isAscii) {
      const end = this.#rest.indexOf('\r\n');
      if (end < 0) return null;
      const body = Buffer.from(this.#rest.subarray(this.#rest.indexOf(':') + 1, end).toString('latin1'), 'hex');
      this.#rest = this.#rest.subarray(end + 2);
      const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0);
      return sum === 0 && body.length > 2 ? body.subarray(0, -1) : null;
    }
    const code = this.#rest[1] ?? 0;
    if (this.#rest.length < 8) return null;
    const length =
      code === 15 || code === 16
        ? 9 + (this.#rest[6] ?? 0)
        : code === 22
          ? 10
          : code === 23
            ? 13 + (this.#rest[10] ?? 0)
            : code === 43
              ? 7
              : 8;
    if (this.#rest.length < length) return null;
    const frame = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    if (crcOf(frame.subarray(0, -2)).equals(frame.subarray(-2))) return frame.subarray(0, -2);
    this.#rest = Buffer.alloc(0);
    return null;
  }

  #answer(body: Buffer, send: (bytes: Uint8Array) => void): void {
    const unit = body[0] ?? 0;
    const pdu = Buffer.from(body.subarray(1));
    if (unit !== 0 && !this.units.has(unit)) return;
    const frame = (of: number, data: Uint8Array) => (this.#isAscii ? asciiFrame(of, data) : rtuFrame(of, data));
    const request: SeenLineRequest = {
      ...{ unit, pdu, frame, send, code: pdu[0] ?? 0, at: livedMs() },
      offset: pdu.length >= 5 ? pdu.readUInt16BE(1) : 0,
      count: pdu.length >= 5 ? pdu.readUInt16BE(3) : 0,
      honest: frame(unit, this.#carryOut(unit, pdu)),
    };
    if (!this.isForgetful) this.seen.push(request);
    if (unit === 0 || this.units.get(unit)?.isSilent === true) return;
    if (this.behave !== null) this.behave(request);
    else send(request.honest);
  }

  #carryOut(unit: number, pdu: Buffer): Buffer {
    if (unit !== 0) return honestAnswer(this.units, unit, pdu);
    for (const each of this.units.keys()) honestAnswer(this.units, each, pdu);
    return Buffer.alloc(1);
  }
}

/** A line server over TCP, as serial device servers are. */
export class TcpLine {
  readonly server: SerialUnitServer;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  port = 0;

  private constructor(server: SerialUnitServer) {
    this.server = server;
  }

  static async open(server: SerialUnitServer): Promise<TcpLine> {
    const line = new TcpLine(server);
    await line.listen();
    return line;
  }

  get open(): number {
    return this.#sockets.size;
  }

  async listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (chunk: Buffer) => this.server.receive(chunk, (bytes) => socket.write(bytes)));
    });
    this.#server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.reset();
    if (server === null) return;
    server.close();
    await once(server, 'close');
  }
}

/** CRC-16 of Modbus as it goes onto the line, bit by bit as the standard says. */
function crcOf(bytes: Uint8Array): Buffer {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  }
  return Buffer.from([crc & 0xff, crc >> 8]);
}

export function rtuFrame(unit: number, pdu: Uint8Array): Buffer {
  const body = Buffer.from([unit, ...pdu]);
  return Buffer.concat([body, crcOf(body)]);
}

export function asciiFrame(unit: number, pdu: Uint8Array): Buffer {
  const body = [unit, ...pdu];
  const lrc = -body.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return Buffer.from(
    `:${Buffer.from([...body, lrc])
      .toString('hex')
      .toUpperCase()}\r\n`,
    'latin1',
  );
}
