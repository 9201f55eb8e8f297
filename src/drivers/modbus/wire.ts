import { HeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Timer } from '../../ports/clock.ts';
import type { WireClient } from './client.ts';
import type { ModbusReply } from './frame.ts';
import { HangUps } from './hang-ups.ts';
import { RecentSlowest } from './recent-slowest.ts';
import { backoffMs, earliest } from './schedule.ts';
import { UseMeter } from './use-meter.ts';
import type { SentJob, WaitingJob, WireJob, WireReply } from './wire-job.ts';
import type { WireOptions } from './wire-options.ts';

/** Scans in step begin within so long of each other. */
const SETTLE_MS = 5;
/** A wire on which nothing was answered for so long has nobody who would be in step. */
const IDLE_MS = 1_000;

/**
 * The arbiter of a wire, shared by all units on it: the earliest deadline first, as many in flight as the connection takes, one where it is a
 * serial line. A unit that may still answer late, or wants a pause, is passed over until its time, and the others go on. Keeps the
 * connection open: after a failure of a unit it is opened again at once; when it cannot be opened, or the peer closes it without ever
 * answering, with jittered backoff.
 */
export class Wire {
  /** Connections opened after the first. */
  reconnects = 0;
  readonly #slowest = new RecentSlowest();
  /** How long answers take of late, so that one stall is soon forgotten; 0 before the first. */
  typicalMs: Millis = 0;
  /** Time in which at least one request was in flight, since start. */
  busyMs: Millis = 0;
  readonly #options: WireOptions;
  readonly #waiting: WaitingJob[] = [];
  /** Monotonic time before which a unit is not asked; only those that are past it or to come. */
  readonly #notBefore = new Map<number, Millis>();
  #client: WireClient | null = null;
  #closing: Promise<void> = Promise.resolve();
  #opening: Promise<void> | null = null;
  #isOpen = false;
  #inFlight = 0;
  /** Of those in flight, the ones that were lost with a connection before. */
  #repeats = 0;
  /** Under way, and waited for until a time of their own only. */
  readonly #held = new Set<SentJob>();
  /** Units whose answer is not waited for any more, but still counts: not asked until it has come or its time is over. */
  readonly #owing = new Set<number>();
  #releasedAt: Millis = Number.NEGATIVE_INFINITY;
  #answeredAt: Millis = Number.NEGATIVE_INFINITY;
  #busySince: Millis = 0;
  readonly #use: UseMeter;
  readonly #hangUps = new HangUps();
  #pausedUntil: Millis = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #downError: HeadgateError | null = null;
  #opened = 0;
  #retry: Timer | null = null;
  #wake: Timer | null = null;
  #isStopped = false;

  constructor(options: WireOptions) {
    this.#options = options;
    this.#use = new UseMeter(options.clock.monotonic());
  }

