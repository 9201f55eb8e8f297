import { HeadgateError, isHeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import type { ModbusTcpSettings } from './config.ts';
import { meaningOf, UNANSWERED } from './failures.ts';
import { type ModbusReply, type ModbusRequest, readRequest } from './frame.ts';
import type { Extent } from './plan.ts';
import { backoffMs } from './schedule.ts';
import type { Wire } from './wire.ts';

export interface UnitOptions {
  readonly device: string;
  readonly unit: number;
  readonly settings: ModbusTcpSettings;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** It answers, after having been silent or for the first time. */
  readonly onAnswers: () => void;
  /** It does not answer any more, or cannot be reached; told once. */
  readonly onSilent: (error: HeadgateError) => void;
}

/** Figures since start. */
export interface UnitCounts {
  requests: number;
  failures: number;
  timeouts: number;
}

/**
 * One unit behind a connection as one device sees it. Knows whether the unit answers; while it does not, nothing is sent to it but
 * a probe after each backoff, so that it costs the others on the connection one time-out each.
 */
export class Unit {
  readonly counts: UnitCounts = { requests: 0, failures: 0, timeouts: 0 };
  readonly number: number;
  readonly #options: UnitOptions;
  #state: 'unknown' | 'answers' | 'silent' = 'unknown';
  #silence: HeadgateError | null = null;
  #silences = 0;
  #probeExtent: Extent | null = null;
  /** What it answered last. */
  #known: Extent | null = null;
  #probe: Timer | null = null;
  /** Ends each pause that a busy unit was given. */
  readonly #pauses = new Set<() => void>();

  constructor(options: UnitOptions) {
    this.#options = options;
    this.number = options.unit;
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
   * what it answered before. Which of the two is silent, the unit or only this place, is found out at once, so that a dead unit
   * costs two time-outs, and a place that a unit does not answer for costs the other tags nothing.
   * @returns the reply, with exception UNANSWERED if only this place is silent
   * @throws the unit is silent now, or the connection is down; `onAnswers` tells when to go on
   */
  async read(extent: Extent, deadline: Millis): Promise<ModbusReply> {
    const { retries, busyPauseMs } = this.#options.settings;
    const request = readRequest(this.number, extent);
    const isWanted = () => !this.isSilent;
    for (let attempt = 0; ; attempt++) {
      try {
        const reply = await this.exchange(request, deadline, isWanted);
        if (reply.exception === 0) this.#known = extent;
        else if (meaningOf(reply.exception).kind === 'busy' && attempt < retries) {
          await this.#pause(busyPauseMs);
          continue;
        }
        return reply;
      } catch (error) {
        if (!isUnitFailure(error) || this.isSilent) throw error;
        await this.#checkAlive(error);
        if (attempt >= retries) return { exception: UNANSWERED, data: new Uint8Array(0) };
      }
    }
  }

  /**
   * One request and its reply, counted; no retry, and the unit's state changes only to answering.
   * @throws MODBUS_UNIT_UNREACHABLE and what `Wire.send` throws
   */
  async exchange(request: ModbusRequest, deadline: Millis, isWanted: () => boolean): Promise<ModbusReply> {
    const { wire, settings, observer, device } = this.#options;
    const { host, port, timeoutMs } = settings;
    let reply: ModbusReply;
    const counted = () => {
      const wanted = isWanted();
      if (wanted) this.counts.requests++;
      return wanted;
    };
    try {
      reply = await wire.send({ request, timeoutMs, deadline, isWanted: counted });
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
        throw new HeadgateError('MODBUS_UNIT_UNREACHABLE', { host, port, unit: this.number, reason: words });
      }
    }
    this.#answer();
    return reply;
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
  async #checkAlive(failure: HeadgateError): Promise<void> {
    const extent = this.#known ?? this.#probeExtent;
    if (this.#state === 'answers' && extent !== null) {
      try {
        const request = readRequest(this.number, { ...extent, count: 1 });
        await this.exchange(request, Number.NEGATIVE_INFINITY, () => !this.isSilent);
        return;
      } catch (error) {
        if (!isUnitFailure(error) || this.isSilent) throw error;
      }
    }
    this.#fallSilent(failure);
    throw failure;
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
      await this.exchange(readRequest(this.number, { ...extent, count: 1 }), deadline, () => this.isSilent);
    } catch (error) {
      // Anything else means that the connection is down or being shut down, which decides then.
      if (isUnitFailure(error) && this.isSilent && this.#probe === null) this.#fallSilent(error);
    }
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
