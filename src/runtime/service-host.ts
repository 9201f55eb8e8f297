import { join } from 'node:path';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { INTERNAL_EVENTS, type InternalEventName } from '../observe/internal-events.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import type { ReplayedPage, ReplayTarget } from './replay/replay-run.ts';
import { hostedServices } from './service-host/hosted-services.ts';
import { SERVICE_LIMITS, type ServiceLimits } from './service-host/limits.ts';
import { type FromWorker, fromWire } from './service-host/messages.ts';
import { Outlet } from './service-host/outlet.ts';
import { restartDelayMs } from './service-host/restart-delay.ts';
import { ServiceSlot, type ServiceStatus } from './service-host/service-slot.ts';
import { SERVICES_PER_WORKER, WorkerGroup } from './service-host/worker-group.ts';
import { type WorkerEnd, WorkerHandle } from './service-host/worker-handle.ts';

export interface ServiceHostOptions {
  /** As the configuration has them; `custom` stands for the services of its `modules`. */
  readonly services: readonly { readonly name: string; readonly config: unknown }[];
  readonly journal: Journal;
  readonly gatewayName: string;
  /** `gateway.data_dir`: state goes to `services/<name>.db` below it. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly limits?: Partial<ServiceLimits>;
}

/** Runs the services in worker threads. Owned by the gateway: start once, stop once. */
export interface ServiceHost {
  /** Begin; never waits for a service and never fails because of one. */
  start(): Promise<void>;
  /** Let each service save and end it, all at once; within the stop limit (2 s) whatever they do. */
  stop(): Promise<void>;
  list(): readonly ServiceStatus[];
  /**
   * Ask a service; the answer is JSON.
   * @throws SERVICE_UNKNOWN, SERVICE_NOT_RUNNING, SERVICE_QUERY_UNKNOWN, SERVICE_QUERY_FAILED, SERVICE_QUERY_TIMEOUT, SERVICE_BUSY
   */
  query(service: string, query: string, argument?: unknown): Promise<unknown>;
  /**
   * The way of a replay to a service's durable handlers, behind all that comes regularly.
   * @param isKept keep what the handlers set and publish, once more; else they run and their effects are discarded
   * @throws SERVICE_UNKNOWN
   */
  replayTarget(service: string, isKept: boolean): ReplayTarget;
  /** Stop a service's worker cleanly and start it again. @throws SERVICE_UNKNOWN */
  restart(name: string): Promise<void>;
}

/** Events that a worker is given at once in a replay. */
const REPLAY_PAGE = { maxEvents: 100, maxBytes: 1_048_576 };

/** @throws SERVICE_UNKNOWN a name that is neither built in nor `custom` */
export function createServiceHost(options: ServiceHostOptions): ServiceHost {
  return new Host(options);
}

class Host implements ServiceHost {
  readonly #options: ServiceHostOptions;
  readonly #limits: ServiceLimits;
  readonly #slots: readonly ServiceSlot[];
  readonly #groups = new Set<WorkerGroup>();
  readonly #timers = new Set<Timer>();
  readonly #stopWaiters = new Map<ServiceSlot, () => void>();
  #unsubscribe: (() => void) | null = null;
  #isStopping = false;
  #unattributed = 0;

