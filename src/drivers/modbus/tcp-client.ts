import { connect, type Socket } from 'node:net';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ClientHandlers, WireClient } from './client.ts';
import { FramingError, type ModbusReply, type ModbusRequest } from './frame.ts';
import { decodeReply, encodeFrame, FrameAssembler, transactionOf } from './tcp-frame.ts';

const KEEP_ALIVE_MS = 10_000;

/** Transaction, protocol, length, unit and function. */
const HEAD_BYTES = 8;

/** So many frames that answer nothing, without one that does between them, are no repeats any more. */
const MAX_STRAYS = 16;

/**
 * Numbers follow each other by a step that visits all of them and keeps those in flight far apart, so that an answer whose number is off by
 * one, or cut to eight bits, is no other's.
 */
const TRANSACTION_STEP = 0x9e37;
/** Its inverse modulo 65536: from a number to how many there have been. */
const TRANSACTION_COUNT = 0x7787;
/** The bytes of an answer that come apart come soon after each other. */
const DOUBT_MS = 5;
/** Requests that the owner no longer waits for before it sends others: one for each unit. */
const MAX_OUTLIVED = 256;
/** Answers to older requests than so many do not come any more. */
const RECENT = 256;

export interface TcpClientOptions extends ClientHandlers {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: Millis;
  /** Requests in flight at once, at least 1. */
  readonly maxInFlight: number;
  readonly clock: Clock;
}

interface Pending {
  readonly request: ModbusRequest;
  /** How many answers had come when it was sent. */
  readonly answersBefore: number;
  readonly timer: Timer;
  readonly resolve: (reply: ModbusReply) => void;
  readonly reject: (error: HeadgateError) => void;
}

/**
 * One TCP connection: requests under their own deadlines, told apart by transaction numbers of 16 bits. After a reply that does not fit, or
 * a time-out in which nothing came, the connection is destroyed, so that nothing late is ever taken for an answer. While others are
 * being answered, one that is not answered in time is given up alone.
 */
