import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import { isBitArea } from './area.ts';
import { silenceBehindMs } from './bus-timing.ts';
import { meaningOf, UNANSWERED } from './failures.ts';
import { type ModbusRequest, NO_DATA, readRequest } from './frame.ts';
import { LatencyMeter } from './latency-meter.ts';
import { type Extent, isWithinArea } from './plan.ts';
import { PlannedPace } from './planned-pace.ts';
import { RecentSlowest } from './recent-slowest.ts';
import { backoffMs } from './schedule.ts';
import type { ModbusSettings } from './settings.ts';
import type { Wire } from './wire.ts';
import type { WireReply } from './wire-job.ts';

/** Whether a silent unit answers again is asked with less patience than for a value: so many times the slowest answer of late, its own or any on the wire. */
const PROBE_PATIENCE = 4;
const LEAST_PROBE_MS = 50;
/** Others wait for an answer so many times longer than answers take, of the unit or on the wire, whichever is longer. */
const HOLD_PATIENCE = 4;
const LEAST_HOLD_MS = 20;
/** The fourth probe, the eighth, the sixteenth and so on have the whole time-out: the unit may have become slow. */
const FIRST_PATIENT_PROBE = 4;

export interface UnitOptions {
  readonly device: string;
  readonly unit: number;
  readonly settings: ModbusSettings;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** It answers, after having been silent or for the first time. */
  readonly onAnswers: () => void;
  /** It does not answer any more, or cannot be reached; told once. */
  readonly onSilent: (error: HeadgateError) => void;
}

/** How long an answer is waited for, how long the others on the wire wait too (null: as long), and until when the others go first. */
interface Patience {
  readonly timeoutMs: Millis;
  readonly holdMs: (() => Millis) | null;
  readonly waitsUntil: Millis | null;
}

const always = (): boolean => true;

/** Figures since start. */
export interface UnitCounts {
  requests: number;
  failures: number;
  timeouts: number;
}

/**
 * One unit behind a connection as one device sees it. Knows whether the unit answers; while it does not, nothing is sent to it but
 * a probe after each backoff, and where answers carry numbers the others wait only briefly for one.
 */
export class Unit {
  readonly counts: UnitCounts = { requests: 0, failures: 0, timeouts: 0 };
  readonly number: number;
  /** How long it takes to begin its answers. */
  readonly latency: LatencyMeter;
  /** How fast it is taken to be by plans. */
  readonly pace: PlannedPace;
  readonly #options: UnitOptions;
  #state: 'unknown' | 'answers' | 'silent' = 'unknown';
  #silence: HeadgateError | null = null;
  #silences = 0;
  #probeExtent: Extent | null = null;
  /** The requests of the extents that are read again and again. */
  readonly #requests = new WeakMap<Extent, ModbusRequest>();
  readonly #isAskable = (): boolean => !this.isSilent;
  readonly #patience: Patience;
  readonly #shortPatience: Patience;
  /** What it answered last. */
  #known: Extent | null = null;
  #probe: Timer | null = null;
  /** The read under way of a unit that nobody knows. */
  #first: Promise<unknown> | null = null;
  /** The check under way whether the unit answers at all. */
  #check: Promise<void> | null = null;
  /** The longest that it took to answer of late. */
  readonly #slowest = new RecentSlowest();
  /** How long it takes to answer of late; 0 before it has. */
  #typicalMs: Millis = 0;
  /** What must not be mixed with anything else: a write, or a read in several requests. */
  #exclusive: Promise<unknown> = Promise.resolve();
  /** Ends each pause that a busy unit was given. */
  readonly #pauses = new Set<() => void>();

  constructor(options: UnitOptions) {
    this.#options = options;
    this.number = options.unit;
    const { framing, timing, timeoutMs, maxInFlight, pace } = options.settings;
    this.#patience = { timeoutMs, holdMs: null, waitsUntil: null };
    this.#shortPatience = { ...this.#patience, holdMs: () => this.#holdMs() };
    this.latency = new LatencyMeter(timing, framing === 'tcp' ? 0 : silenceBehindMs(timing));
    // With several in flight an answer also waits for those before it.
    this.pace = new PlannedPace(pace, maxInFlight > 1 ? null : () => this.latency.pace);
  }

