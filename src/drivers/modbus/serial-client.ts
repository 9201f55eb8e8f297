import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import { type BusTiming, frameMs } from './bus-timing.ts';
import type { ByteLink } from './byte-link.ts';
import type { ClientHandlers, WireClient } from './client.ts';
import { type ModbusReply, type ModbusRequest, NO_DATA, replyPduBytes } from './frame.ts';
import type { SerialCodec } from './serial-frame.ts';

/** More than two of the longest frames, in ASCII; nothing sensible is that long. */
const MAX_RECEIVED = 2_048;
/** So many requests without a single byte in return, and the port is opened anew: an unplugged adapter may tell nobody. */
const UNHEARD_LIMIT = 4;
/** A line that is not quiet for so long, while nothing is asked, is unusable. */
const MAX_BABBLE_MS = 3_000;
/** Bytes further apart are not the same disturbance. */
const CALM_MS = 500;

export interface SerialClientOptions extends ClientHandlers {
  /** `/dev/ttyUSB0`, `10.0.0.5:4001`. */
  readonly place: string;
  readonly link: ByteLink;
  readonly codec: SerialCodec;
  readonly timing: BusTiming;
  /** Least silence between an answer and the next request, for a line whose timing is not known. */
  readonly leastGapMs: Millis;
  /** The adapter hears what it sends. */
  readonly hasEcho: boolean;
  /** Silence after a request to all units. */
  readonly turnaroundMs: Millis;
  readonly connectTimeoutMs: Millis;
  readonly clock: Clock;
}

interface Pending {
  readonly request: ModbusRequest;
  readonly sentAt: Millis;
  readonly timer: Timer;
  readonly resolve: (reply: ModbusReply) => void;
  readonly reject: (error: HeadgateError) => void;
  /** What the adapter has still to repeat of the request. */
  echo: Uint8Array;
  received: Uint8Array;
  strays: number;
}

/**
 * Requests one at a time on a serial line, or on a TCP connection to one. Answers carry no number: after a time-out the late one is
 * waited out, for as long as the unit ever took and its frame is long; what comes meanwhile is thrown away, and the line must be
 * quiet before the next request.
 */
export class SerialClient implements WireClient {
  readonly capacity = 1;
  readonly isUnnumbered = true;
  hasAnswered = false;
  readonly #options: SerialClientOptions;
  #state: 'new' | 'open' | 'ended' = 'new';
  #pending: Pending | null = null;
  #lastByteAt = Number.NEGATIVE_INFINITY;
  /** Nothing is sent before. */
  #quietUntil = Number.NEGATIVE_INFINITY;
  /** Since when bytes come that nobody asked for, and when they came last. */
  #babbleSince = Number.NEGATIVE_INFINITY;
  #strayAt = Number.NEGATIVE_INFINITY;
  #unheard = 0;
  /** The longest that each unit took to begin its answer. */
  readonly #slowestMs = new Map<number, Millis>();

