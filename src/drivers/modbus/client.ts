import { connect, type Socket } from 'node:net';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import {
  decodeReply,
  encodeFrame,
  FrameAssembler,
  FramingError,
  type ModbusReply,
  type ModbusRequest,
  transactionOf,
} from './frame.ts';

const KEEP_ALIVE_MS = 10_000;

/** So many frames that answer nothing, without one that does between them, are no repeats any more. */
const MAX_STRAYS = 16;

export interface TcpClientOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: Millis;
  readonly clock: Clock;
  /** Called once, when the connection ends in whatever way but `close`; a pending request has been rejected with the same error. */
  readonly onDown: (error: HeadgateError) => void;
  /** A whole frame that answers nothing that is asked: a repeat, or an answer to nobody. */
  readonly onStray: () => void;
}

interface Pending {
  readonly request: ModbusRequest;
  readonly transaction: number;
  readonly timer: Timer;
  readonly resolve: (reply: ModbusReply) => void;
  readonly reject: (error: HeadgateError) => void;
}

/**
 * One TCP connection, used once: a request at a time, each under its deadline. After a time-out or a reply that does not fit,
 * the connection is destroyed, so that nothing late is ever taken for an answer.
 */
export class TcpClient {
  /** True once a reply came: the peer speaks Modbus. */
  hasAnswered = false;
  readonly #options: TcpClientOptions;
  readonly #assembler = new FrameAssembler();
  #socket: Socket | null = null;
  #opening: {
    readonly resolve: () => void;
    readonly reject: (error: HeadgateError) => void;
    readonly timer: Timer;
  } | null = null;
  #pending: Pending | null = null;
  #transaction = 0;
  #strays = 0;
  #isEnded = false;

  constructor(options: TcpClientOptions) {
    this.#options = options;
  }

  /** Connect. @throws MODBUS_CONNECT_FAILED refused, or not within the time; `onDown` is not called then */
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

  /**
   * Send and wait for the answer; at most one at a time.
   * @throws MODBUS_TIMEOUT, MODBUS_BAD_REPLY, MODBUS_CONNECTION_LOST; the connection is gone then
   */
  request(request: ModbusRequest, timeoutMs: Millis): Promise<ModbusReply> {
    return new Promise((resolve, reject) => {
      const { host, port, clock } = this.#options;
      const socket = this.#socket;
      if (this.#isEnded || socket === null || this.#pending !== null) {
        reject(new HeadgateError('MODBUS_CONNECTION_LOST', { host, port, reason: 'not open' }));
        return;
      }
      this.#transaction = (this.#transaction + 1) & 0xffff;
      // After a stall of this process the answer may lie in the socket already: what has come is read before the deadline counts.
      const timer = clock.after(timeoutMs, () => setImmediate(() => this.#expire(pending, timeoutMs)));
      const pending: Pending = { request, transaction: this.#transaction, timer, resolve, reject };
      this.#pending = pending;
      socket.write(encodeFrame(this.#transaction, request));
    });
  }

  /** End the connection; what is pending is rejected. */
  close(error: HeadgateError): void {
    this.#end(error, true);
  }

  #take(chunk: Uint8Array): void {
    if (this.#isEnded) return;
    try {
      this.#assembler.push(chunk, (frame) => this.#takeFrame(frame));
    } catch (error) {
      if (!(error instanceof FramingError)) throw error;
      const { host, port } = this.#options;
      const unit = this.#pending?.request.unit ?? null;
      this.#end(new HeadgateError('MODBUS_BAD_REPLY', { host, port, unit, reason: error.message }));
    }
  }

  #takeFrame(frame: Uint8Array): void {
    const pending = this.#pending;
    if (pending === null || transactionOf(frame) !== pending.transaction) {
      if (this.#isEnded) return;
      this.#options.onStray();
      if (++this.#strays > MAX_STRAYS) throw new FramingError('answers that nobody asked for, again and again');
      return;
    }
    const reply = decodeReply(frame, pending.request);
    this.#pending = null;
    this.hasAnswered = true;
    this.#strays = 0;
    pending.timer.cancel();
    pending.resolve(reply);
  }

  #expire(pending: Pending, timeoutMs: Millis): void {
    if (this.#pending !== pending) return;
    const { host, port } = this.#options;
    this.#end(new HeadgateError('MODBUS_TIMEOUT', { host, port, unit: pending.request.unit, timeoutMs }));
  }

  #lose(reason: string): void {
    const { host, port } = this.#options;
    this.#end(
      this.#opening === null
        ? new HeadgateError('MODBUS_CONNECTION_LOST', { host, port, reason })
        : this.#connectFailed(reason),
    );
  }

  #connectFailed(reason: string): HeadgateError {
    const { host, port } = this.#options;
    return new HeadgateError('MODBUS_CONNECT_FAILED', { host, port, reason });
  }

  #end(error: HeadgateError, isWanted = false): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#socket?.destroy();
    const opening = this.#opening;
    const pending = this.#pending;
    this.#opening = null;
    this.#pending = null;
    pending?.timer.cancel();
    pending?.reject(error);
    if (opening !== null) {
      opening.timer.cancel();
      opening.reject(error);
    } else if (!isWanted) this.#options.onDown(error);
  }
}
