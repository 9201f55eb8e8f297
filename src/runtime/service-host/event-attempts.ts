import { messageOf } from '../../errors/headgate-error.ts';
import type { HeadgateEvent } from '../../model/event.ts';
import { decodeEvent } from '../../model/event-codec.ts';
import type { Observer } from '../../observe/observer.ts';
import { systemClock } from '../../ports/system-clock.ts';
import type { Effects } from './effects.ts';
import type { DeliveredEvent } from './event-batch.ts';
import type { FeedMode } from './messages.ts';
import type { Handler, Subscriptions } from './subscriptions.ts';
import type { Tally } from './tally.ts';

/** Attempts at an event of a durable feed before it is set aside. */
const ATTEMPTS = 3;
const RETRY_MS = 200;

/** An event with its decoded form, shared by all runners of the worker. */
export interface Delivered extends DeliveredEvent {
  decoded?: HeadgateEvent;
}

export interface AttemptsOptions {
  readonly effects: Effects;
  readonly subscriptions: Subscriptions;
  readonly tally: Tally;
  readonly observer: Observer;
  readonly journalId: string;
  /** Sequences that are passed over. */
  readonly skip: ReadonlySet<number>;
  /** Of the runner: no attempt begins while it stops, no effect is kept after its end. */
  readonly isRunning: () => boolean;
  readonly hasEnded: () => boolean;
  /** Told of each event that needs no further attempt. */
  readonly done: (event: { readonly sequence: number }, mode: FeedMode) => void;
}

/** Gives an event to the handlers of a service: the effects of all are kept, or none; a durable one is tried again, then set aside. */
export class EventAttempts {
  readonly #options: AttemptsOptions;
  #seen: number;

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.#seen = options.effects.inbox;
  }

  /** Highest sequence that was seen here; what is published comes after it. */
  get seen(): number {
    return this.#seen;
  }

  /** Null when done at once, without a promise; else whether it was done before the runner had to end. */
  handle(stored: Delivered, mode: FeedMode): Promise<boolean> | null {
    const { effects, subscriptions, tally, skip, done } = this.#options;
    if (mode === 'durable' && stored.sequence <= effects.inbox) return null;
    this.#seen = Math.max(this.#seen, stored.sequence);
    const event = skip.has(stored.sequence) ? null : this.decode(stored);
    const handlers = event === null ? [] : subscriptions.handlersOf(event, mode);
    if (event === null || handlers.length === 0) {
      done(stored, mode);
      return null;
    }
    effects.begin(stored.sequence);
    try {
      for (let i = 0; i < handlers.length; i++) {
        const result = handlers[i]?.(event);
        if (result instanceof Promise) return this.#finish(result, i + 1, event, handlers, mode);
      }
    } catch (error) {
      return this.#finish(Promise.reject(error), handlers.length, event, handlers, mode);
    }
    effects.keep();
    tally.handled++;
    done(stored, mode);
    return null;
  }

  /** The event, decoded once for all; null, and said, if that is not possible. */
  decode(stored: Delivered): HeadgateEvent | null {
    try {
      stored.decoded ??= decodeEvent(stored, this.#options.journalId);
      return stored.decoded;
    } catch (error) {
      this.#options.tally.failed(error);
      this.#options.observer.emit('service-event-set-aside', { sequence: stored.sequence, reason: messageOf(error) });
      return null;
    }
  }

  /** Await the first handler that is not done at once, then the rest; repeat all if one fails. */
  async #finish(
    first: Promise<void>,
    next: number,
    event: HeadgateEvent,
    handlers: readonly Handler[],
    mode: FeedMode,
  ): Promise<boolean> {
    const { observer, effects, tally, isRunning, hasEnded, done } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        if (attempt === 1) await first;
        for (const handler of handlers.slice(attempt === 1 ? next : 0)) await handler(event);
        if (hasEnded()) return false;
        effects.keep();
        tally.handled++;
        break;
      } catch (error) {
        if (hasEnded()) return false;
        effects.discard();
        tally.failed(error);
        observer.emit('service-handler-failed', { type: event.type, reason: messageOf(error), attempt });
        if (mode === 'live') break;
        if (attempt === ATTEMPTS) {
          observer.emit('service-event-set-aside', { id: event.id, type: event.type, reason: messageOf(error) });
          break;
        }
        await new Promise<void>((resolve) => systemClock.after(RETRY_MS * attempt, resolve));
        if (!isRunning()) return false;
        effects.begin(event.sequence);
      }
    }
    done(event, mode);
    return true;
  }
}
