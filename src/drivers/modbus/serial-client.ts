import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import { type BusTiming, frameMs } from './bus-timing.ts';
import type { ByteLink } from './byte-link.ts';
import type { ClientHandlers, WireClient } from './client.ts';
import { afterExactly } from './exact-timer.ts';
import { type ModbusReply, type ModbusRequest, NO_DATA, replyPduBytes } from './frame.ts';
import { RecentSlowest } from './recent-slowest.ts';
import type { Scanned, SerialCodec } from './serial-frame.ts';

/** More than two of the longest frames, in ASCII; nothing sensible is that long. */
const MAX_RECEIVED = 2_048;
/** So many requests without a single byte in return, and the port is opened anew: an unplugged adapter may tell nobody. */
const UNHEARD_LIMIT = 4;
/** A line that is not quiet for so long, while nothing is asked, is unusable. */
const MAX_BABBLE_MS = 3_000;
/** Timers and the system may be so late. */
const SILENCE_GRACE_MS = 20;
/** Bytes that a line driver may leave behind a frame when it is switched off. */
const MAX_NOISE = 4;
/** Bytes further apart are not the same disturbance. */
const CALM_MS = 500;
/** What was read so recently need not be read again. */
const JUST_MS = 0.5;

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
  readonly timeoutMs: Millis;
  readonly resolve: (reply: ModbusReply) => void;
  readonly reject: (error: HeadgateError) => void;
  isSent: boolean;
  /** When the last of it was on the line. */
  sentAt: Millis;
  /** The deadline: of the line to fall silent, then of the answer. */
  timer: Timer;
  /** What the adapter has still to repeat of the request. */
  echo: Uint8Array;
  received: Uint8Array;
  strays: number;
  /** Runs while silence is awaited: before the request, and behind the answer, which is believed then. */
  silence: Timer | null;
}