  constructor(options: ServiceHostOptions) {
    this.#options = options;
    this.#limits = { ...SERVICE_LIMITS, ...options.limits };
    this.#slots = hostedServices(options.services).map((service) => {
      const observer = options.observer.with({ service: service.name });
      return new ServiceSlot({
        service,
        source: `/headgate/${options.gatewayName}/${service.name}`,
        journal: options.journal,
        limits: this.#limits,
        now: () => options.clock.now(),
        onDrop: (count) => observer.emit('service-events-dropped', {}, count),
        onBehind: () => observer.emit('service-fell-behind'),
        onReadError: (error) => observer.emit('service-read-retried', { reason: messageOf(error) }),
        later: (callback) => this.#after(this.#limits.backoffMs, callback),
      });
    });
  }

  start(): Promise<void> {
    this.#unsubscribe = this.#options.journal.onCommit((events) => {
      const through = events.at(-1)?.sequence;
      if (through === undefined) return;
      for (const group of this.#groups) group.deliver(events, through);
      for (const slot of this.#slots) if (slot.state !== 'running') slot.missed(events);
    });
    const shared = this.#slots.filter((slot) => !slot.isIsolated);
    for (let i = 0; i < shared.length; i += SERVICES_PER_WORKER) this.#launch(shared.slice(i, i + SERVICES_PER_WORKER));
    for (const slot of this.#slots) if (slot.isIsolated) this.#launch([slot]);
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    for (const timer of this.#timers) timer.cancel();
    await Promise.all([...this.#groups].map((group) => this.#stopGroup(group)));
    this.#unsubscribe?.();
    for (const slot of this.#slots) slot.enter('stopped');
  }

  list(): readonly ServiceStatus[] {
    return this.#slots.map((slot) => slot.status());
  }

  async query(service: string, query: string, argument?: unknown): Promise<unknown> {
    const slot = this.#slotOf(service);
    const group = this.#groupOf(slot);
    if (group === undefined || slot.state !== 'running') {
      throw new HeadgateError('SERVICE_NOT_RUNNING', { service, state: slot.state });
    }
    return group.handle.query(service, query, argument);
  }

  replayTarget(service: string, isKept: boolean): ReplayTarget {
    const slot = this.#slotOf(service);
    return {
      page: REPLAY_PAGE,
      deliver: (events, run) => {
        const group = this.#groupOf(slot);
        if (group === undefined || slot.state !== 'running') {
          return Promise.reject(new HeadgateError('SERVICE_NOT_RUNNING', { service, state: slot.state }));
        }
        return group.handle.replay(service, events, run, isKept) as Promise<ReplayedPage>;
      },
    };
  }

  async restart(name: string): Promise<void> {
    const slot = this.#slotOf(name);
    const group = this.#groupOf(slot);
    if (this.#isStopping) return;
    slot.crashes = 0;
    if (group === undefined) {
      if (slot.state !== 'starting') this.#launch([slot]);
      return;
    }
    const slots = [...group.slots];
    await this.#stopGroup(group);
    if (!this.#isStopping) this.#launch(slots);
  }

  #launch(slots: readonly ServiceSlot[]): void {
    const waiting = slots.filter((slot) => this.#groupOf(slot) === undefined);
    if (waiting.length === 0 || this.#isStopping) return;
    for (const slot of waiting) slot.enter('starting');
    const { gatewayName, journal, dataDir, clock } = this.#options;
    const handle = new WorkerHandle({
      services: waiting.map(({ service, skip }) => ({
        name: service.name,
        config: service.config,
        module: service.module,
        skip,
      })),
      gatewayName,
      journalId: journal.journalId,
      stateDir: join(dataDir, 'services'),
      clock,
      limits: this.#limits,
      onMessage: (message) => this.#receive(group, message),
      onEnd: (end) => this.#groupEnded(group, end),
    });
    const group = new WorkerGroup(waiting, handle);
    this.#groups.add(group);
  }

  #receive(group: WorkerGroup, message: FromWorker): void {
    if (message.kind === 'handled') {
      group.handled(message.feed, message.batches);
      return;
    }
    if (message.kind === 'pong') {
      for (const slot of group.slots) {
        const stats = message.stats[slot.service.name];
        if (stats !== undefined) slot.count(stats, message.heapMb);
      }
      return;
    }
    if (!('service' in message)) return;
    const slot = group.slots.find((one) => one.service.name === message.service);
    if (slot === undefined) return;
    switch (message.kind) {
      case 'opened':
        this.#opened(group, slot, message);
        break;
      case 'started':
        this.#started(group, slot, message);
        break;
      case 'publish':
        slot.outlet?.add(message.rows);
        break;
      case 'emit':
        if (Object.hasOwn(INTERNAL_EVENTS, message.name)) {
          const observer = this.#options.observer.with({ service: message.service });
          observer.emit(message.name as InternalEventName, message.fields, message.count);
        }
        break;
      case 'stopped':
        this.#stopWaiters.get(slot)?.();
        break;
      case 'service-failed':
        this.#serviceFailed(group, slot, message);
        break;
    }
  }

  #opened(group: WorkerGroup, slot: ServiceSlot, message: FromWorker & { readonly kind: 'opened' }): void {
    const { journal, clock, random, observer } = this.#options;
    const { service, inbox, outbox } = message;
    const previous = slot.outlet;
    slot.inbox = inbox;
    slot.outlet = new Outlet({
      journal,
      clock,
      random,
      observer: observer.with({ service }),
      onAccepted: (through) => group.handle.post({ kind: 'accepted', service, through }),
    });
    void slot.outlet.recover(outbox, previous);
  }

  #started(group: WorkerGroup, slot: ServiceSlot, message: FromWorker & { readonly kind: 'started' }): void {
    slot.subscribed(message.version, message.subscriptions, message.narrowing);
    slot.enter('running');
    void group.open(slot);
    this.#options.observer.emit('service-started', { service: message.service, version: message.version });
    const { crashes } = slot;
    if (crashes === 0) return;
    this.#after(this.#limits.stableMs, () => {
      if (slot.state === 'running' && slot.crashes === crashes) slot.crashes = 0;
    });
  }

  /** One service gave up; its worker lives. */
  #serviceFailed(
    group: WorkerGroup,
    slot: ServiceSlot,
    message: FromWorker & { readonly kind: 'service-failed' },
  ): void {
    const error = fromWire(message.error, 'SERVICE_CRASHED', { service: message.service });
    const isAlone = group.slots.length === 1;
    group.handle.post({ kind: 'drop', service: slot.service.name });
    group.remove(slot);
    if (isAlone) {
      this.#groups.delete(group);
      void group.handle.end();
    }
    this.#stopWaiters.get(slot)?.();
    this.#blame(slot, error, message.sequence);
  }

  /** A whole worker ended. */
  #groupEnded(group: WorkerGroup, end: WorkerEnd): void {
    this.#groups.delete(group);
    const blamed = group.slots.find((slot) => slot.service.name === end.service);
    const others = group.slots.filter((slot) => slot !== blamed);
    for (const slot of group.slots) this.#stopWaiters.get(slot)?.();
    if (blamed !== undefined) {
      this.#blame(blamed, end.error, end.sequence);
    } else if (++this.#unattributed > 1) {
      for (const slot of others) this.#blame(slot, end.error, 0);
      return;
    }
    if (others.length === 0) return;
    for (const slot of others) slot.leave('restarting', end.error.message);
    this.#after(this.#limits.backoffMs * this.#options.random(), () => this.#launch(others));
  }

  /** Start a service again alone, after its backoff. */
  #blame(slot: ServiceSlot, error: HeadgateError, sequence: number): void {
    const service = slot.service.name;
    const { observer, random } = this.#options;
    if (slot.diedOn(sequence)) {
      observer.emit('service-event-set-aside', { service, sequence, reason: error.message });
    }
    slot.crashes = error.retry === 'never' ? Math.max(slot.crashes + 1, this.#limits.crashesToFail) : slot.crashes + 1;
    const hasFailed = slot.crashes >= this.#limits.crashesToFail;
    slot.leave(this.#isStopping ? 'stopped' : hasFailed ? 'failed' : 'restarting', error.message);
    if (this.#isStopping) return;
    const delayMs = Math.round(restartDelayMs(slot.crashes, this.#limits, random));
    observer.emit(hasFailed ? 'service-failed' : 'service-restarting', {
      service,
      reason: error.message,
      code: error.code,
      delayMs,
    });
    if (!slot.isIsolated) {
      slot.isIsolated = true;
      observer.emit('service-isolated', { service });
    }
    this.#after(delayMs, () => {
      if (slot.state === 'restarting' || slot.state === 'failed') this.#launch([slot]);
    });
  }

  async #stopGroup(group: WorkerGroup): Promise<void> {
    const slots = [...group.slots];
    let timer: Timer | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = this.#options.clock.after(this.#limits.stopMs, () => resolve('late'));
    });
    const stopped = slots.map(async (slot) => {
      const done = new Promise<'stopped'>((resolve) => this.#stopWaiters.set(slot, () => resolve('stopped')));
      const service = slot.service.name;
      const outcome = await Promise.race([done, late]);
      this.#stopWaiters.delete(slot);
      const { observer } = this.#options;
      observer.emit(outcome === 'late' ? 'service-stop-overrun' : 'service-stopped', { service });
    });
    group.handle.post({ kind: 'stop' });
    await Promise.all(stopped);
    timer?.cancel();
    this.#groups.delete(group);
    for (const slot of slots) slot.leave('stopped', null);
    await group.handle.end();
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      if (!this.#isStopping) callback();
    });
    this.#timers.add(timer);
  }

  #groupOf(slot: ServiceSlot): WorkerGroup | undefined {
    return [...this.#groups].find((group) => group.slots.includes(slot));
  }

  #slotOf(service: string): ServiceSlot {
    const slot = this.#slots.find((one) => one.service.name === service);
    if (slot === undefined) throw new HeadgateError('SERVICE_UNKNOWN', { service });
    return slot;
  }
}
