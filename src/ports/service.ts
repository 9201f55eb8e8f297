import type { TSchema } from 'typebox';
import type { AssetPath } from '../model/asset.ts';
import type { HeadgateEvent } from '../model/event.ts';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock } from './clock.ts';

/** What a service says of itself. */
export interface ServiceManifest {
  /** Topic segment, unique in the gateway: `equipment-state`. */
  readonly name: string;
  readonly version: string;
  readonly description: string;
  /** Topic filters that it may subscribe to; `{config}` filters are computed from the configuration by `filtersFor`. */
  readonly consumes: readonly string[];
  /** The event types it may publish, with the schema of their data; anything else is refused. */
  readonly produces: Readonly<Record<string, TSchema>>;
  readonly isolation: 'shared' | 'own';
}

/** What a service publishes: source and schema are added by the host; correlation and causation from `cause`. */
export interface ServiceEvent<D = unknown> {
  readonly type: string;
  readonly subject: AssetPath;
  readonly data: D;
  readonly time?: EpochMs;
  readonly lane?: Lane;
  readonly partitionkey?: string;
  /** The event that led to this one. */
  readonly cause?: HeadgateEvent;
}

/** A service's own durable key-value store: no other part reads it. Values are JSON-like, at most 1 MiB each. */
export interface ServiceState {
  get<T>(key: string): T | undefined;
  set(key: string, value: unknown): void;
  delete(key: string): void;
  keys(prefix?: string): readonly string[];
}

/** All that a service is handed. It cannot tell where it runs. */
export interface ServiceContext<C = unknown> {
  readonly config: C;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly state: ServiceState;
  /**
   * `live`: what is committed from now on. `durable`: from where this service's cursor stands, at least once; the cursor moves when
   * the handler returned (state changes made in the handler are committed together with it).
   * The handler may be async; calls never overlap within a service.
   */
  subscribe(filter: string, mode: 'live' | 'durable', handler: (event: HeadgateEvent) => void | Promise<void>): void;
  /**
   * Within a handler, a periodic task, an answer or start: resolves at once; the event is accepted exactly once, together with the
   * state changes, when that has returned, and neither happens if it throws. Elsewhere: resolves when the event is accepted.
   * @throws SERVICE_EVENT_REFUSED undeclared type, data that breaks its schema, a subject that is no asset, or more than 1 MiB
   */
  publish(event: ServiceEvent): Promise<void>;
  /** Call every `periodMs` until stop; calls never overlap with handlers. */
  every(periodMs: number, task: () => void | Promise<void>): void;
  /** What `headgate service …` and `health show` ask for; the answer must be JSON. */
  answer(query: string, handler: (argument: unknown) => unknown): void;
}

/** The default export of a service file. */
export interface ServiceModule<C = unknown> {
  readonly manifest: ServiceManifest;
  readonly configSchema: TSchema;
  /** The topic filters needed for this configuration, within `manifest.consumes`; saves the others the trip into the worker. */
  filtersFor?(config: C): readonly string[];
  start(context: ServiceContext<C>): void | Promise<void>;
  /** Save what must be kept; at most 2 s. */
  stop?(): void | Promise<void>;
}
