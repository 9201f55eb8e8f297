import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import { type HeadgateEvent, isTelemetry } from '../../model/event.ts';
import { decodeEvent } from '../../model/event-codec.ts';
import { isTopicFilter, topicOf } from '../../model/topic.ts';
import type { Observer } from '../../observe/observer.ts';
import type { ServiceContext, ServiceEvent, ServiceModule } from '../../ports/service.ts';
import { systemClock } from '../../ports/system-clock.ts';
import type { DeliveredEvent } from './event-batch.ts';
import { covers, takes } from './interest.ts';
import {
  type FeedMode,
  type FromWorker,
  feedIndex,
  type OutboxRow,
  type RunnerStats,
  toWire,
  type WorkerSettings,
} from './messages.ts';
import { Publisher } from './publisher.ts';
import { StateStore } from './state-store.ts';
import type { WorkMarker } from './work-marker.ts';
import { WorkingState } from './working-state.ts';

/** Attempts at an event of a durable feed before it is set aside. */
const ATTEMPTS = 3;
const RETRY_MS = 200;
/** How long the runner keeps the thread before it lets heartbeats and neighbours in. */
const SLICE_MS = 20;
/** A transaction collects the deliveries of at most this time, or this much. */
const COMMIT_MS = 100;
const COMMIT_BYTES = 4_194_304;
/** Published and not yet accepted; handlers wait beyond it. */
const OUTBOX_LIMIT = 5_000;
const MATCH_CACHE_LIMIT = 10_000;

interface Subscription {
  readonly filter: string;
  readonly mode: FeedMode;
  readonly handler: (event: HeadgateEvent) => void | Promise<void>;
}

/** An event with its decoded form, shared by all runners of the worker. */
export interface Delivered extends DeliveredEvent {
  decoded?: HeadgateEvent;
}

interface Delivery {
  readonly mode: FeedMode;
  readonly events: readonly Delivered[];
  next: number;
}

export interface RunnerOptions {
  readonly module: ServiceModule;
  readonly name: string;
  readonly config: unknown;
  /** Position among the services of this worker. */
  readonly position: number;
  readonly skip: ReadonlySet<number>;
  readonly settings: WorkerSettings;
  /** Of the worker. */
  readonly marker: WorkMarker;
  readonly observer: Observer;
  readonly post: (message: FromWorker) => void;
}

/**
 * Runs one service in its worker: one thing at a time (a query, a periodic task or an event), the effects of many in one
 * transaction with the inbox position, acknowledged after the commit. What is published goes through the outbox of the same transaction.
 */