  constructor(options: SerialClientOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { link, place, clock, connectTimeoutMs } = this.#options;
    let timer: Timer | null = null;
    const late = new Promise<never>((_resolve, reject) => {
      timer = clock.after(connectTimeoutMs, () => reject(new Error(`no answer within ${connectTimeoutMs} ms`)));
    });
    try {
      await Promise.race([link.open({ onData: (chunk) => this.#take(chunk), onDown: (why) => this.#lose(why) }), late]);
    } catch (error) {
      this.#state = 'ended';
      await link.close();
      throw new HeadgateError('MODBUS_CONNECT_FAILED', { place, reason: messageOf(error) }, error);
    } finally {
      (timer as Timer | null)?.cancel();
    }
    if (this.#state === 'new') this.#state = 'open';
  }

  request(request: ModbusRequest, timeoutMs: Millis): Promise<ModbusReply> {
    return new Promise((resolve, reject) => {
      const { place, clock, codec, link, hasEcho, timing } = this.#options;
      if (this.#state !== 'open' || this.#pending !== null) {
        reject(new HeadgateError('MODBUS_CONNECTION_LOST', { place, reason: 'not open' }));
        return;
      }
      const frame = codec.encode(request);
      const sendMs = frameMs(timing, request.pdu.length);
      this.#options.onFrame?.(true, frame);
      link.write(frame);
      if (request.reply.kind === 'none') {
        this.#quietUntil = clock.monotonic() + sendMs + this.#options.turnaroundMs;
        resolve({ exception: 0, data: NO_DATA });
        return;
      }
      // What is on the line takes its time; the time-out is the unit's.
      const lineMs = sendMs + frameMs(timing, replyPduBytes(request.reply));
      const timer = clock.after(Math.ceil(lineMs + timeoutMs), () =>
        setImmediate(() => this.#expire(pending, timeoutMs)),
      );
      const pending: Pending = {
        ...{ request, timer, resolve, reject, sentAt: clock.monotonic() + sendMs },
        ...{ echo: hasEcho ? frame : NO_DATA, received: NO_DATA, strays: 0 },
      };
      this.#pending = pending;
    });
  }

  quietMs(): Millis {
    const { clock, timing, leastGapMs } = this.#options;
    const now = clock.monotonic();
    const gapMs = Math.max(timing.frameGapMs, leastGapMs);
    return Math.max(0, Math.max(this.#lastByteAt + gapMs, this.#quietUntil) - now);
  }

  async close(error: HeadgateError): Promise<void> {
    await this.#end(error);
  }

  #take(chunk: Uint8Array): void {
    if (this.#state === 'ended' || chunk.length === 0) return;
    this.#lastByteAt = this.#options.clock.monotonic();
    this.#unheard = 0;
    const pending = this.#pending;
    if (pending === null) {
      this.#takeUnasked();
      return;
    }
    const bytes = this.#withoutEcho(pending, chunk);
    if (bytes === null) this.#breakOff(pending, 'an echo that is not what was sent', false);
    else if (bytes.length > 0) this.#takeAnswer(pending, bytes);
  }

  #takeAnswer(pending: Pending, bytes: Uint8Array): void {
    pending.received = pending.received.length === 0 ? bytes : Buffer.concat([pending.received, bytes]);
    const found = this.#options.codec.scan(pending.received, pending.request);
    for (; pending.strays < found.strays; pending.strays++) this.#options.onStray();
    if (found.kind === 'broken') this.#breakOff(pending, found.reason, found.isWhole);
    else if (found.kind === 'reply') this.#settle(pending, found.reply, found.rest);
    else if (pending.received.length > MAX_RECEIVED)
      this.#breakOff(pending, 'more than a frame, without an answer', false);
  }

  #settle(pending: Pending, reply: ModbusReply, rest: number): void {
    this.#pending = null;
    this.hasAnswered = true;
    pending.timer.cancel();
    this.#options.onFrame?.(false, pending.received.subarray(0, pending.received.length - rest));
    const { timing } = this.#options;
    const tookMs = this.#lastByteAt - pending.sentAt - frameMs(timing, reply.data.length + 2);
    const { unit } = pending.request;
    if (tookMs > (this.#slowestMs.get(unit) ?? 0)) this.#slowestMs.set(unit, tookMs);
    if (rest > 0) this.#takeUnasked();
    pending.resolve(reply);
  }

  /** What answers nobody: silence has to follow it before anything is asked again. */
  #takeUnasked(): void {
    const { clock, onStray, place } = this.#options;
    const now = clock.monotonic();
    if (now - this.#strayAt > CALM_MS) {
      this.#babbleSince = now;
      onStray();
    }
    this.#strayAt = now;
    if (now - this.#babbleSince > MAX_BABBLE_MS) {
      const reason = 'the line is never quiet';
      this.#fail(new HeadgateError('MODBUS_BAD_REPLY', { place, unit: null, reason }));
    }
  }

  /** @returns null when what came back is not what was sent */
  #withoutEcho(pending: Pending, chunk: Uint8Array): Uint8Array | null {
    const { echo } = pending;
    if (echo.length === 0) return chunk;
    const common = Math.min(echo.length, chunk.length);
    for (let at = 0; at < common; at++) if (echo[at] !== chunk[at]) return null;
    pending.echo = echo.subarray(common);
    return chunk.subarray(common);
  }

  #breakOff(pending: Pending, reason: string, isWhole: boolean): void {
    const { place } = this.#options;
    const { unit } = pending.request;
    const error = new HeadgateError('MODBUS_BAD_REPLY', { place, unit, reason, isWhole });
    this.#giveUp(pending, error);
  }

  #expire(pending: Pending, timeoutMs: Millis): void {
    if (this.#pending !== pending) return;
    const { place } = this.#options;
    const { unit } = pending.request;
    const isUnheard = pending.received.length === 0;
    const error = new HeadgateError('MODBUS_TIMEOUT', { place, unit, timeoutMs });
    this.#giveUp(pending, error);
    if (isUnheard && ++this.#unheard >= UNHEARD_LIMIT) this.#fail(error);
  }

  /** The request has failed; the line is left alone until a late answer would have come. */
  #giveUp(pending: Pending, error: HeadgateError): void {
    const { clock, timing } = this.#options;
    const { request, timer, reject } = pending;
    this.#pending = null;
    timer.cancel();
    if (pending.received.length > 0) this.#options.onFrame?.(false, pending.received);
    const latestMs = this.#slowestMs.get(request.unit) ?? Math.max(0, ...this.#slowestMs.values());
    this.#quietUntil = clock.monotonic() + latestMs + frameMs(timing, replyPduBytes(request.reply));
    reject(error);
  }

  #lose(reason: string): void {
    this.#fail(new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#options.place, reason }));
  }

  #fail(error: HeadgateError): void {
    if (this.#state === 'ended') return;
    void this.#end(error);
    this.#options.onDown(error);
  }

  async #end(error: HeadgateError): Promise<void> {
    this.#state = 'ended';
    const pending = this.#pending;
    this.#pending = null;
    pending?.timer.cancel();
    pending?.reject(error);
    await this.#options.link.close();
  }
}
