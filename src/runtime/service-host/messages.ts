import { ERROR_CATALOGUE, type ErrorCode } from '../../errors/catalogue.ts';
import { type ErrorContext, HeadgateError, isHeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Lane } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { Fields } from '../../observe/observer.ts';
import type { EventBatch } from './event-batch.ts';

/** `live`: what comes now; `durable`: from the cursor, at least once. */
export type FeedMode = 'live' | 'durable';

/** Place of a feed in a worker's bit masks: two for each of its services. */
export function feedIndex(servicePosition: number, mode: FeedMode): number {
  return servicePosition * 2 + (mode === 'durable' ? 1 : 0);
}

/** A service as its worker starts it. */
export interface WorkerService {
  readonly name: string;
  readonly config: unknown;
  /** File of a user's service; null: built in. */
  readonly module: string | null;
  /** Sequences that ended the worker repeatedly and are passed over. */
  readonly skip: readonly number[];
}

export interface WorkerSettings {
  readonly services: readonly WorkerService[];
  readonly gatewayName: string;
  readonly journalId: string;
  /** Folder of the state databases. */
  readonly stateDir: string;
  readonly handlerMs: Millis;
  readonly stopMs: Millis;
  /** [position of the service that runs + 1, sequence of the event it handles]; read after the worker died. */
  readonly marker: Float64Array<SharedArrayBuffer>;
}

/** A published event in the service's outbox: encoded, numbered, and the journal's sequence that it surely comes after. */
export interface OutboxRow {
  readonly number: number;
  readonly after: number;
  readonly lane: Lane;
  readonly bytes: Uint8Array;
}

export interface SubscriptionFilter {
  readonly filter: string;
  readonly mode: FeedMode;
}

/** Figures of one service, counted since its worker started. */
export interface RunnerStats {
  readonly handled: number;
  readonly published: number;
  readonly errors: number;
  readonly lastError: string | null;
}

/** An error on its way between threads. */
export interface WireError {
  readonly code: ErrorCode | null;
  readonly context: ErrorContext;
  readonly message: string;
}

export type ToWorker =
  | { readonly kind: 'events'; readonly batch: EventBatch }
  | { readonly kind: 'ping' }
  | {
      readonly kind: 'query';
      readonly id: number;
      readonly service: string;
      readonly query: string;
      readonly argument: unknown;
    }
  | {
      readonly kind: 'replay';
      readonly id: number;
      readonly service: string;
      readonly run: string;
      /** Keep what the handlers do; else it is discarded. */
      readonly isKept: boolean;
      readonly batch: EventBatch;
    }
  | { readonly kind: 'accepted'; readonly service: string; readonly through: number }
  | { readonly kind: 'drop'; readonly service: string }
  | { readonly kind: 'stop' };

export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly service: string;
      /** Last handled sequence of this journal; 0: none. */
      readonly inbox: number;
      readonly outbox: readonly OutboxRow[];
    }
  | {
      readonly kind: 'started';
      readonly service: string;
      readonly version: string;
      readonly subscriptions: readonly SubscriptionFilter[];
      /** Filters for its configuration; null: all that the subscriptions match. */
      readonly narrowing: readonly string[] | null;
    }
  | {
      readonly kind: 'service-failed';
      readonly service: string;
      readonly error: WireError;
      /** The event that it was handling; 0: none. */
      readonly sequence: number;
    }
  | { readonly kind: 'handled'; readonly feed: number; readonly batches: number }
  | { readonly kind: 'publish'; readonly service: string; readonly rows: readonly OutboxRow[] }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'no-answer'; readonly id: number; readonly error: WireError }
  | {
      readonly kind: 'pong';
      readonly heapMb: number;
      readonly stats: Readonly<Record<string, RunnerStats>>;
    }
  | {
      readonly kind: 'emit';
      readonly service: string;
      readonly name: string;
      readonly fields: Fields;
      readonly count: number;
    }
  | { readonly kind: 'stopped'; readonly service: string };

/** Anything thrown, in a form that can be posted. */
export function toWire(error: unknown): WireError {
  return isHeadgateError(error)
    ? { code: error.code, context: error.context, message: error.message }
    : { code: null, context: {}, message: messageOf(error) };
}

/** The posted error again; one without a code becomes `fallback` with its text as reason. */
export function fromWire(wire: WireError, fallback: ErrorCode, context: ErrorContext): HeadgateError {
  return wire.code !== null && wire.code in ERROR_CATALOGUE
    ? new HeadgateError(wire.code, wire.context)
    : new HeadgateError(fallback, { ...context, reason: wire.message });
}
