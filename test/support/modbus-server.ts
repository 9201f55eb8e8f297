import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { livedMs } from './lived-time.ts';

export type Area = 'coil' | 'discrete' | 'input' | 'holding';

/** A request as it came. */
export interface SeenRequest {
  readonly transaction: number;
  readonly unit: number;
  readonly code: number;
  /** Zero-based, for functions 1 to 4. */
  readonly offset: number;
  readonly count: number;
  readonly frame: Buffer;
  readonly socket: Socket;
  /** The answer of an honest unit to it, MBAP header included. */
  readonly honest: Buffer;
  /** Lived milliseconds. */
  readonly at: number;
}

const AREAS: Readonly<Record<number, Area>> = { 1: 'coil', 2: 'discrete', 3: 'holding', 4: 'input' };

const WRITES: ReadonlySet<number> = new Set([5, 6, 15, 16, 22, 23]);

/** One unit's memory; everything reads 0 until set. */
export class TestUnit {
  readonly areas: Readonly<Record<Area, Uint16Array>> = {
    coil: new Uint16Array(65_536),
    discrete: new Uint16Array(65_536),
    input: new Uint16Array(65_536),
    holding: new Uint16Array(65_536),
  };
  /** Addresses that it refuses with exception 2 (or the code given). */
  readonly illegal = new Map<string, number>();
  /** Most registers in a request; more is exception 3. */
  maxRegisters = 125;
  /** Answer every request with this exception. */
  exception = 0;
  /** Leave every request unanswered. */
  isSilent = false;
  identity: readonly string[] | null = null;
  /** Acknowledge writes of registers without keeping them, as a drive in local control does. */
  ignoresWrites = false;
  /** Functions that it does not know. */
  readonly unknown = new Set<number>();

  refuse(area: Area, from: number, count = 1, exception = 2): void {
    for (let at = from; at < from + count; at++) this.illegal.set(`${area} ${at}`, exception);
  }

  allow(area: Area, from: number, count = 1): void {
    for (let at = from; at < from + count; at++) this.illegal.delete(`${area} ${at}`);
  }
}

/** A Modbus TCP server on a raw socket, honest unless told otherwise. */
export class TestModbusServer {
  readonly units = new Map<number, TestUnit>();
  readonly seen: SeenRequest[] = [];
  /** Decides what goes back instead of the honest answer. */
  behave: ((request: SeenRequest) => void) | null = null;
  /** What happens to a connection before anything is read from it. */
  greet: ((socket: Socket) => void) | null = null;
  isFrozen = false;
  connections = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  port = 0;

  static async start(): Promise<TestModbusServer> {
    const server = new TestModbusServer();
    server.units.set(1, new TestUnit());
    await server.listen();
    return server;
  }

  get unit(): TestUnit {
    return this.unitAt(1);
  }

