import { HeadgateError } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import { TcpClient } from './client.ts';
import type { ModbusReply, ModbusRequest } from './frame.ts';
import { backoffMs, earliest } from './schedule.ts';

export interface WireOptions {
  readonly host: string;
  readonly port: number;
  readonly connectTimeoutMs: Millis;
  readonly pauseMs: Millis;
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** The connection is open after having been down. */
  readonly onUp: () => void;
  /** The connection is down and stays so until `onUp`; called once for each time, and for a first attempt that fails. */
  readonly onDown: (error: HeadgateError) => void;
}

export interface WireJob {
  readonly request: ModbusRequest;
  readonly timeoutMs: Millis;
  /** Monotonic; the earliest goes first. */
  readonly deadline: Millis;
  /** Asked when its turn comes; false: it is rejected unsent. */
  readonly isWanted: () => boolean;
}

interface Waiting extends WireJob {
  readonly resolve: (reply: ModbusReply) => void;
  readonly reject: (error: HeadgateError) => void;
}

/**
 * The one stream of requests to a connection, shared by all units behind it: earliest deadline first, one in flight. Keeps the connection
 * open: after a time-out or a wrong reply it is opened again at once, since it was the unit that failed; when it cannot be opened,
 * or the peer closes it without ever answering, with jittered backoff.
 */
export class Wire {
  /** Connections opened after the first. */
  reconnects = 0;
  readonly #options: WireOptions;
  readonly #waiting: Waiting[] = [];
  #client: TcpClient | null = null;
  #opening: Promise<void> | null = null;
  #isOpen = false;
  #isBusy = false;
  #failures = 0;
  #downError: HeadgateError | null = null;
  #opened = 0;
  #retry: Timer | null = null;
  #pause: Timer | null = null;
  #isStopped = false;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** Why the connection is down; null while it is open, being opened for the first time, or reopened after one failure of a unit. */
  get downError(): HeadgateError | null {
    return this.#downError;
  }

  get isOpen(): boolean {
    return this.#isOpen;
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
   * Send a request when its turn comes. What waits is bounded by who asks: each scan, each probe and each read on demand has one.
   * @throws MODBUS_TIMEOUT, MODBUS_BAD_REPLY, MODBUS_CONNECTION_LOST (in flight), MODBUS_NOT_CONNECTED, MODBUS_UNIT_SILENT
   *   (no longer wanted), MODBUS_STOPPED (not sent)
   */
  send(job: WireJob): Promise<ModbusReply> {
    return new Promise((resolve, reject) => {
      if (this.#isStopped) reject(this.#stopped());
      else if (this.#downError !== null) reject(this.#notConnected());
      else {
        this.#waiting.push({ ...job, resolve, reject });
        this.#next();
      }
    });
  }

  /** End all; what waits is rejected with MODBUS_STOPPED. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#retry?.cancel();
    this.#pause?.cancel();
    this.#isOpen = false;
    this.#client?.close(this.#stopped());
    this.#rejectAll(this.#stopped());
  }

  async #open(): Promise<void> {
    this.#retry?.cancel();
    this.#retry = null;
    const { host, port, connectTimeoutMs, clock, observer } = this.#options;
    const client = new TcpClient({
      host,
      port,
      connectTimeoutMs,
      clock,
      onDown: (error) => this.#lost(client, error),
      onStray: () => observer.emit('modbus-stray-reply', { host, port }),
    });
    this.#client = client;
    try {
      await client.open();
    } catch (error) {
      this.#opening = null;
      if (!this.#isStopped && error instanceof HeadgateError) this.#down(error);
      return;
    }
    this.#opening = null;
    if (this.#isStopped) {
      client.close(this.#stopped());
      return;
    }
    this.#isOpen = true;
    if (this.#opened++ > 0) this.reconnects++;
    const wasDown = this.#downError !== null || this.#opened === 1;
    this.#downError = null;
    if (wasDown) {
      observer.emit('modbus-connected', { host, port });
      this.#options.onUp();
    }
    this.#next();
  }

  #lost(client: TcpClient, error: HeadgateError): void {
    this.#isOpen = false;
    if (this.#isStopped) return;
    const { host, port, observer } = this.#options;
    const isPeersFault =
      !client.hasAnswered &&
      (error.code === 'MODBUS_CONNECTION_LOST' || (error.code === 'MODBUS_BAD_REPLY' && !this.#isBusy));
    if (error.code === 'MODBUS_TIMEOUT')
      observer.emit('modbus-request-timeout', { host, port, unit: error.context['unit'] });
    if (error.code === 'MODBUS_BAD_REPLY') observer.emit('modbus-bad-reply', { host, port, reason: error.message });
    if (isPeersFault) this.#down(error);
    else this.#opening ??= this.#open();
  }

  #down(error: HeadgateError): void {
    const { host, port, clock, random, reconnectMinMs, reconnectMaxMs, observer } = this.#options;
    const isNews = this.#downError === null;
    this.#downError = error;
    this.#failures++;
    this.#retry = clock.after(backoffMs(this.#failures, reconnectMinMs, reconnectMaxMs, random), () => {
      this.#opening ??= this.#open();
    });
    this.#rejectAll(this.#notConnected());
    if (!isNews) return;
    observer.emit('modbus-disconnected', { host, port, reason: error.message });
    this.#options.onDown(error);
  }

  #next(): void {
    if (this.#isBusy || !this.#isOpen || this.#pause !== null || this.#isStopped) return;
    for (;;) {
      const at = earliest(this.#waiting);
      const [job] = at < 0 ? [] : this.#waiting.splice(at, 1);
      if (job === undefined) return;
      if (job.isWanted()) {
        void this.#run(job);
        return;
      }
      const { host, port } = this.#options;
      job.reject(new HeadgateError('MODBUS_UNIT_SILENT', { host, port, unit: job.request.unit }));
    }
  }

  async #run(job: Waiting): Promise<void> {
    const { pauseMs, clock } = this.#options;
    this.#isBusy = true;
    try {
      const reply = await (this.#client as TcpClient).request(job.request, job.timeoutMs);
      this.#failures = 0;
      job.resolve(reply);
    } catch (error) {
      job.reject(error as HeadgateError);
    }
    this.#isBusy = false;
    if (pauseMs > 0 && this.#isOpen) {
      this.#pause = clock.after(pauseMs, () => {
        this.#pause = null;
        this.#next();
      });
    } else this.#next();
  }

  #rejectAll(error: HeadgateError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }

  #notConnected(): HeadgateError {
    const { host, port } = this.#options;
    return new HeadgateError('MODBUS_NOT_CONNECTED', { host, port, reason: this.#downError?.message ?? 'connecting' });
  }

  #stopped(): HeadgateError {
    const { host, port } = this.#options;
    return new HeadgateError('MODBUS_STOPPED', { host, port });
  }
}