  /** Requests to it that may be in flight at once. */
  get capacity(): number {
    return this.#options.wire.capacity;
  }

  get isSilent(): boolean {
    return this.#state === 'silent';
  }

  get answers(): boolean {
    return this.#state === 'answers';
  }

  /** Why it is silent; null when it is not. */
  get silence(): HeadgateError | null {
    return this.#silence;
  }

  /** What to read to see whether it answers. */
  probeWith(extent: Extent): void {
    this.#probeExtent ??= extent;
  }

  /**
   * Read for a scan: repeated, as often as the device's `retries`, when the unit is busy, or when it leaves this unanswered but answers
   * what it answered before. Which of the two is silent, the unit or only this place, is found out at once, so that a unit that dies
   * costs a line one time-out and one probe, and a place that a unit does not answer for costs the other tags nothing.
   * @returns the reply, with exception UNANSWERED if only this place is silent
   * @throws the unit is silent now, or the connection is down; `onAnswers` tells when to go on
   */
  read(extent: Extent, deadline: Millis): Promise<WireReply> {
    return this.#state === 'unknown' ? this.#readFirst(extent, deadline) : this.#read(extent, deadline);
  }

  /** Of a unit that nobody knows, one read at a time tells whether it answers. */
  async #readFirst(extent: Extent, deadline: Millis): Promise<WireReply> {
    while (this.#first !== null && this.#state === 'unknown') await this.#first;
    if (this.#state !== 'unknown') return this.#read(extent, deadline);
    const reading = this.#read(extent, deadline);
    this.#first = reading.catch(() => {});
    try {
      return await reading;
    } finally {
      this.#first = null;
    }
  }

  async #read(extent: Extent, deadline: Millis): Promise<WireReply> {
    const { clock, settings } = this.#options;
    const { retries, busyPauseMs } = settings;
    const request = this.#requestOf(extent);
    for (let attempt = 0; ; attempt++) {
      try {
        const reply = await this.exchange(request, deadline, this.#isAskable, this.#patienceNow());
        if (reply.exception === 0) this.#known = extent;
        else if (meaningOf(reply.exception).kind === 'busy' && attempt < retries) {
          await this.#pause(busyPauseMs);
          continue;
        }
        return reply;
      } catch (error) {
        if (!isUnitFailure(error) || this.isSilent) throw error;
        this.#check ??= this.#checkAlive(error, extent).finally(() => {
          this.#check = null;
        });
        await this.#check;
        if (attempt >= retries) return { exception: UNANSWERED, data: NO_DATA, time: clock.now(), tookMs: 0 };
      }
    }
  }

  /**
   * One request and its reply, counted; no retry, and the unit's state changes only to answering.
   * @throws MODBUS_UNIT_UNREACHABLE and what `Wire.send` throws
   */
  async exchange(
    request: ModbusRequest,
    deadline: Millis,
    isWanted: () => boolean = always,
    { timeoutMs, holdMs, waitsUntil }: Patience = this.#patience,
  ): Promise<WireReply> {
    const { wire, settings, observer, device, clock } = this.#options;
    const { place, unitPauseMs } = settings;
    const lateReplyMs = settings.lateReplyMs + settings.timeoutMs - timeoutMs;
    const counted = () => {
      const wanted = isWanted();
      if (wanted) this.counts.requests++;
      return wanted;
    };
    const isRead = request.reply.kind === 'data' || request.reply.kind === 'identification';
    let reply: WireReply;
    try {
      reply = await wire.send({
        request,
        deadline,
        isRead,
        isWanted: counted,
        timeoutMs,
        lateReplyMs,
        unitPauseMs,
        holdMs,
        waitsUntil,
      });
    } catch (error) {
      if (isHeadgateError(error, 'MODBUS_TIMEOUT')) this.counts.timeouts++;
      if (isUnitFailure(error)) this.counts.failures++;
      throw error;
    }
    if (reply.exception !== 0) {
      const { words, kind } = meaningOf(reply.exception);
      this.counts.failures++;
      observer.emit('modbus-exception', { device, unit: this.number, exception: reply.exception });
      if (kind === 'unreachable') {
        throw new HeadgateError('MODBUS_UNIT_UNREACHABLE', { place, unit: this.number, reason: words });
      }
    }
    if (request.reply.kind !== 'none') {
      this.#slowest.take(reply.tookMs, clock.monotonic());
      this.#typicalMs += (reply.tookMs - this.#typicalMs) / (this.#typicalMs === 0 ? 1 : 16);
      // Function and byte count before the data.
      if (reply.exception === 0) {
        this.latency.take(reply.tookMs, { request: request.pdu.length, reply: reply.data.length + 2 });
      }
      this.#answer();
    }
    return reply;
  }

  /** Do something that nothing else of this kind may come between: a write, or a read in several requests. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#exclusive.then(work, work);
    this.#exclusive = mine.catch(() => {});
    return mine;
  }

  /** The connection is down: nothing is sent until `reset`. */
  disconnect(error: HeadgateError): void {
    this.#silenceWith(error);
  }

  /** The connection is open again: nothing is known of the unit. */
  reset(): void {
    this.#probe?.cancel();
    this.#probe = null;
    this.#silences = 0;
    this.#state = 'unknown';
    this.#silence = null;
  }

  /** No timer is left; what pauses goes on, to find the connection stopped. */
  stop(): void {
    this.#probe?.cancel();
    this.#probe = null;
    for (const end of [...this.#pauses]) end();
  }

  /** Ask for what was answered last, or what a probe asks for; first of all that waits. @throws the unit is silent now, or the connection is down */
  async #checkAlive(failure: HeadgateError, failed: Extent): Promise<void> {
    const extent = this.#known ?? this.#probeExtent;
    if (this.#state === 'answers' && extent !== null) {
      try {
        const request = readRequest(this.number, this.#unlike(failed, extent));
        await this.exchange(request, Number.NEGATIVE_INFINITY, this.#isAskable, this.#checkPatience());
        return;
      } catch (error) {
        if (!isUnitFailure(error) || this.isSilent) throw error;
      }
    }
    this.#fallSilent(failure);
    throw failure;
  }

  /**
   * A small read whose answer cannot be mistaken for a late one of what failed, on wires where nothing else tells them apart: units answer in
   * order, so once this is answered nothing late is to come.
   */
  #unlike(failed: Extent, extent: Extent): Extent {
    const small = { ...extent, count: 1 };
    if (!this.#options.wire.isUnnumbered || failed.area !== small.area) return small;
    const isBits = isBitArea(failed.area);
    const isAlike = isBits ? failed.count <= 8 : failed.count === 1;
    const larger = { ...small, count: isBits ? 9 : 2 };
    return isAlike && isWithinArea(larger) ? larger : small;
  }

  #fallSilent(error: HeadgateError): void {
    const { observer, device } = this.#options;
    if (!this.isSilent) observer.emit('modbus-unit-silent', { device, unit: this.number, reason: error.message });
    this.#silenceWith(error);
    this.#probeLater();
  }

  #silenceWith(error: HeadgateError): void {
    const isNews = !this.isSilent;
    this.#state = 'silent';
    this.#silence = error;
    this.#probe?.cancel();
    this.#probe = null;
    if (isNews) this.#options.onSilent(error);
  }

  #answer(): void {
    if (this.#state === 'answers') return;
    const wasSilent = this.#state === 'silent';
    this.reset();
    this.#state = 'answers';
    const { observer, device, onAnswers } = this.#options;
    if (wasSilent) observer.emit('modbus-unit-answers', { device, unit: this.number });
    onAnswers();
  }

  #probeLater(): void {
    const { settings, clock, random } = this.#options;
    this.#silences++;
    const pauseMs = backoffMs(this.#silences, settings.reconnectMinMs, settings.reconnectMaxMs, random);
    this.#probe = clock.after(pauseMs, () => {
      this.#probe = null;
      void this.#probeNow();
    });
  }

  async #probeNow(): Promise<void> {
    const { clock, settings } = this.#options;
    const extent = this.#known ?? this.#probeExtent;
    if (extent === null) return;
    try {
      const deadline = clock.monotonic() + settings.reconnectMinMs;
      const request = readRequest(this.number, { ...extent, count: 1 });
      await this.exchange(request, deadline, () => this.isSilent, this.#probePatience(deadline));
    } catch (error) {
      // Anything else means that the connection is down or being shut down, which decides then.
      if (isUnitFailure(error) && this.isSilent && this.#probe === null) this.#fallSilent(error);
    }
  }

  #requestOf(extent: Extent): ModbusRequest {
    const known = this.#requests.get(extent);
    if (known !== undefined) return known;
    const request = readRequest(this.number, extent);
    this.#requests.set(extent, request);
    return request;
  }

  /** It has had the whole time-out already: on a line that others wait for it gets no second one. */
  #checkPatience(): Patience {
    if (!this.#options.wire.isUnnumbered) return this.#patienceNow();
    return { timeoutMs: this.#probeTimeoutMs(), holdMs: null, waitsUntil: null };
  }

  /** @param waitsUntil the probe goes when it is in nobody's way, at the latest then */
  #probePatience(waitsUntil: Millis): Patience {
    if (this.#options.wire.isUnnumbered) return { timeoutMs: this.#probeTimeoutMs(), holdMs: null, waitsUntil };
    return { ...this.#shortPatience, waitsUntil };
  }

  /**
   * Where answers carry numbers one that is late is known as such: others wait for it only much longer than usual, and it counts later too. Where
   * several may be in flight one that is late is in nobody's way.
   */
  #patienceNow(): Patience {
    const { isUnnumbered, capacity } = this.#options.wire;
    return isUnnumbered || capacity > 1 ? this.#patience : this.#shortPatience;
  }

  #holdMs(): Millis {
    const { settings, wire } = this.#options;
    const usualMs = Math.max(wire.typicalMs, this.#typicalMs);
    if (usualMs === 0) return settings.timeoutMs;
    return Math.min(settings.timeoutMs, Math.max(LEAST_HOLD_MS, Math.ceil(HOLD_PATIENCE * usualMs)));
  }

  #probeTimeoutMs(): Millis {
    const { wire, settings } = this.#options;
    const { timeoutMs } = settings;
    const slowestMs = this.#slowest.ms === 0 ? wire.slowestMs : this.#slowest.ms;
    const isPatient = this.#silences >= FIRST_PATIENT_PROBE && Number.isInteger(Math.log2(this.#silences));
    if (slowestMs === 0 || isPatient) return timeoutMs;
    return Math.min(timeoutMs, Math.max(LEAST_PROBE_MS, Math.ceil(PROBE_PATIENCE * slowestMs)));
  }

  #pause(pauseMs: Millis): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        timer.cancel();
        this.#pauses.delete(end);
        resolve();
      };
      const timer = this.#options.clock.after(pauseMs, end);
      this.#pauses.add(end);
    });
  }
}

/** True when it is the unit that failed, not the connection. */
function isUnitFailure(error: unknown): error is HeadgateError {
  return (
    isHeadgateError(error, 'MODBUS_TIMEOUT') ||
    isHeadgateError(error, 'MODBUS_BAD_REPLY') ||
    isHeadgateError(error, 'MODBUS_CONNECTION_LOST') ||
    isHeadgateError(error, 'MODBUS_UNIT_UNREACHABLE')
  );
}