/**
 * Requests one at a time on a serial line, or on a TCP connection to one. Answers carry no number: an answer is believed when the silence that
 * ends a frame has followed it, so that a repeat of an earlier one right before it is not taken for it. After a time-out the late answer is
 * waited out, for as long as the unit took of late at most and its frame is long; what comes meanwhile is thrown away, and the line must be quiet
 * before the next request.
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
  /** When everything that had come was known to have been read. */
  #readAt = Number.NEGATIVE_INFINITY;
  /** Since when bytes come that nobody asked for, and when they came last. */
  #babbleSince = Number.NEGATIVE_INFINITY;
  #strayAt = Number.NEGATIVE_INFINITY;
  #unheard = 0;
  /** The longest that each unit took of late to begin its answer. */
  readonly #slowest = new Map<number, RecentSlowest>();

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
      const { place, clock } = this.#options;
      if (this.#state !== 'open' || this.#pending !== null) {
        reject(new HeadgateError('MODBUS_CONNECTION_LOST', { place, reason: 'not open' }));
        return;
      }
      const timer = clock.after(timeoutMs, () => this.#breakOff(pending, 'the line is not quiet', false));
      const pending: Pending = {
        ...{ request, timeoutMs, resolve, reject, timer, isSent: false, sentAt: 0 },
        ...{ echo: NO_DATA, received: NO_DATA, strays: 0, silence: null },
      };
      this.#pending = pending;
      // Right behind an answer its silence has just been listened to.
      if (clock.monotonic() - this.#readAt < JUST_MS && this.quietMs() === 0) this.#send(pending);
      else this.#sendWhenQuiet(pending);
    });
  }

  /** After a stall of this process a late answer may lie there: what has come is read before the line counts as quiet. */
  #sendWhenQuiet(pending: Pending): void {
    setImmediate(() => {
      if (this.#pending !== pending) return;
      const restMs = this.quietMs();
      if (restMs === 0) this.#send(pending);
      else pending.silence = afterExactly(this.#options.clock, restMs, () => this.#sendWhenQuiet(pending));
    });
  }

  #send(pending: Pending): void {
    const { clock, codec, link, hasEcho, timing, turnaroundMs } = this.#options;
    const { request, timeoutMs } = pending;
    const frame = codec.encode(request);
    const sendMs = frameMs(timing, request.pdu.length);
    pending.timer.cancel();
    pending.silence = null;
    pending.isSent = true;
    pending.sentAt = clock.monotonic() + sendMs;
    if (hasEcho) pending.echo = frame;
    this.#options.listener?.()?.(true, frame);
    link.write(frame);
    if (request.reply.kind === 'none') {
      this.#pending = null;
      this.#quietUntil = pending.sentAt + turnaroundMs;
      pending.resolve({ exception: 0, data: NO_DATA });
      return;
    }
    // What is on the line takes its time; the time-out is the unit's.
    const lineMs = sendMs + frameMs(timing, replyPduBytes(request.reply));
    pending.timer = clock.after(Math.ceil(lineMs + timeoutMs), () => setImmediate(() => this.#expire(pending)));
  }

  quietMs(): Millis {
    const now = this.#options.clock.monotonic();
    return Math.max(0, Math.max(this.#lastByteAt + this.#gapMs, this.#quietUntil) - now);
  }

  async close(error: HeadgateError): Promise<void> {
    await this.#end(error);
  }

  get #gapMs(): Millis {
    return Math.max(this.#options.timing.frameGapMs, this.#options.leastGapMs);
  }

  #take(chunk: Uint8Array): void {
    if (this.#state === 'ended' || chunk.length === 0) return;
    this.#lastByteAt = this.#options.clock.monotonic();
    this.#unheard = 0;
    const pending = this.#pending;
    if (pending === null || !pending.isSent) {
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
    pending.silence?.cancel();
    pending.silence = null;
    if (found.kind === 'broken') this.#breakOff(pending, found.reason, found.isWhole);
    else if (pending.received.length > MAX_RECEIVED) this.#breakOff(pending, 'too much for an answer', false);
    else if (found.kind === 'reply') {
      const length = pending.received.length;
      // After a stall of this process more may lie there: what has come is read before the silence counts.
      pending.silence = afterExactly(this.#options.clock, this.quietMs(), () => {
        if (this.#pending === pending && pending.received.length === length) this.#believe(pending, found);
      });
    }
  }

  #believe(pending: Pending, { reply, rest }: Extract<Scanned, { kind: 'reply' }>): void {
    if (isHarmless(pending.received, rest)) this.#settle(pending, reply, rest);
    else this.#breakOff(pending, `${rest} bytes behind the answer`, false);
  }

  #settle(pending: Pending, reply: ModbusReply, rest: number): void {
    this.#pending = null;
    this.hasAnswered = true;
    this.#readAt = this.#options.clock.monotonic();
    pending.timer.cancel();
    pending.silence?.cancel();
    this.#options.listener?.()?.(false, pending.received.subarray(0, pending.received.length - rest));
    const { timing } = this.#options;
    const tookMs = this.#lastByteAt - pending.sentAt - frameMs(timing, reply.data.length + 2);
    this.#slowestOf(pending.request.unit).take(tookMs, this.#lastByteAt);
    if (rest > 0) this.#options.onStray();
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

  #expire(pending: Pending): void {
    if (this.#pending !== pending) return;
    if (pending.silence !== null) {
      // The answer is there: it has as long as its silence takes.
      this.#options.clock.after(Math.ceil(this.#gapMs) + SILENCE_GRACE_MS, () => {
        if (this.#pending === pending) this.#breakOff(pending, 'no silence behind the answer', false);
      });
      return;
    }
    const { place } = this.#options;
    const { unit } = pending.request;
    const { timeoutMs } = pending;
    const isUnheard = pending.received.length === 0;
    const error = new HeadgateError('MODBUS_TIMEOUT', { place, unit, timeoutMs, meanwhile: '' });
    this.#giveUp(pending, error);
    if (isUnheard && ++this.#unheard >= UNHEARD_LIMIT) this.#fail(error);
  }

  /** The request has failed; the line is left alone until a late answer would have come. */
  #giveUp(pending: Pending, error: HeadgateError): void {
    const { clock, timing } = this.#options;
    const { request, timer, silence, reject } = pending;
    this.#pending = null;
    timer.cancel();
    silence?.cancel();
    if (pending.received.length > 0) this.#options.listener?.()?.(false, pending.received);
    const known = this.#slowest.get(request.unit);
    const latestMs = known?.ms ?? Math.max(0, ...this.#slowest.values().map(({ ms }) => ms));
    this.#quietUntil = clock.monotonic() + latestMs + frameMs(timing, replyPduBytes(request.reply));
    reject(error);
  }

  #slowestOf(unit: number): RecentSlowest {
    const known = this.#slowest.get(unit);
    if (known !== undefined) return known;
    const slowest = new RecentSlowest();
    this.#slowest.set(unit, slowest);
    return slowest;
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
    pending?.silence?.cancel();
    pending?.reject(error);
    await this.#options.link.close();
  }
}

/**
 * True when what follows an answer cannot mean that it was not the answer: nothing, the zeros or ones of a line driver that is switched off,
 * or the same bytes once more.
 */
function isHarmless(received: Uint8Array, rest: number): boolean {
  const end = received.length - rest;
  const behind = received.subarray(end);
  if (rest <= MAX_NOISE && behind.every((byte) => byte === 0x00 || byte === 0xff)) return true;
  return rest % end === 0 && behind.every((byte, at) => byte === received[at % end]);
}