export class TcpClient implements WireClient {
  readonly isUnnumbered = false;
  readonly capacity: number;
  readonly #options: TcpClientOptions;
  readonly #place: string;
  readonly #assembler = new FrameAssembler();
  readonly #pending = new Map<number, Pending>();
  #socket: Socket | null = null;
  #opening: {
    readonly resolve: () => void;
    readonly reject: (error: HeadgateError) => void;
    readonly timer: Timer;
  } | null = null;
  #transaction = 0;
  /**
   * The last answer that came, while other requests are in flight and nothing has followed it: had it been cut off, it could have been filled
   * up by the beginning of another, which only what follows tells.
   */
  #doubted: { readonly frame: Uint8Array; readonly timer: Timer } | null = null;
  #answers = 0;
  #strays = 0;
  /** Frames of this turn of the event loop; at most `capacity`. */
  #unwritten: Uint8Array[] = [];
  #isEnded = false;

  constructor(options: TcpClientOptions) {
    this.#options = options;
    this.#place = `${options.host}:${options.port}`;
    this.capacity = options.maxInFlight;
  }

  get hasAnswered(): boolean {
    return this.#answers > 0;
  }

  open(): Promise<void> {
    const { host, port, connectTimeoutMs, clock } = this.#options;
    return new Promise((resolve, reject) => {
      const timer = clock.after(connectTimeoutMs, () =>
        this.#end(this.#connectFailed(`no answer within ${connectTimeoutMs} ms`)),
      );
      this.#opening = { resolve, reject, timer };
      const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
      this.#socket = socket;
      socket.on('connect', () => {
        timer.cancel();
        this.#opening = null;
        resolve();
      });
      socket.on('data', (chunk: Buffer) => this.#take(chunk));
      socket.on('error', (error) => this.#lose(messageOf(error)));
      socket.on('end', () => this.#lose('closed by the peer'));
      socket.on('close', () => this.#lose('closed'));
    });
  }

  request(request: ModbusRequest, timeoutMs: Millis): Promise<ModbusReply> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      if (this.#isEnded || socket === null || this.#pending.size >= this.capacity + MAX_OUTLIVED) {
        reject(new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#place, reason: 'not open' }));
        return;
      }
      const transaction = this.#nextTransaction();
      // After a stall of this process the answer may lie in the socket already: what has come is read before the deadline counts.
      const timer = this.#options.clock.after(timeoutMs, () =>
        setImmediate(() => this.#expire(transaction, pending, timeoutMs)),
      );
      const pending: Pending = { request, answersBefore: this.#answers, timer, resolve, reject };
      this.#pending.set(transaction, pending);
      const frame = encodeFrame(transaction, request);
      this.#options.onFrame?.(true, frame);
      if (this.capacity === 1) socket.write(frame);
      else this.#writeSoon(socket, frame);
    });
  }

  quietMs(): Millis {
    return 0;
  }

  async close(error: HeadgateError): Promise<void> {
    this.#end(error, null, true);
  }

  #nextTransaction(): number {
    do this.#transaction = (this.#transaction + TRANSACTION_STEP) & 0xffff;
    while (this.#pending.has(this.#transaction));
    return this.#transaction;
  }

  /** What is sent in one turn of the event loop leaves in one write, which costs a third of what a corked socket does. */
  #writeSoon(socket: Socket, frame: Uint8Array): void {
    this.#unwritten.push(frame);
    if (this.#unwritten.length > 1) return;
    setImmediate(() => {
      const frames = this.#unwritten;
      this.#unwritten = [];
      if (!this.#isEnded) socket.write(frames.length === 1 ? (frames[0] as Uint8Array) : Buffer.concat(frames));
    });
  }

  #take(chunk: Uint8Array): void {
    if (this.#isEnded) return;
    const frames: Uint8Array[] = [];
    let error: FramingError | null = null;
    try {
      this.#assembler.push(chunk, (frame) => frames.push(frame));
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown;
      error = thrown;
    }
    this.#takeDoubted(frames, error !== null);
    // What stands before something that is no frame may have been filled up with it.
    const last = error === null && this.#assembler.hasSoundHead ? undefined : frames.pop();
    for (const frame of frames) this.#takeFrame(frame);
    if (last !== undefined) this.#takeLast(last, error !== null);
    if (error !== null) this.#distrust(error, this.#firstPending());
  }

  /** What has followed the answer in doubt decides on it, unless it is too short for that. */
  #takeDoubted(frames: readonly Uint8Array[], isBroken: boolean): void {
    const doubted = this.#doubted;
    const isDecided = isBroken || frames.length > 0 || this.#assembler.hasSoundHead;
    if (doubted === null || !isDecided) return;
    this.#doubted = null;
    doubted.timer.cancel();
    if (frames.length > 0 || !isBroken) this.#takeFrame(doubted.frame);
  }

  #takeLast(frame: Uint8Array, isBroken: boolean): void {
    const isCertain = this.#pending.size <= 1 && (!isBroken || this.capacity === 1);
    if (isCertain) this.#takeFrame(frame);
    else if (!isBroken && !this.#isEnded) this.#doubted = { frame, timer: this.#endDoubtLater() };
  }

  /** Nothing has followed: the answer is whole. Bytes too few to decide leave it in doubt, until its deadline. */
  #endDoubtLater(): Timer {
    return this.#options.clock.after(DOUBT_MS, () =>
      // What has come is read first.
      setImmediate(() => {
        const doubted = this.#doubted;
        if (doubted === null || this.#assembler.isMidFrame) return;
        this.#doubted = null;
        this.#takeFrame(doubted.frame);
      }),
    );
  }

  #takeFrame(frame: Uint8Array): void {
    if (this.#isEnded) return;
    this.#options.onFrame?.(false, frame);
    const transaction = transactionOf(frame);
    const pending = this.#pending.get(transaction);
    if (pending === undefined) {
      this.#options.onStray();
      if (++this.#strays > MAX_STRAYS) {
        this.#distrust(new FramingError('answers that nobody asked for, again and again'), this.#firstPending());
      }
      return;
    }
    let reply: ModbusReply;
    try {
      reply = decodeReply(frame, pending.request);
      if (this.capacity > 1 && this.#holdsAnother(frame, pending.request))
        throw new FramingError('cut off by another answer');
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      this.#distrust(error, pending);
      return;
    }
    this.#pending.delete(transaction);
    this.#answers++;
    this.#strays = 0;
    pending.timer.cancel();
    pending.resolve(reply);
  }

  #firstPending(): Pending | null {
    return this.#pending.values().next().value ?? null;
  }

  /** True when a frame has the head of another answer in it, be it late or a repeat: it was cut off, and what came next has filled it up. */
  #holdsAnother(frame: Uint8Array, { unit, pdu }: ModbusRequest): boolean {
    const last = Math.imul(this.#transaction, TRANSACTION_COUNT);
    for (let at = HEAD_BYTES; at + HEAD_BYTES <= frame.length; at++) {
      // Three zeros that begin here or at the next two places would all have this one.
      if (frame[at + 4] !== 0) {
        at += 2;
        continue;
      }
      if (frame[at + 2] !== 0 || frame[at + 3] !== 0 || (frame[at + 5] as number) < 3) continue;
      const age = (last - Math.imul(transactionOf(frame.subarray(at)), TRANSACTION_COUNT)) & 0xffff;
      if (age >= RECENT) continue;
      const code = (frame[at + 7] as number) & 0x7f;
      if (frame[at + 6] === unit || code === pdu[0] || this.#isPending(frame[at + 6] as number, code)) return true;
    }
    return false;
  }

  #isPending(unit: number, code: number): boolean {
    for (const { request } of this.#pending.values()) if (request.unit === unit && request.pdu[0] === code) return true;
    return false;
  }

  /** The stream cannot be trusted any more; the request that is blamed for it gets the reason. */
  #distrust({ message }: FramingError, blamed: Pending | null): void {
    const unit = blamed?.request.unit ?? null;
    this.#end(new HeadgateError('MODBUS_BAD_REPLY', { place: this.#place, unit, reason: message }), blamed);
  }

  #expire(transaction: number, pending: Pending, timeoutMs: Millis): void {
    if (this.#pending.get(transaction) !== pending) return;
    const { unit } = pending.request;
    const error = new HeadgateError('MODBUS_TIMEOUT', { place: this.#place, unit, timeoutMs });
    // Of one at a time none is answered after it was sent, unless it is one that others were sent past.
    const isStreamAlive = this.#answers > pending.answersBefore && !this.#assembler.isMidFrame;
    if (isStreamAlive) {
      this.#pending.delete(transaction);
      pending.reject(error);
    } else this.#end(error, pending);
  }

  #lose(reason: string): void {
    const error = new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#place, reason });
    this.#end(this.#opening === null ? error : this.#connectFailed(reason));
  }

  #connectFailed(reason: string): HeadgateError {
    return new HeadgateError('MODBUS_CONNECT_FAILED', { place: this.#place, reason });
  }

  /** @param blamed the request that the error is about; null: all that are pending */
  #end(error: HeadgateError, blamed: Pending | null = null, isWanted = false): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#socket?.destroy();
    this.#doubted?.timer.cancel();
    this.#doubted = null;
    const opening = this.#opening;
    this.#opening = null;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    const reason = 'another request on it failed';
    for (const pending of all) {
      pending.timer.cancel();
      const isMeant = blamed === null || pending === blamed;
      pending.reject(isMeant ? error : new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#place, reason }));
    }
    if (opening !== null) {
      opening.timer.cancel();
      opening.reject(error);
    } else if (!isWanted) this.#options.onDown(error);
  }
}
