import type { EpochMs } from '../../model/time.ts';
import { telemetryTopic, topicOf } from '../../model/topic.ts';
import type { CommittedEvent, Journal, StoredEvent } from '../../ports/journal.ts';
import { DurableFeed } from './durable-feed.ts';
import { takes } from './interest.ts';
import type { ServiceLimits } from './limits.ts';
import { LiveFeed } from './live-feed.ts';
import type { FeedMode, RunnerStats, SubscriptionFilter } from './messages.ts';
import type { Outlet } from './outlet.ts';

export type ServiceState = 'starting' | 'running' | 'restarting' | 'failed' | 'stopped';

/** A service as the configuration names it. */
export interface HostedService {
  readonly name: string;
  readonly config: unknown;
  /** File of a user's service; null: built in. */
  readonly module: string | null;
  readonly isolation: 'shared' | 'own';
}

/** For `service list`. Counts are since the host started, over all restarts. */
export interface ServiceStatus {
  readonly name: string;
  /** Empty until it has started once. */
  readonly version: string;
  readonly state: ServiceState;
  readonly restarts: number;
  readonly lastError: string | null;
  readonly since: EpochMs;
  readonly handled: number;
  readonly published: number;
  readonly errors: number;
  /** Live events that it did not get because it lagged or was down. */
  readonly dropped: number;
  /** Committed and not handled yet, in events; for a durable service including those that it does not want. */
  readonly lag: number;
  /** Heap of its worker, which it may share. */
  readonly heapMb: number;
}

export interface SlotOptions {
  readonly service: HostedService;
  readonly source: string;
  readonly journal: Journal;
  readonly limits: ServiceLimits;
  readonly now: () => EpochMs;
  readonly onDrop: (count: number) => void;
  readonly onBehind: () => void;
  readonly onReadError: (error: unknown) => void;
  readonly later: (callback: () => void) => void;
}

const NO_STATS: RunnerStats = { handled: 0, published: 0, errors: 0, lastError: null };

/** The host's record of one service: what outlives its workers. */
export class ServiceSlot {
  readonly service: HostedService;
  readonly live: LiveFeed;
  readonly durable: DurableFeed;
  /** Crashes in a row, for the backoff. */
  crashes = 0;
  isIsolated: boolean;
  outlet: Outlet | null = null;
  inbox = 0;
  heapMb = 0;
  version = '';
  readonly #options: SlotOptions;
  readonly #crashesAt = new Map<number, number>();
  #subscriptions: readonly SubscriptionFilter[] = [];
  #narrowing: readonly string[] | null = null;
  #state: ServiceState = 'stopped';
  #since: EpochMs;
  #restarts = 0;
  #dropped = 0;
  #lastError: string | null = null;
  #before = NO_STATS;
  #current = NO_STATS;

  constructor(options: SlotOptions) {
    this.#options = options;
    this.service = options.service;
    this.isIsolated = options.service.isolation === 'own';
    this.#since = options.now();
    const { journal, limits, onBehind, onReadError, later } = options;
    this.live = new LiveFeed(limits, (count) => {
      this.#dropped += count;
      options.onDrop(count);
    });
    this.durable = new DurableFeed({
      consumer: `service:${options.service.name}`,
      journal,
      limits,
      isWanted: (event) => this.#mayWant(event),
      onBehind,
      onReadError,
      later,
    });
  }

  get state(): ServiceState {
    return this.#state;
  }

  enter(state: ServiceState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#options.now();
  }

  /** Its worker is gone or going. */
  leave(state: ServiceState, error: string | null): void {
    this.live.close();
    this.durable.close();
    void this.outlet?.close();
    this.#before = this.#total();
    this.#current = NO_STATS;
    this.heapMb = 0;
    if (error !== null) {
      this.#lastError = error;
      this.#restarts++;
    }
    this.enter(state);
  }

  subscribed(version: string, subscriptions: readonly SubscriptionFilter[], narrowing: readonly string[] | null): void {
    this.version = version;
    this.#subscriptions = subscriptions;
    this.#narrowing = narrowing;
  }

  has(mode: FeedMode): boolean {
    return this.#subscriptions.some((one) => one.mode === mode);
  }

  /** Events of a commit that went by while it had no worker: what its live subscriptions would have got is dropped. */
  missed(events: readonly CommittedEvent[]): void {
    if (!this.has('live')) return;
    const count = events.filter((event) => this.wants('live', event)).length;
    if (count === 0) return;
    this.#dropped += count;
    this.#options.onDrop(count);
  }

  /** True when a feed wants a committed event. */
  wants(mode: FeedMode, event: CommittedEvent): boolean {
    return this.#wantsTopic(mode, topicOf(event.event), event.event.source === this.#options.source);
  }

  count(stats: RunnerStats, heapMb: number): void {
    this.#current = stats;
    this.heapMb = heapMb;
  }

  /** Remember that the worker died on an event; true when that event is to be passed over from now on. */
  diedOn(sequence: number): boolean {
    if (sequence === 0) return false;
    const times = (this.#crashesAt.get(sequence) ?? 0) + 1;
    this.#crashesAt.set(sequence, times);
    return times === this.#options.limits.crashesToSkip;
  }

  /** Events that are passed over. */
  get skip(): number[] {
    const { crashesToSkip } = this.#options.limits;
    return [...this.#crashesAt].filter(([, times]) => times >= crashesToSkip).map(([sequence]) => sequence);
  }

  status(): ServiceStatus {
    const total = this.#total();
    return {
      name: this.service.name,
      version: this.version,
      state: this.#state,
      restarts: this.#restarts,
      lastError: total.lastError ?? this.#lastError,
      since: this.#since,
      handled: total.handled,
      published: total.published,
      errors: total.errors,
      dropped: this.#dropped,
      lag: this.durable.lag + this.live.lag,
      heapMb: this.heapMb,
    };
  }

  #total(): RunnerStats {
    return {
      handled: this.#before.handled + this.#current.handled,
      published: this.#before.published + this.#current.published,
      errors: this.#before.errors + this.#current.errors,
      lastError: this.#current.lastError,
    };
  }

  #wantsTopic(mode: FeedMode, topic: string, isOwn: boolean): boolean {
    return (
      (this.#narrowing === null || this.#narrowing.some((filter) => takes(filter, topic, isOwn))) &&
      this.#subscriptions.some((one) => one.mode === mode && takes(one.filter, topic, isOwn))
    );
  }

  /** Of a page from the journal only telemetry can be judged without decoding; the worker judges the rest. */
  #mayWant(event: StoredEvent): boolean {
    if (event.list === null) return true;
    return this.#wantsTopic('durable', telemetryTopic(event.list.asset, event.list.group), false);
  }
}