  /** The unit, made on first use. */
  unitAt(number: number): TestUnit {
    const unit = this.units.get(number) ?? new TestUnit();
    this.units.set(number, unit);
    return unit;
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Listen, at the same port after a close. */
  async listen(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#take(socket));
    this.#server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
  }

  /** Break all connections and refuse new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.reset();
    if (server === null) return;
    server.close();
    await once(server, 'close');
  }

  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #take(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    this.greet?.(socket);
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      if (this.isFrozen) return;
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 8 && rest.length >= 6 + rest.readUInt16BE(4)) {
        const frame = rest.subarray(0, 6 + rest.readUInt16BE(4));
        rest = rest.subarray(frame.length);
        this.#answer(frame, socket);
      }
    });
  }

  #answer(frame: Buffer, socket: Socket): void {
    const unit = frame[6] ?? 0;
    const request: SeenRequest = {
      transaction: frame.readUInt16BE(0),
      unit,
      code: frame[7] ?? 0,
      offset: frame.length >= 12 ? frame.readUInt16BE(8) : 0,
      count: frame.length >= 12 ? frame.readUInt16BE(10) : 0,
      frame,
      socket,
      honest: framed(frame.readUInt16BE(0), unit, honestAnswer(this.units, unit, frame.subarray(7))),
      at: livedMs(),
    };
    this.seen.push(request);
    if (this.units.get(unit)?.isSilent === true) return;
    if (this.behave !== null) this.behave(request);
    else socket.write(request.honest);
  }
}

/** A frame: MBAP header, unit, protocol data unit. */
export function framed(transaction: number, unit: number, pdu: Uint8Array): Buffer {
  const header = Buffer.alloc(7);
  header.writeUInt16BE(transaction, 0);
  header.writeUInt16BE(pdu.length + 1, 4);
  header[6] = unit;
  return Buffer.concat([header, pdu]);
}

/** What an honest server of these units answers to a protocol data unit; writes are carried out. Another unit is gateway exception 11. */
export function honestAnswer(units: ReadonlyMap<number, TestUnit>, number: number, pdu: Buffer): Buffer {
  const code = pdu[0] ?? 0;
  const refuse = (exception: number) => Buffer.from([code | 0x80, exception]);
  const unit = units.get(number);
  if (unit === undefined) return refuse(11);
  if (unit.exception !== 0) return refuse(unit.exception);
  if (code === 43 && unit.identity !== null) {
    const objects = unit.identity.map((text, id) => Buffer.concat([Buffer.from([id, text.length]), Buffer.from(text)]));
    return Buffer.concat([Buffer.from([43, 14, pdu[2] ?? 1, 1, 0, 0, objects.length]), ...objects]);
  }
  if (unit.unknown.has(code)) return refuse(1);
  if (WRITES.has(code)) return carryOut(unit, pdu) ?? refuse(2);
  const area = AREAS[code];
  if (area === undefined) return refuse(1);
  const offset = pdu.readUInt16BE(1);
  const count = pdu.readUInt16BE(3);
  const isBits = code <= 2;
  if (count < 1 || count > (isBits ? 2000 : unit.maxRegisters)) return refuse(3);
  if (offset + count > 65_536) return refuse(2);
  for (let at = offset; at < offset + count; at++) {
    const exception = unit.illegal.get(`${area} ${at}`);
    if (exception !== undefined) return refuse(exception);
  }
  const data = Buffer.alloc(isBits ? Math.ceil(count / 8) : count * 2);
  for (let i = 0; i < count; i++) {
    const value = unit.areas[area][offset + i] ?? 0;
    if (!isBits) data.writeUInt16BE(value, i * 2);
    else if (value !== 0) data[i >> 3] = (data[i >> 3] ?? 0) | (1 << (i & 7));
  }
  return Buffer.concat([Buffer.from([code, data.length]), data]);
}

/** Write into a unit. @returns the answer; null when it has no such place */
function carryOut(unit: TestUnit, pdu: Buffer): Buffer | null {
  const { coil, holding } = unit.areas;
  const [code = 0] = pdu;
  const at = pdu.readUInt16BE(code === 23 ? 5 : 1);
  const count = code === 15 || code === 16 ? pdu.readUInt16BE(3) : code === 23 ? pdu.readUInt16BE(7) : 1;
  const area = code === 5 || code === 15 ? 'coil' : 'holding';
  if (at + count > 65_536) return null;
  for (let i = at; i < at + count; i++) if (unit.illegal.has(`${area} ${i}`)) return null;
  if (unit.ignoresWrites && (code === 6 || code === 16)) return Buffer.from(pdu.subarray(0, 5));
  const from = code === 23 ? 10 : code === 6 ? 3 : 6;
  if (code === 5) coil[at] = pdu.readUInt16BE(3) === 0xff00 ? 1 : 0;
  else if (code === 15) for (let i = 0; i < count; i++) coil[at + i] = ((pdu[6 + (i >> 3)] ?? 0) >> (i & 7)) & 1;
  else if (code === 22) {
    const and = pdu.readUInt16BE(3);
    holding[at] = ((holding[at] ?? 0) & and) | (pdu.readUInt16BE(5) & ~and);
  } else for (let i = 0; i < count; i++) holding[at + i] = pdu.readUInt16BE(from + i * 2);
  if (code === 23) {
    const read = pdu.readUInt16BE(1);
    const words = Buffer.alloc(pdu.readUInt16BE(3) * 2);
    for (let i = 0; i < words.length / 2; i++) words.writeUInt16BE(holding[read + i] ?? 0, i * 2);
    return Buffer.concat([Buffer.from([23, words.length]), words]);
  }
  return Buffer.from(code === 15 || code === 16 ? pdu.subarray(0, 5) : pdu);
}
