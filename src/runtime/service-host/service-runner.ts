import { join } from 'node:path';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Observer } from '../../observe/observer.ts';
import type { ServiceContext, ServiceEvent, ServiceModule } from '../../ports/service.ts';
import { systemClock } from '../../ports/system-clock.ts';
import { Effects } from './effects.ts';
import { type Delivered, EventAttempts } from './event-attempts.ts';
import type { DeliveredEvent } from './event-batch.ts';
import {
  type FeedMode,
  type FromWorker,
  feedIndex,
  type RunnerStats,
  toWire,
  type WorkerSettings,
} from './messages.ts';
import { Publisher } from './publisher.ts';
import { type ReplayPage, ReplayQueue } from './replay-queue.ts';
import { Rhythm } from './rhythm.ts';
import { StateStore } from './state-store.ts';
import { Subscriptions } from './subscriptions.ts';
import { Tally } from './tally.ts';
import type { WorkMarker } from './work-marker.ts';

/** How long the runner keeps the thread before it lets heartbeats and neighbours in. */
const SLICE_MS = 20;
/** A transaction collects the work of at most this time, or this much. */
const COMMIT_MS = 100;
const COMMIT_BYTES = 4_194_304;
/** Published and not yet accepted; handlers wait beyond it. */
const OUTBOX_LIMIT = 5_000;

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
  /** Sequences that are passed over. */
  readonly skip: ReadonlySet<number>;
  readonly settings: WorkerSettings;
  /** Of the worker. */
  readonly marker: WorkMarker;
  readonly observer: Observer;
  readonly post: (message: FromWorker) => void;
}

/**
 * Runs one service in its worker: one thing at a time (a query, a periodic task or an event), the effects of many in one
 * transaction with the inbox position, acknowledged after the commit.
 */
export class ServiceRunner {
  readonly #options: RunnerOptions;
  readonly #publisher: Publisher;
  readonly #subscriptions: Subscriptions;
  readonly #effects: Effects;
  readonly #queries = new Map<string, (argument: unknown) => unknown>();
  readonly #urgent: (() => Promise<void>)[] = [];
  readonly #deliveries: Delivery[] = [];
  readonly #replays: ReplayQueue;
  readonly #tally = new Tally();
  readonly #attempts: EventAttempts;
  readonly #rhythms: Rhythm[] = [];
  /** Batches handled since the last commit, by feed. */
  readonly #acks: Record<FeedMode, number> = { live: 0, durable: 0 };
  #phase: 'new' | 'starting' | 'running' | 'stopping' | 'ended' = 'new';
  #commitBy = 0;
  #sliceEnd = 0;
  #wake: (() => void) | null = null;
  #loop: Promise<void> = Promise.resolve();

