import { connect, type OnReadOpts, type Socket } from 'node:net';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { counted } from '../../model/counted.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ClientHandlers, WireClient } from './client.ts';
import { endsLikeAnswer, holdsHead } from './cut-off.ts';
import { FramingError, type ModbusReply, type ModbusRequest } from './frame.ts';
import { decodeReply, encodeFrame, FrameAssembler, frameBytes, transactionOf, writeFrame } from './tcp-frame.ts';

const KEEP_ALIVE_MS = 10_000;

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

/** Where the system puts what has come, of all connections: each takes its own out at once. */
const received = Buffer.allocUnsafeSlow(65_536);

export interface TcpClientOptions extends ClientHandlers {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: Millis;
  /** Requests in flight at once, at least 1. */
  readonly maxInFlight: number;
  readonly clock: Clock;
}

interface Pending {
  readonly transaction: number;
  readonly request: ModbusRequest;
  /** How many answers had come when it was sent. */
  readonly answersBefore: number;
  readonly timeoutMs: Millis;
  /** Monotonic. */
  readonly deadline: Millis;
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
  /** One timer for the deadlines of all, set for the earliest; it finds out by itself that a request has been answered. */
  #expiry: Timer | null = null;
  #expiresAt: Millis = Number.POSITIVE_INFINITY;
  /**
   * The last answer that came, while other requests are in flight and nothing has followed it: had it been cut off, it could have been filled
   * up by the beginning of another, which only what follows tells.
   */
  #doubted: Uint8Array | null = null;
  #doubtedAt: Millis = 0;
  /** Set while there are doubts; like the other, it is not cancelled for each answer. */
  #doubt: Timer | null = null;
  #answers = 0;
  /** Frames that answered nothing since the last that did. */
  #strays = 0;
  #lastStray = 0;
  /** What is asked in this turn of the event loop; less than half of `capacity`. */
  #unwritten: Pending[] = [];
  readonly #frames: Uint8Array[] = [];
  readonly #collect = (frame: Uint8Array): void => void this.#frames.push(frame);
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
      const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
      const socket = connect({ host, port, noDelay: true, ...keepAlive, onread: this.#reader() });
      this.#socket = socket;
      socket.on('connect', () => {
        timer.cancel();
        this.#opening = null;
        resolve();
      });
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
      const deadline = this.#options.clock.monotonic() + timeoutMs;
      const pending = { transaction, request, answersBefore: this.#answers, timeoutMs, deadline, resolve, reject };
      this.#pending.set(transaction, pending);
      if (deadline < this.#expiresAt) this.#expireLater(deadline, timeoutMs);
      if (this.capacity > 1) this.#writeSoon(socket, pending);
      else {
        const frame = encodeFrame(transaction, request);
        this.#options.listener?.()?.(true, frame);
        socket.write(frame);
      }
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

  /**
   * What is sent in one turn of the event loop leaves in two writes: one for each would cost more than all else, and with a single one the
   * peer has nothing to do while this process works, and the other way round.
   */
  #writeSoon(socket: Socket, pending: Pending): void {
    this.#unwritten.push(pending);
    if (this.#unwritten.length >= this.capacity / 2) this.#write(socket);
    else if (this.#unwritten.length === 1) setImmediate(() => this.#write(socket));
  }

  #write(socket: Socket): void {
    const all = this.#unwritten;
    if (this.#isEnded || all.length === 0) return;
    this.#unwritten = [];
    const bytes = Buffer.allocUnsafe(all.reduce((sum, { request }) => sum + frameBytes(request), 0));
    let at = 0;
    for (const { transaction, request } of all) {
      const end = writeFrame(bytes, at, transaction, request);
      this.#options.listener?.()?.(true, bytes.subarray(at, end));
      at = end;
    }
    socket.write(bytes);
  }

  /** Without it Node takes 64 KiB for each answer, gives most of them back, and keeps a stream's books. */
  #reader(): OnReadOpts {
    return {
      buffer: received,
      callback: (length) => {
        // Answers outlive the turn: they are cut from a chunk of their own.
        const chunk = Buffer.allocUnsafe(length);
        received.copy(chunk, 0, 0, length);
        this.#take(chunk);
        return true;
      },
    };
  }

  #take(chunk: Uint8Array): void {
    if (this.#isEnded) return;
    const frames = this.#frames;
    frames.length = 0;
    let error: FramingError | null = null;
    try {
      this.#assembler.push(chunk, this.#collect);
    } catch (thrown) {
      if (!(thrown instanceof FramingError)) throw thrown;
      error = thrown;
    }
    this.#takeDoubted(frames.length > 0, error !== null);
    // What stands before something that is no frame may have been filled up with it.
    const last = error === null && this.#assembler.hasSoundHead ? undefined : frames.pop();
    for (const frame of frames) this.#takeFrame(frame);
    if (last !== undefined && error === null && !this.#isEnded) this.#takeLast(last);
    frames.length = 0;
    if (error !== null) this.#distrust(error, this.#firstPending());
  }

  /** What has followed the answer in doubt decides on it, unless it is too short for that. */
  #takeDoubted(hasFrames: boolean, isBroken: boolean): void {
    const doubted = this.#doubted;
    const isDecided = isBroken || hasFrames || this.#assembler.hasSoundHead;
    if (doubted === null || !isDecided) return;
    this.#doubted = null;
    if (hasFrames || !isBroken) this.#takeFrame(doubted);
  }

  #takeLast(frame: Uint8Array): void {
    if (this.#isAlone(frame)) this.#takeFrame(frame);
    else {
      this.#doubted = frame;
      this.#doubtedAt = this.#options.clock.monotonic();
      this.#endDoubtLater(DOUBT_MS);
    }
  }

  /**
   * True when no other answer can have filled this one up: none is to come, or, of one in flight at a time, its end is not the beginning of one
   * that the owner no longer waits for.
   */
  #isAlone(frame: Uint8Array): boolean {
    if (this.#pending.size <= 1) return true;
    if (this.capacity > 1) return false;
    const own = transactionOf(frame);
    for (const { transaction, request } of this.#pending.values()) {
      if (transaction !== own && endsLikeAnswer(frame, transaction, request)) return false;
    }
    return true;
  }

  /** Nothing has followed: the answer is whole. Bytes too few to decide leave it in doubt, until its deadline. */
  #endDoubtLater(delayMs: Millis): void {
    const { clock } = this.#options;
    this.#doubt ??= clock.after(delayMs, () =>
      // What has come is read first.
      setImmediate(() => {
        this.#doubt = null;
        const doubted = this.#doubted;
        if (doubted === null) return;
        const restMs = this.#doubtedAt + DOUBT_MS - clock.monotonic();
        if (restMs > 0) this.#endDoubtLater(Math.ceil(restMs));
        else if (!this.#assembler.isMidFrame) {
          this.#doubted = null;
          this.#takeFrame(doubted);
        }
      }),
    );
  }

  #takeFrame(frame: Uint8Array): void {
    if (this.#isEnded) return;
    this.#options.listener?.()?.(false, frame);
    const transaction = transactionOf(frame);
    const pending = this.#pending.get(transaction);
    if (pending === undefined) {
      this.#options.onStray();
      this.#lastStray = transaction;
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
    pending.resolve(reply);
  }

  #firstPending(): Pending | null {
    return this.#pending.values().next().value ?? null;
  }

  /** True when a frame has the head of another answer in it, be it late or a repeat: it was cut off, and what came next has filled it up. */
  #holdsAnother(frame: Uint8Array, { unit, pdu }: ModbusRequest): boolean {
    const last = Math.imul(this.#transaction, TRANSACTION_COUNT);
    return holdsHead(frame, (transaction, otherUnit, code) => {
      const age = (last - Math.imul(transaction, TRANSACTION_COUNT)) & 0xffff;
      return age < RECENT && (otherUnit === unit || code === pdu[0] || this.#isPending(otherUnit, code));
    });
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

  #expireLater(deadline: Millis, delayMs: Millis): void {
    this.#expiry?.cancel();
    this.#expiresAt = deadline;
    // After a stall of this process the answer may lie in the socket already: what has come is read before the deadline counts.
    this.#expiry = this.#options.clock.after(Math.ceil(delayMs), () => setImmediate(() => this.#expireDue()));
  }

  #expireDue(): void {
    const now = this.#options.clock.monotonic();
    this.#expiresAt = Number.POSITIVE_INFINITY;
    let next = Number.POSITIVE_INFINITY;
    for (const pending of this.#pending.values()) {
      if (pending.deadline <= now) this.#expire(pending);
      else next = Math.min(next, pending.deadline);
    }
    if (!this.#isEnded && next < this.#expiresAt) this.#expireLater(next, next - now);
  }

  #expire(pending: Pending): void {
    const { transaction, request, timeoutMs } = pending;
    const meanwhile =
      this.#strays === 0
        ? ''
        : `; ${counted(this.#strays, 'answer')} came under another transaction number (${this.#lastStray} instead of ${transaction})`;
    const error = new HeadgateError('MODBUS_TIMEOUT', { place: this.#place, unit: request.unit, timeoutMs, meanwhile });
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
    this.#doubt?.cancel();
    this.#doubted = null;
    this.#expiry?.cancel();
    const opening = this.#opening;
    this.#opening = null;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    const reason = 'another request on it failed';
    for (const pending of all) {
      const isMeant = blamed === null || pending === blamed;
      pending.reject(isMeant ? error : new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#place, reason }));
    }
    if (opening !== null) {
      opening.timer.cancel();
      opening.reject(error);
    } else if (!isWanted) this.#options.onDown(error);
  }
}
