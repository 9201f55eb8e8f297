import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import { isBitArea } from './area.ts';
import { silenceBehindMs } from './bus-timing.ts';
import { isUnitFailure, meaningOf, unansweredBy } from './failures.ts';
import { type ModbusRequest, readRequest } from './frame.ts';
import { LatencyMeter } from './latency-meter.ts';
import { LossBudget } from './loss-budget.ts';
import { type Patience, UnitPatience } from './patience.ts';
import { Pauses } from './pauses.ts';
import { type Extent, isWithinArea } from './plan.ts';
import { PlannedPace } from './planned-pace.ts';
import { backoffMs } from './schedule.ts';
import type { ModbusSettings } from './settings.ts';
import type { Wire } from './wire.ts';
import type { WireReply } from './wire-job.ts';

/** Lost answers of so many time-outs in a row are what may happen to any unit. */
const LOSS_BURST = 3;
/** A unit that has cost the others too much is believed to answer after so many answers without a loss between them. */
const STEADY_ANSWERS = 3;

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

/** What belongs to an exchange beside request and deadline. */
interface Asking {
  /** Asked when its turn comes; false: it is not sent. */
  readonly isWanted?: () => boolean;
  /** The whole time-out by default. */
  readonly patience?: Patience;
  /** Told how long others waited for an answer that did not come. */
  readonly onLost?: (lostMs: Millis) => void;
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
 * a probe after each backoff, and where answers carry numbers the others wait only briefly for one. A unit that answers only now and
 * then, and has cost the others more than its share, counts as silent until it has answered steadily.
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
  readonly #patience: UnitPatience;
  readonly #losses: LossBudget;
  /** It fell silent after it had cost the others too much. */
  #isUnsteady = false;
  /** Since it fell silent, without a loss between them. */
  #steadyAnswers = 0;
  /** What it answered last. */
  #known: Extent | null = null;
  #probe: Timer | null = null;
  /** The read under way of a unit that nobody knows. */
  #first: Promise<unknown> | null = null;
  /** The check under way whether the unit answers at all. */
  #check: Promise<void> | null = null;
  /** What must not be mixed with anything else: a write, or a read in several requests. */
  #exclusive: Promise<unknown> = Promise.resolve();
  /** Those that a busy unit is given. */
  readonly #pauses: Pauses;