export class ServiceRunner {
  readonly #options: RunnerOptions;
  readonly #publisher: Publisher;
  readonly #source: string;
  readonly #subscriptions: Subscription[] = [];
  readonly #matches = new Map<string, readonly Subscription[]>();
  readonly #queries = new Map<string, (argument: unknown) => unknown>();
  readonly #urgent: (() => void | Promise<void>)[] = [];
  readonly #deliveries: Delivery[] = [];
  readonly #periodic: { cancel(): void }[] = [];
  readonly #waiters: { readonly number: number; readonly resolve: () => void }[] = [];
  #store: StateStore | null = null;
  #state: WorkingState | null = null;
  #phase: 'new' | 'starting' | 'running' | 'stopping' | 'ended' = 'new';
  #inTask = false;
  #taskOutbox: OutboxRow[] = [];
  #outbox: OutboxRow[] = [];
  #nextNumber = 1;
  #accepted = 0;
  #settledInStore = 0;
  #inbox = 0;
  #seen = 0;
  #acks: [number, number] = [0, 0];
  #commitBy = 0;
  #sliceEnd = 0;
  #wake: (() => void) | null = null;
  #loop: Promise<void> = Promise.resolve();
  #busySince: number | null = null;
  #busyOn = 0;
  #handled = 0;
  #published = 0;
  #errors = 0;
  #lastError: string | null = null;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#source = `/headgate/${options.settings.gatewayName}/${options.name}`;
    this.#publisher = new Publisher(options.module.manifest, this.#source);
  }

  /** Open the store, start the service and begin; tells the host of both. Throws what the service throws. */
  async start(): Promise<void> {
    const { name, module, settings, observer, post, config } = this.#options;
    const store = StateStore.open(
      join(settings.stateDir, `${name}.db`),
      settings.journalId,
      systemClock.now(),
      (reason, keptAs) => observer.emit('service-state-damaged', { reason, keptAs }),
    );
    this.#store = store;
    this.#state = new WorkingState(name, store);
    const place = store.place();
    this.#inbox = place.inbox;
    this.#seen = place.inbox;
    this.#nextNumber = place.nextNumber;
    this.#accepted = (place.outbox[0]?.number ?? place.nextNumber) - 1;
    this.#settledInStore = this.#accepted;
    post({ kind: 'opened', service: name, inbox: place.inbox, outbox: place.outbox });
    this.#phase = 'starting';
    await this.#task(() => module.start(this.#context()), 0);
    this.#commit();
    this.#phase = 'running';
    post({
      kind: 'started',
      service: name,
      version: module.manifest.version,
      subscriptions: this.#subscriptions.map(({ filter, mode }) => ({ filter, mode })),
      narrowing: module.filtersFor?.(config) ?? null,
    });
    this.#loop = this.#run().catch((error: unknown) => this.#fail(error));
  }

  /** Take the events of a batch that are for this service. */
  deliver(events: readonly Delivered[]): void {
    if (this.#phase !== 'running') return;
    for (const mode of ['live', 'durable'] as const) {
      const bit = 1 << feedIndex(this.#options.position, mode);
      const wanted = events.filter((event) => (event.feeds & bit) !== 0);
      if (wanted.length > 0) this.#deliveries.push({ mode, events: wanted, next: 0 });
    }
    this.#wakeUp();
  }

  /** Answer a query between two handlers. */
  query(query: string, argument: unknown, reply: (value: unknown) => void, refuse: (error: unknown) => void): void {
    const service = this.#options.name;
    const handler = this.#queries.get(query);
    if (handler === undefined) {
      refuse(new HeadgateError('SERVICE_QUERY_UNKNOWN', { service, query }));
      return;
    }
    this.#urgent.push(async () => {
      try {
        await this.#task(async () => reply(await handler(argument)), 0);
      } catch (error) {
        refuse(new HeadgateError('SERVICE_QUERY_FAILED', { service, query, reason: messageOf(error) }, error));
      }
    });
    this.#wakeUp();
  }

  /** The journal accepted the outbox up to this number. */
  accepted(through: number): void {
    this.#accepted = Math.max(this.#accepted, through);
    while ((this.#waiters[0]?.number ?? Infinity) <= through) this.#waiters.shift()?.resolve();
    this.#wakeUp();
  }

  stats(): RunnerStats {
    return {
      handled: this.#handled,
      published: this.#published,
      errors: this.#errors,
      lastError: this.#lastError,
    };
  }

  /** Give the service up when one handler has not settled within its deadline; called with each heartbeat. */
  checkProgress(): void {
    const { name, settings } = this.#options;
    if (this.#busySince === null || performance.now() - this.#busySince < settings.handlerMs) return;
    this.#fail(new HeadgateError('SERVICE_HUNG', { service: name, timeoutMs: settings.handlerMs }));
  }

  /** End after the handler that runs: let the service save, commit, hand over what it published, close. */
  async stop(): Promise<void> {
    if (this.#phase === 'running') {
      this.#phase = 'stopping';
      this.#wakeUp();
      await this.#loop;
      await this.#task(() => this.#options.module.stop?.(), 0).catch((error: unknown) => this.#note(error));
      this.#commit();
      await this.#outboxDrained(this.#options.settings.stopMs / 4);
      this.#commit();
    }
    this.#end();
  }

  /** Forget the service at once, without a last commit. */
  drop(): void {
    this.#end();
  }

  #context(): ServiceContext {
    const { name, config, observer, module } = this.#options;
    const state = this.#state;
    if (state === null) throw new Error('the store is opened first');
    return {
      config,
      clock: systemClock,
      observer,
      state,
      subscribe: (filter, mode, handler) => {
        const refused = (reason: string) =>
          new HeadgateError('SERVICE_FILTER_REFUSED', { service: name, filter, reason });
        if (this.#phase !== 'starting') throw refused('subscriptions are made in start()');
        if (!isTopicFilter(filter)) throw refused('not a legal topic filter');
        if (!module.manifest.consumes.some((declared) => covers(declared, filter))) {
          throw refused(`\`consumes\` has ${module.manifest.consumes.join(', ') || 'nothing'}`);
        }
        this.#subscriptions.push({ filter, mode, handler });
      },
      publish: (event) => this.#publish(event),
      every: (periodMs, task) => this.#every(periodMs, task),
      answer: (query, handler) => {
        this.#queries.set(query, handler);
      },
    };
  }

  #publish(event: ServiceEvent): Promise<void> {
    const { observer } = this.#options;
    let row: OutboxRow;
    try {
      row = this.#publisher.prepare(event, this.#nextNumber, this.#seen, systemClock.now());
    } catch (error) {
      observer.emit('service-event-refused', { reason: messageOf(error) });
      this.#note(error);
      return Promise.reject(error);
    }
    this.#nextNumber++;
    if (this.#inTask) {
      this.#taskOutbox.push(row);
      return Promise.resolve();
    }
    this.#outbox.push(row);
    this.#wakeUp();
    return new Promise((resolve) => this.#waiters.push({ number: row.number, resolve }));
  }

  #every(periodMs: number, task: () => void | Promise<void>): void {
    let due = systemClock.monotonic() + periodMs;
    let timer = { cancel: () => {} };
    const arm = () => {
      timer = systemClock.after(Math.max(1, due - systemClock.monotonic()), () => {
        this.#urgent.push(async () => {
          try {
            await this.#task(task, 0);
          } catch (error) {
            this.#note(error);
            this.#options.observer.emit('service-handler-failed', { reason: messageOf(error), attempt: 1 });
          }
          due = Math.max(due + periodMs, systemClock.monotonic());
          if (this.#phase === 'running') arm();
        });
        this.#wakeUp();
      });
    };
    arm();
    this.#periodic.push({ cancel: () => timer.cancel() });
  }

  async #run(): Promise<void> {
    while (this.#phase === 'running') {
      this.#sliceEnd = performance.now() + SLICE_MS;
      const task = this.#urgent.shift();
      if (task !== undefined) {
        await task();
      } else if (this.#deliveries.length > 0 && this.#nextNumber - 1 - this.#accepted < OUTBOX_LIMIT) {
        await this.#someEvents();
      } else {
        this.#commit();
        await this.#sleep();
        continue;
      }
      if (performance.now() >= this.#commitBy || (this.#state?.pendingBytes ?? 0) > COMMIT_BYTES) this.#commit();
      if (performance.now() >= this.#sliceEnd) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#commit();
  }

  /** Handle events of the first delivery until it ends, the slice ends or something urgent waits. */
  async #someEvents(): Promise<void> {
    const delivery = this.#deliveries[0];
    if (delivery === undefined) return;
    do {
      const stored = delivery.events[delivery.next];
      if (stored === undefined) break;
      const pending = this.#handle(stored, delivery.mode);
      if (pending !== null && !(await pending)) return;
      delivery.next++;
    } while (performance.now() < this.#sliceEnd && this.#urgent.length === 0 && this.#phase === 'running');
    if (delivery.next >= delivery.events.length) {
      this.#deliveries.shift();
      this.#acks[delivery.mode === 'live' ? 0 : 1]++;
    }
  }

  /** Null when it is done at once: handlers that return nothing cost no promise. Else whether it was done before the runner had to end. */
  #handle(stored: Delivered, mode: FeedMode): Promise<boolean> | null {
    if (mode === 'durable' && stored.sequence <= this.#inbox) return null;
    this.#seen = Math.max(this.#seen, stored.sequence);
    const event = this.#decode(stored);
    if (event === null) {
      this.#done(stored, mode);
      return null;
    }
    const subscriptions = this.#matching(event, mode);
    if (subscriptions.length === 0 || this.#options.skip.has(stored.sequence)) {
      this.#done(stored, mode);
      return null;
    }
    this.#mark(stored.sequence);
    this.#inTask = true;
    try {
      for (let i = 0; i < subscriptions.length; i++) {
        const result = subscriptions[i]?.handler(event);
        if (result instanceof Promise) return this.#handleRest(result, subscriptions, i + 1, stored, mode);
      }
    } catch (error) {
      return this.#handleRest(Promise.reject(error), subscriptions, subscriptions.length, stored, mode);
    }
    this.#keep();
    this.#handled++;
    this.#done(stored, mode);
    return null;
  }

  async #handleRest(
    first: Promise<void>,
    subscriptions: readonly Subscription[],
    next: number,
    stored: Delivered,
    mode: FeedMode,
  ): Promise<boolean> {
    const event = stored.decoded;
    if (event === undefined) return false;
    let running: Promise<void> | undefined = first;
    let from = next;
    for (let attempt = 1; ; attempt++) {
      try {
        if (running !== undefined) await running;
        for (const { handler } of subscriptions.slice(from)) await handler(event);
        this.#keep();
        this.#handled++;
        break;
      } catch (error) {
        this.#discard();
        if (this.#phase === 'ended') return false;
        this.#note(error);
        const { observer } = this.#options;
        observer.emit('service-handler-failed', { type: event.type, reason: messageOf(error), attempt });
        if (mode === 'live') break;
        if (attempt === ATTEMPTS) {
          observer.emit('service-event-set-aside', { id: event.id, type: event.type, reason: messageOf(error) });
          break;
        }
        await new Promise<void>((resolve) => systemClock.after(RETRY_MS * attempt, resolve));
        if (this.#phase !== 'running') return false;
        running = undefined;
        from = 0;
        this.#mark(stored.sequence);
        this.#inTask = true;
      }
    }
    if (this.#phase === 'ended') return false;
    this.#done(stored, mode);
    return true;
  }

  #decode(stored: Delivered): HeadgateEvent | null {
    try {
      stored.decoded ??= decodeEvent(stored, this.#options.settings.journalId);
      return stored.decoded;
    } catch (error) {
      this.#note(error);
      this.#options.observer.emit('service-event-set-aside', { sequence: stored.sequence, reason: messageOf(error) });
      return null;
    }
  }

  #matching(event: HeadgateEvent, mode: FeedMode): readonly Subscription[] {
    const key = `${mode} ${isTelemetry(event) ? event.data.list.id : `${event.subject} ${event.type} ${event.source}`}`;
    let found = this.#matches.get(key);
    if (found === undefined) {
      const topic = topicOf(event);
      const isOwn = event.source === this.#source;
      found = this.#subscriptions.filter((one) => one.mode === mode && takes(one.filter, topic, isOwn));
      if (this.#matches.size >= MATCH_CACHE_LIMIT) this.#matches.clear();
      this.#matches.set(key, found);
    }
    return found;
  }

  /** Run a task of the service alone: its effects are kept if it succeeds, discarded if it throws. */
  async #task(task: () => void | Promise<void>, sequence: number): Promise<void> {
    this.#mark(sequence);
    this.#inTask = true;
    try {
      await task();
      this.#keep();
    } catch (error) {
      this.#discard();
      throw error;
    }
  }

  #mark(sequence: number): void {
    this.#options.marker.enter(this.#options.position, sequence);
    this.#busySince = performance.now();
    this.#busyOn = sequence;
  }

  #keep(): void {
    this.#inTask = false;
    this.#busySince = null;
    this.#options.marker.leave(this.#options.position);
    this.#state?.keep();
    if (this.#taskOutbox.length > 0) {
      this.#outbox.push(...this.#taskOutbox);
      this.#taskOutbox = [];
    }
  }

  #discard(): void {
    this.#inTask = false;
    this.#busySince = null;
    this.#options.marker.leave(this.#options.position);
    this.#state?.discard();
    const first = this.#taskOutbox[0];
    if (first === undefined) return;
    this.#nextNumber = first.number;
    this.#taskOutbox = [];
  }

  #done(stored: Delivered, mode: FeedMode): void {
    if (mode === 'durable') this.#inbox = stored.sequence;
    if (this.#commitBy === 0) this.#commitBy = performance.now() + COMMIT_MS;
  }

  /** Make what is done durable, then hand over what was published and acknowledge. Without effects there is nothing to write. */
  #commit(): void {
    const store = this.#store;
    const state = this.#state;
    if (store === null || state === null) return;
    const outbox = this.#outbox;
    const hasEffects = state.pending.size > 0 || outbox.length > 0;
    const isAcceptedBehind = this.#accepted > this.#settledInStore && this.#nextNumber - 1 === this.#accepted;
    if (hasEffects || isAcceptedBehind) {
      store.commit({
        writes: state.pending,
        inbox: this.#inbox,
        outbox,
        acceptedThrough: this.#accepted,
      });
      this.#settledInStore = this.#accepted;
      state.committed();
    }
    this.#commitBy = 0;
    const { post, name, position } = this.#options;
    if (outbox.length > 0) {
      this.#outbox = [];
      this.#published += outbox.length;
      post({ kind: 'publish', service: name, rows: outbox });
    }
    for (const [at, mode] of (['live', 'durable'] as const).entries()) {
      const batches = this.#acks[at] ?? 0;
      if (batches > 0) post({ kind: 'handled', feed: feedIndex(position, mode), batches });
    }
    this.#acks = [0, 0];
  }

  async #outboxDrained(withinMs: number): Promise<void> {
    if (this.#accepted >= this.#nextNumber - 1) return;
    const accepted = new Promise<void>((resolve) => this.#waiters.push({ number: this.#nextNumber - 1, resolve }));
    const late = new Promise<void>((resolve) => systemClock.after(withinMs, resolve));
    await Promise.race([accepted, late]);
  }

  #sleep(): Promise<void> {
    if (this.#phase !== 'running' || this.#urgent.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #note(error: unknown): void {
    this.#errors++;
    this.#lastError = messageOf(error);
  }

  #fail(error: unknown): void {
    if (this.#phase === 'ended') return;
    const { post, name } = this.#options;
    this.#end();
    const sequence = this.#busySince === null ? 0 : this.#busyOn;
    post({ kind: 'service-failed', service: name, error: toWire(error), sequence });
  }

  #end(): void {
    this.#phase = 'ended';
    this.#options.marker.leave(this.#options.position);
    for (const timer of this.#periodic) timer.cancel();
    this.#wakeUp();
    this.#store?.close();
    this.#store = null;
  }
}
