import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { EpochMs } from '../../model/time.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random, Timer } from '../../ports/clock.ts';
import type { Sink, SinkLinkState } from '../../ports/sink.ts';
import { backoffMs } from './backoff.ts';

export interface SinkLinkOptions {
  readonly sink: Sink;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly onUp: () => void;
  readonly onDown: () => void;
}

export interface LinkError {
  readonly code: string;
  readonly message: string;
  readonly at: EpochMs;
}

/** A sink answers `disconnect` within 1 s; one that does not is left behind. */
const DISCONNECT_MS = 1000;

/** Keeps a sink connected: connects, hears of the loss, waits, connects again, for ever. */
export class SinkLink {
  readonly #options: SinkLinkOptions;
  #state: SinkLinkState;
  #timer: Timer | null = null;
  #failures = 0;
  #isStopped = false;
  connections = 0;
  connectFailures = 0;
  lastError: LinkError | null = null;

  constructor(options: SinkLinkOptions) {
    this.#options = options;
    this.#state = { state: 'down', reason: 'not started', since: options.clock.now() };
    options.sink.onDown((reason) => this.#lost(reason));
  }

  get state(): SinkLinkState {
    return this.#state;
  }

  get isUp(): boolean {
    return this.#state.state === 'up';
  }

  start(): void {
    this.#setDown('connecting');
    void this.#connect();
  }

  /** Something was confirmed: the next loss begins with the shortest wait again. */
  proven(): void {
    this.#failures = 0;
  }

  /** A send failed: this connection is not to be used any more. */
  drop(error: unknown): void {
    this.note(error);
    if (!this.isUp) return;
    this.#lost(messageOf(error));
  }

  note(error: unknown): void {
    const code = error instanceof HeadgateError ? error.code : 'SINK_DISCONNECTED';
    this.lastError = { code, message: messageOf(error), at: this.#options.clock.now() };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#setDown('stopped');
    await this.#disconnect();
  }

  async #connect(): Promise<void> {
    const { sink, observer } = this.#options;
    try {
      await sink.connect();
    } catch (error) {
      if (this.#isStopped) return;
      this.connectFailures++;
      this.note(error);
      observer.emit('sink-connect-failed', {
        code: this.lastError?.code ?? null,
        reason: messageOf(error),
        ...(error instanceof HeadgateError ? { action: error.action } : {}),
      });
      this.#setDown(messageOf(error));
      this.#retryLater();
      return;
    }
    if (this.#isStopped) {
      await this.#disconnect();
      return;
    }
    this.connections++;
    this.#state = { state: 'up', since: this.#options.clock.now() };
    observer.emit('sink-connected');
    this.#options.onUp();
  }

  #lost(reason: string): void {
    if (!this.isUp || this.#isStopped) return;
    this.#setDown(reason);
    this.#options.observer.emit('sink-disconnected', { reason });
    this.#options.onDown();
    void this.#disconnect().then(() => this.#retryLater());
  }

  #retryLater(): void {
    if (this.#isStopped) return;
    const { sink, clock, random } = this.#options;
    const waitMs = backoffMs(this.#failures++, sink.pacing.reconnectMinMs, sink.pacing.reconnectMaxMs, random);
    this.#timer = clock.after(waitMs, () => void this.#connect());
  }

  #setDown(reason: string): void {
    this.#state = { state: 'down', reason, since: this.#options.clock.now() };
  }

  #disconnect(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(DISCONNECT_MS, resolve);
      const done = () => {
        timer.cancel();
        resolve();
      };
      this.#options.sink.disconnect().then(done, done);
    });
  }
}