  /** Why the connection is down; null while it is open, being opened for the first time, or reopened after one failure of a unit. */
  get downError(): HeadgateError | null {
    return this.#downError;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Share of the last ten seconds or so in which at least one request was in flight; null in the first second. */
  get utilisation(): number | null {
    const now = this.#options.clock.monotonic();
    const busyMs = this.busyMs + (this.#inFlight > 0 ? now - this.#busySince : 0);
    return this.#use.share(now, busyMs);
  }

  /** The longest that any answer took of late; 0 before the first. */
  get slowestMs(): Millis {
    return this.#slowest.ms;
  }

  /** Requests that may be in flight at once; 1 while there is no connection. */
  get capacity(): number {
    return this.#client?.capacity ?? 1;
  }

  /** True when nothing but time and shape tells a late answer from another's. */
  get isUnnumbered(): boolean {
    return this.#client?.isUnnumbered ?? false;
  }

  /** Connect now, whatever the backoff says. @throws MODBUS_CONNECT_FAILED, MODBUS_STOPPED */
  async connect(): Promise<void> {
    if (this.#isStopped) throw this.#stopped();
    if (this.#isOpen) return;
    this.#opening ??= this.#open();
    await this.#opening;
    if (!this.#isOpen) throw this.#downError ?? this.#stopped();
  }

  /**
   * Send a request when its turn comes. What waits is bounded by who asks: each scan, each probe and each request on demand has a few.
   * @throws MODBUS_TIMEOUT, MODBUS_BAD_REPLY, MODBUS_CONNECTION_LOST (in flight), MODBUS_NOT_CONNECTED, MODBUS_UNIT_SILENT
   *   (no longer wanted), MODBUS_STOPPED (not sent)
   */
  send(job: WireJob): Promise<WireReply> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) reject(this.#stopped());
      else if (this.#downError !== null) reject(this.#notConnected());
      else {
        const now = this.#options.clock.monotonic();
        this.#waiting.push({ job, deadline: job.deadline, queuedAt: now, resolve, reject, isRepeat: false });
        this.#next(now);
      }
    });
  }

  /** End all; what waits is rejected with MODBUS_STOPPED. Resolves when the place is free for another. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#retry?.cancel();
    this.#wake?.cancel();
    this.#isOpen = false;
    const closed = this.#client?.close(this.#stopped());
    this.#rejectAll(this.#stopped());
    await Promise.all([closed, this.#closing]);
  }

  async #open(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = null;
    const { place, makeClient, observer, listenerOf } = this.#options;
    const connection = this.#opened;
    await this.#closing;
    if (this.#isStopped) return;
    const client = makeClient({
      onDown: (error) => this.#lost(client, error),
      onStray: () => observer.emit('modbus-stray-reply', { place }),
      ...(listenerOf === undefined ? {} : { listener: listenerOf(connection) }),
    });
    this.#client = client;
    try {
      await client.open();
    } catch (error) {
      this.#opening = null;
      this.#closing = client.close(this.#stopped());
      if (!this.#isStopped && error instanceof HeadgateError) this.#down(error);
      return;
    }
    this.#opening = null;
    if (this.#isStopped) {
      this.#closing = client.close(this.#stopped());
      return;
    }
    this.#isOpen = true;
    this.#hangUps.opened();
    if (this.#opened++ > 0) this.reconnects++;
    const wasDown = this.#downError !== null || this.#opened === 1;
    this.#downError = null;
    if (wasDown) {
      observer.emit('modbus-connected', { place });
      this.#options.onUp();
    }
    this.#next();
  }

  #lost(client: WireClient, error: HeadgateError): void {
    this.#isOpen = false;
    this.#closing = client.close(error);
    if (this.#isStopped) return;
    if (error.code === 'MODBUS_CONNECTION_LOST') this.#hangUps.closed();
    const isUnasked = error.code === 'MODBUS_BAD_REPLY' && this.#inFlight === 0 && this.#owing.size === 0;
    if (isUnasked) this.#tellBadReply(error);
    // One that lost a connection before may be what the peer closes it for: others are to tell.
    const isUnheard = !client.hasAnswered && this.#repeats === 0;
    const isPeersFault = isUnheard && (error.code === 'MODBUS_CONNECTION_LOST' || isUnasked);
    if (isPeersFault) this.#down(error);
    else this.#opening ??= this.#open();
  }

  #down(error: HeadgateError): void {
    const { place, clock, random, reconnectMinMs, reconnectMaxMs, observer } = this.#options;
    const isNews = this.#downError === null;
    this.#downError = error;
    this.#failures++;
    this.#retry = clock.after(backoffMs(this.#failures, reconnectMinMs, reconnectMaxMs, random), () => {
      this.#opening ??= this.#open();
    });
    this.#rejectAll(this.#notConnected());
    if (!isNews) return;
    observer.emit('modbus-disconnected', { place, reason: error.message });
    this.#options.onDown(error);
  }

  /** Send what may go. */
  #next(now: Millis = this.#options.clock.monotonic()): void {
    const client = this.#client;
    if (client === null || !this.#isOpen || this.#isStopped) return;
    while (this.#waiting.length > 0 && this.#inFlight < (this.#hangUps.isUsual ? 1 : client.capacity)) {
      const restMs = Math.max(client.quietMs(), this.#pausedUntil - now);
      if (restMs > 0) {
        this.#wakeIn(restMs);
        return;
      }
      this.#forgetPast(now);
      const at = earliest(this.#waiting, (waiting) => this.#startsAt(waiting, now) <= now);
      if (at < 0) {
        const starts = this.#waiting.map((waiting) => this.#startsAt(waiting, now));
        const start = Math.min(...starts);
        if (start < Number.POSITIVE_INFINITY) this.#wakeIn(start - now);
        return;
      }
      if (this.#waiting[at]?.job.isRead === false && this.#hangUps.isUsedUp) {
        this.#renew(client);
        return;
      }
      const [waiting] = this.#waiting.splice(at, 1) as [WaitingJob];
      if (waiting.job.isWanted()) this.#run(client, waiting, now);
      else {
        const { unit } = waiting.job.request;
        waiting.reject(new HeadgateError('MODBUS_UNIT_SILENT', { place: this.#options.place, unit }));
      }
    }
    if (this.#waiting.length > 0) this.#watchHeld(now);
  }

  /** The peer is about to close the connection: what waits gets another. */
  #renew(client: WireClient): void {
    this.#isOpen = false;
    const reason = 'given up for another';
    this.#closing = client.close(new HeadgateError('MODBUS_CONNECTION_LOST', { place: this.#options.place, reason }));
    this.#opening ??= this.#open();
  }

  /** Somebody waits for what is in flight. */
  #watchHeld(now: Millis): void {
    const { clock } = this.#options;
    for (const sent of this.#held) {
      // After a stall of this process the answer may lie in the socket already.
      sent.timer ??= clock.after(Math.max(0, Math.ceil(sent.holdsUntil - now)), () =>
        clock.soon(() => this.#passOver(sent)),
      );
    }
  }

  /** Monotonic time from which on a request may go. */
  #startsAt({ job: { request, waitsUntil }, queuedAt }: WaitingJob, now: Millis): Millis {
    if (this.#owing.has(request.unit)) return Number.POSITIVE_INFINITY;
    const unitsFrom = this.#notBefore.get(request.unit) ?? Number.NEGATIVE_INFINITY;
    if (waitsUntil === null || now - this.#answeredAt >= IDLE_MS) return unitsFrom;
    const isBehindOthers = this.#releasedAt > queuedAt;
    return Math.max(unitsFrom, isBehindOthers ? Math.min(waitsUntil, this.#releasedAt + SETTLE_MS) : waitsUntil);
  }

  #run(client: WireClient, waiting: WaitingJob, sentAt: Millis): void {
    const { request, timeoutMs, holdMs } = waiting.job;
    const isUnqueued = this.#inFlight === 0 && this.#owing.size === 0;
    if (this.#inFlight++ === 0) this.#busySince = sentAt;
    const { isRepeat } = waiting;
    if (isRepeat) this.#repeats++;
    this.#hangUps.asked();
    const time = this.#options.clock.now();
    const isHeld = holdMs !== null && !client.isUnnumbered;
    const holdsUntil = isHeld ? sentAt + holdMs() : Number.POSITIVE_INFINITY;
    const sent: SentJob = { waiting, time, sentAt, isUnqueued, holdsUntil, isRepeat, timer: null, isPassedOver: false };
    if (isHeld) this.#held.add(sent);
    client.request(request, timeoutMs).then(
      (reply) => this.#answered(sent, reply),
      (error: HeadgateError) => {
        const now = this.#options.clock.monotonic();
        this.#tellHeldUp(sent, now, client.quietMs());
        this.#failed(client, waiting, error);
        this.#ended(sent, now);
      },
    );
  }

  #answered(sent: SentJob, { exception, data }: ModbusReply): void {
    const { waiting, time, sentAt, isUnqueued } = sent;
    const { request, unitPauseMs } = waiting.job;
    const now = this.#options.clock.monotonic();
    const tookMs = now - sentAt;
    this.#failures = 0;
    this.#hangUps.answered();
    this.#answeredAt = now;
    this.#slowest.take(tookMs, now);
    this.typicalMs += (tookMs - this.typicalMs) / (this.typicalMs === 0 ? 1 : 16);
    if (unitPauseMs > 0) this.#notBefore.set(request.unit, now + unitPauseMs);
    // An answer with data has cost nobody more than it had to.
    if (exception !== 0) this.#tellHeldUp(sent, now, 0);
    waiting.resolve({ exception, data, time, tookMs, isUnqueued });
    this.#ended(sent, now);
  }

  #ended(sent: SentJob, now: Millis): void {
    if (sent.isRepeat) this.#repeats--;
    if (sent.holdsUntil < Number.POSITIVE_INFINITY) {
      this.#held.delete(sent);
      sent.timer?.cancel();
    }
    if (sent.isPassedOver) {
      this.#owing.delete(sent.waiting.job.request.unit);
      this.#next(now);
    } else this.#release(now);
  }

  /** Others have waited for it long enough. */
  #passOver(sent: SentJob): void {
    if (!this.#held.delete(sent)) return;
    const now = this.#options.clock.monotonic();
    this.#tellHeldUp(sent, now, 0);
    sent.isPassedOver = true;
    this.#owing.add(sent.waiting.job.request.unit);
    this.#release(now);
  }

  /** @param restMs for how long nothing can be sent yet */
  #tellHeldUp({ waiting, sentAt, isPassedOver }: SentJob, now: Millis, restMs: Millis): void {
    if (isPassedOver) return;
    const { request, heldUp } = waiting.job;
    let longestMs = 0;
    for (const other of this.#waiting) {
      if (other.job.request.unit === request.unit || this.#startsAt(other, now) > now) continue;
      longestMs = Math.max(longestMs, now - Math.max(sentAt, other.queuedAt));
    }
    if (longestMs > 0) heldUp(longestMs + restMs);
  }

  /** A request does not hold the wire any more. */
  #release(now: Millis): void {
    const { pauseMs } = this.#options;
    if (--this.#inFlight === 0) {
      this.busyMs += now - this.#busySince;
      this.#use.take(now, this.busyMs);
    }
    this.#releasedAt = now;
    if (pauseMs > 0) this.#pausedUntil = now + pauseMs;
    this.#next(now);
  }

  #failed(client: WireClient, waiting: WaitingJob, error: HeadgateError): void {
    const { place, clock, observer } = this.#options;
    const { job } = waiting;
    const { unit } = job.request;
    if (error.code === 'MODBUS_TIMEOUT') observer.emit('modbus-request-timeout', { place, unit });
    if (error.code === 'MODBUS_BAD_REPLY') this.#tellBadReply(error);
    // An answer that was damaged on the way has come; of any other failure a late one may.
    if (client.isUnnumbered && error.context['isWhole'] !== true) {
      this.#notBefore.set(unit, clock.monotonic() + job.lateReplyMs);
    }
    // Of one at a time too: some peers close the connection behind each answer, when the next request is under way already.
    const isInnocent = error.code === 'MODBUS_CONNECTION_LOST' && client.hasAnswered;
    if (isInnocent && job.isRead && !waiting.isRepeat && this.#downError === null && !this.#isStopped) {
      waiting.isRepeat = true;
      this.#waiting.push(waiting);
    } else waiting.reject(error);
  }

  #tellBadReply({ message }: HeadgateError): void {
    this.#options.observer.emit('modbus-bad-reply', { place: this.#options.place, reason: message });
  }

  #wakeIn(delayMs: Millis): void {
    this.#wake?.cancel();
    this.#wake = this.#options.clock.after(Math.ceil(delayMs), () => {
      this.#wake = null;
      this.#next();
    });
  }

  #forgetPast(now: Millis): void {
    if (this.#notBefore.size === 0) return;
    for (const [unit, until] of this.#notBefore) if (until <= now) this.#notBefore.delete(unit);
  }

  #rejectAll(error: HeadgateError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #notConnected(): HeadgateError {
    const reason = this.#downError?.message ?? 'connecting';
    return new HeadgateError('MODBUS_NOT_CONNECTED', { place: this.#options.place, reason });
  }

  #stopped(): HeadgateError {
    return new HeadgateError('MODBUS_STOPPED', { place: this.#options.place });
  }
}