  /** Opens the service's store. */
  constructor(options: RunnerOptions) {
    const { name, module, settings, observer } = options;
    const source = `/headgate/${settings.gatewayName}/${name}`;
    this.#options = options;
    this.#publisher = new Publisher(module.manifest, source);
    this.#subscriptions = new Subscriptions(module.manifest, source);
    const path = join(settings.stateDir, `${name}.db`);
    const store = StateStore.open(path, settings.journalId, systemClock.now(), (reason, keptAs) =>
      observer.emit('service-state-damaged', { reason, keptAs }),
    );
    this.#effects = new Effects(name, store, options.marker, options.position);
    this.#attempts = new EventAttempts({
      effects: this.#effects,
      subscriptions: this.#subscriptions,
      tally: this.#tally,
      observer,
      journalId: settings.journalId,
      skip: options.skip,
      isRunning: () => this.#phase === 'running',
      hasEnded: () => this.#hasEnded(),
      done: (event, mode) => this.#done(event, mode),
    });
    this.#replays = new ReplayQueue({
      effects: this.#effects,
      decode: (stored) => this.#attempts.decode({ ...stored, feeds: 0 }),
      handlersOf: (event) => this.#subscriptions.handlersOf(event, 'durable'),
      commit: () => this.#commit(),
    });
  }

  /** Start the service and begin; tells the host. Throws what the service throws. */
  async start(): Promise<void> {
    const { name, module, post, config } = this.#options;
    const { inbox, waiting } = this.#effects;
    post({ kind: 'opened', service: name, inbox, outbox: waiting });
    this.#phase = 'starting';
    await this.#effects.task(() => module.start(this.#context()));
    this.#commit();
    this.#phase = 'running';
    post({
      kind: 'started',
      service: name,
      version: module.manifest.version,
      subscriptions: this.#subscriptions.filters,
      narrowing: module.filtersFor?.(config) ?? null,
    });
    this.#loop = this.#run().catch((error: unknown) => this.#fail(error));
  }

  /** Take the events of a batch that are for this service. */
  deliver(events: readonly DeliveredEvent[]): void {
    if (this.#phase !== 'running') return;
    for (const mode of ['live', 'durable'] as const) {
      const bit = 1 << feedIndex(this.#options.position, mode);
      const wanted = events.filter((event) => (event.feeds & bit) !== 0);
      if (wanted.length > 0) this.#deliveries.push({ mode, events: wanted, next: 0 });
    }
    this.#wakeUp();
  }

  /** Handle stored events once more, behind all that comes regularly. */
  replay(page: ReplayPage): void {
    if (this.#phase === 'running') this.#replays.add(page);
    else page.refuse();
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
        await this.#effects.task(async () => reply(await handler(argument)));
      } catch (error) {
        refuse(new HeadgateError('SERVICE_QUERY_FAILED', { service, query, reason: messageOf(error) }, error));
      }
    });
    this.#wakeUp();
  }

  /** The journal accepted the outbox up to this number. */
  accepted(through: number): void {
    this.#effects.accepted(through);
    this.#wakeUp();
  }

  stats(): RunnerStats {
    return this.#tally.stats();
  }

  /** Give the service up when one handler has not settled within its deadline; called with each heartbeat. */
  checkProgress(): void {
    const { name, settings, marker, position } = this.#options;
    const work = marker.workOf(position);
    if (work === null || performance.now() - work.since < settings.handlerMs) return;
    this.#fail(new HeadgateError('SERVICE_HUNG', { service: name, timeoutMs: settings.handlerMs }));
  }

  /** End after the handler that runs: let the service save, commit, hand over what it published, close. */
  async stop(): Promise<void> {
    if (this.#phase === 'running') {
      this.#phase = 'stopping';
      this.#wakeUp();
      await this.#loop;
      await this.#effects
        .task(() => this.#options.module.stop?.())
        .catch((error: unknown) => this.#tally.failed(error));
      this.#commit();
      await this.#effects.drained(this.#options.settings.stopMs / 4);
      this.#commit();
    }
    this.#end();
  }

  /** Forget the service at once, without a last commit. */
  drop(): void {
    this.#end();
  }

  #context(): ServiceContext {
    const { name: service, config, observer } = this.#options;
    return {
      config,
      clock: systemClock,
      observer,
      state: this.#effects.state,
      subscribe: (filter, mode, handler) => {
        if (this.#phase !== 'starting') {
          const reason = 'subscriptions are made in start()';
          throw new HeadgateError('SERVICE_FILTER_REFUSED', { service, filter, reason });
        }
        this.#subscriptions.add(filter, mode, handler);
      },
      publish: (event) => this.#publish(event),
      every: (periodMs, task) => this.#every(periodMs, task),
      answer: (query, handler) => {
        this.#queries.set(query, handler);
      },
    };
  }

  async #publish(event: ServiceEvent): Promise<void> {
    try {
      const accepted = this.#effects.publish((number) =>
        this.#publisher.prepare(event, number, this.#attempts.seen, systemClock.now()),
      );
      this.#wakeUp();
      await accepted;
    } catch (error) {
      this.#options.observer.emit('service-event-refused', { reason: messageOf(error) });
      this.#tally.failed(error);
      throw error;
    }
  }

  #every(periodMs: number, task: () => void | Promise<void>): void {
    const rhythm = new Rhythm(systemClock, periodMs, () => {
      this.#urgent.push(async () => {
        try {
          await this.#effects.task(task);
        } catch (error) {
          this.#tally.failed(error);
          this.#options.observer.emit('service-handler-failed', { reason: messageOf(error), attempt: 1 });
        }
        if (this.#phase === 'running') rhythm.next();
      });
      this.#wakeUp();
    });
    rhythm.next();
    this.#rhythms.push(rhythm);
  }

  async #run(): Promise<void> {
    while (this.#phase === 'running') {
      this.#sliceEnd = performance.now() + SLICE_MS;
      const task = this.#urgent.shift();
      if (task !== undefined) {
        await task();
      } else if (this.#hasWork()) {
        if (this.#deliveries.length > 0) await this.#someEvents();
        // One for each slice of what comes regularly: so both go on.
        if (!this.#replays.isEmpty && !this.#hasEnded()) await this.#replays.step();
      } else {
        this.#commit();
        await this.#sleep();
        continue;
      }
      const now = performance.now();
      if (now >= this.#commitBy || this.#effects.state.pendingBytes > COMMIT_BYTES) this.#commit();
      if (now >= this.#sliceEnd) await new Promise((resolve) => setImmediate(resolve));
    }
    this.#commit();
  }

  #hasWork(): boolean {
    return (this.#deliveries.length > 0 || !this.#replays.isEmpty) && this.#effects.unaccepted < OUTBOX_LIMIT;
  }

  /** Handle events of the first delivery until it ends, the slice ends or something urgent waits. */
  async #someEvents(): Promise<void> {
    const delivery = this.#deliveries[0];
    if (delivery === undefined) return;
    do {
      const stored = delivery.events[delivery.next];
      if (stored === undefined) break;
      const pending = this.#attempts.handle(stored, delivery.mode);
      if (pending !== null && !(await pending)) return;
      delivery.next++;
    } while (performance.now() < this.#sliceEnd && this.#urgent.length === 0 && this.#phase === 'running');
    if (delivery.next < delivery.events.length) return;
    this.#deliveries.shift();
    this.#acks[delivery.mode]++;
  }

  #done({ sequence }: { readonly sequence: number }, mode: FeedMode): void {
    if (mode === 'durable') this.#effects.inbox = sequence;
    if (this.#commitBy === 0) this.#commitBy = performance.now() + COMMIT_MS;
  }

  /** Make what is done durable, then hand over what was published and acknowledge. */
  #commit(): void {
    const { post, name, position } = this.#options;
    const rows = this.#effects.commit();
    this.#commitBy = 0;
    if (rows.length > 0) {
      this.#tally.published += rows.length;
      post({ kind: 'publish', service: name, rows });
    }
    for (const mode of ['live', 'durable'] as const) {
      if (this.#acks[mode] > 0) post({ kind: 'handled', feed: feedIndex(position, mode), batches: this.#acks[mode] });
      this.#acks[mode] = 0;
    }
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

  #fail(error: unknown): void {
    if (this.#hasEnded()) return;
    const { post, name, marker, position } = this.#options;
    const sequence = marker.workOf(position)?.sequence ?? 0;
    this.#end();
    post({ kind: 'service-failed', service: name, error: toWire(error), sequence });
  }

  #hasEnded(): boolean {
    return this.#phase === 'ended';
  }

  #end(): void {
    this.#phase = 'ended';
    this.#replays.abandon();
    for (const rhythm of this.#rhythms) rhythm.cancel();
    this.#wakeUp();
    this.#effects.close();
  }
}