  constructor(options: UnitOptions) {
    this.#options = options;
    this.number = options.unit;
    const { framing, timing, timeoutMs, pace } = options.settings;
    this.#patience = new UnitPatience(timeoutMs, options.wire);
    this.#losses = new LossBudget(LOSS_BURST * timeoutMs);
    this.#pauses = new Pauses(options.clock);
    this.latency = new LatencyMeter(timing, framing === 'tcp' ? 0 : silenceBehindMs(timing));
    this.pace = new PlannedPace(pace, () => this.latency.pace);
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
   * @returns the reply, with exception UNANSWERED or MALFORMED if it is only this place
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
    let lostMs = 0;
    const onLost = (ms: Millis) => {
      lostMs += ms;
    };
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          const patience = this.#patience.forValue;
          const reply = await this.exchange(request, deadline, { isWanted: this.#isAskable, patience, onLost });
          if (reply.exception === 0) this.#known = extent;
          else if (meaningOf(reply.exception).kind === 'busy' && attempt < retries) {
            await this.#pauses.pass(busyPauseMs);
            continue;
          }
          return reply;
        } catch (error) {
          if (!isUnitFailure(error) || this.isSilent) throw error;
          if (this.#losses.isSpent(clock.monotonic())) throw this.#fallSilent(error);
          this.#check ??= this.#checkAlive(error, extent, onLost).finally(() => {
            this.#check = null;
          });
          await this.#check;
          if (attempt < retries) continue;
          // The fault of this place: it is found out and left out, and is not what the unit is judged by.
          lostMs = 0;
          return unansweredBy(error, clock.now());
        }
      }
    } finally {
      if (lostMs > 0) this.#losses.take(lostMs, clock.monotonic());
    }
  }

  /**
   * One request and its reply, counted; no retry, and the unit's state changes only to answering.
   * @throws MODBUS_UNIT_UNREACHABLE and what `Wire.send` throws
   */
  async exchange(
    request: ModbusRequest,
    deadline: Millis,
    { isWanted = always, patience = this.#patience.whole, onLost }: Asking = {},
  ): Promise<WireReply> {
    const { wire, settings, observer, device, clock } = this.#options;
    const { place, unitPauseMs } = settings;
    const { timeoutMs, holdMs, waitsUntil } = patience;
    const lateReplyMs = settings.lateReplyMs + settings.timeoutMs - timeoutMs;
    const counted = () => {
      const wanted = isWanted();
      if (wanted) this.counts.requests++;
      return wanted;
    };
    let heldUpMs = 0;
    const heldUp = (ms: Millis) => {
      heldUpMs = ms;
    };
    const isRead = request.reply.kind === 'data' || request.reply.kind === 'identification';
    let reply: WireReply;
    try {
      // Written out: this is made for each request, and spreading costs more than the rest of it.
      reply = await wire.send({
        request,
        deadline,
        isRead,
        isWanted: counted,
        heldUp,
        timeoutMs,
        lateReplyMs,
        unitPauseMs,
        holdMs,
        waitsUntil,
      });
    } catch (error) {
      if (isHeadgateError(error, 'MODBUS_TIMEOUT')) this.counts.timeouts++;
      if (isUnitFailure(error)) {
        this.counts.failures++;
        onLost?.(heldUpMs);
      }
      throw error;
    }
    if (reply.exception !== 0) {
      const { words, kind } = meaningOf(reply.exception);
      this.counts.failures++;
      observer.emit('modbus-exception', { device, unit: this.number, exception: reply.exception });
      if (kind === 'unreachable') {
        onLost?.(heldUpMs);
        throw new HeadgateError('MODBUS_UNIT_UNREACHABLE', { place, unit: this.number, reason: words });
      }
    }
    if (request.reply.kind !== 'none') {
      this.#patience.take(reply.tookMs, clock.monotonic());
      // One that was sent while others were under way has waited for them too. Function and byte count before the data.
      if (reply.exception === 0 && reply.isUnqueued) {
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
    this.#isUnsteady = false;
  }

  /** No timer is left; what pauses goes on, to find the connection stopped. */
  stop(): void {
    this.#probe?.cancel();
    this.#probe = null;
    this.#pauses.end();
  }

  /** Ask for what was answered last, or what a probe asks for; first of all that waits. @throws the unit is silent now, or the connection is down */
  async #checkAlive(failure: HeadgateError, failed: Extent, onLost: (lostMs: Millis) => void): Promise<void> {
    const extent = this.#known ?? this.#probeExtent;
    if (this.#state === 'answers' && extent !== null) {
      try {
        const request = readRequest(this.number, this.#unlike(failed, extent));
        const asking = { isWanted: this.#isAskable, patience: this.#patience.forCheck, onLost };
        await this.exchange(request, Number.NEGATIVE_INFINITY, asking);
        return;
      } catch (error) {
        if (!isUnitFailure(error) || this.isSilent) throw error;
      }
    }
    throw this.#fallSilent(failure);
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

  /** @returns why it counts as silent */
  #fallSilent(failure: HeadgateError): HeadgateError {
    const { observer, device, clock, settings } = this.#options;
    this.#steadyAnswers = 0;
    this.#isUnsteady ||= this.#losses.isSpent(clock.monotonic());
    const error = this.#isUnsteady
      ? new HeadgateError('MODBUS_UNIT_UNSTEADY', { place: settings.place, unit: this.number })
      : failure;
    if (!this.isSilent) observer.emit('modbus-unit-silent', { device, unit: this.number, reason: error.message });
    this.#silenceWith(error);
    this.#silences++;
    this.#probeAfter(this.#silences);
    return error;
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
    if (wasSilent && !this.#isSteady()) return;
    this.reset();
    this.#state = 'answers';
    const { observer, device, onAnswers } = this.#options;
    if (wasSilent) observer.emit('modbus-unit-answers', { device, unit: this.number });
    onAnswers();
  }

  /** Called at each answer of a silent unit: whether that is enough for it to count as answering. */
  #isSteady(): boolean {
    this.#steadyAnswers++;
    const isAffordable = !this.#losses.isSpent(this.#options.clock.monotonic());
    return !this.#isUnsteady || (this.#steadyAnswers >= STEADY_ANSWERS && isAffordable);
  }

  /** @param failures in a row, by which the pause grows */
  #probeAfter(failures: number): void {
    const { settings, clock, random } = this.#options;
    const pauseMs = backoffMs(failures, settings.reconnectMinMs, settings.reconnectMaxMs, random);
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
      const patience = this.#patience.forProbe(deadline, this.#silences);
      await this.exchange(request, deadline, { isWanted: () => this.isSilent, patience });
      // It has to show that it goes on like that.
      if (this.isSilent && this.#probe === null) this.#probeAfter(1);
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
}
