import { Worker } from 'node:worker_threads';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { CommittedEvent, StoredEvent } from '../../ports/journal.ts';
import { packBatch, type SentLists } from './event-batch.ts';
import type { ServiceLimits } from './limits.ts';
import { type FromWorker, fromWire, type ToWorker, type WorkerService, type WorkerSettings } from './messages.ts';

/** Why a worker ended, and which of its services was at work then; null when that cannot be told. */
export interface WorkerEnd {
  readonly error: HeadgateError;
  readonly service: string | null;
  /** The event that it was handling; 0: none. */
  readonly sequence: number;
}

export interface WorkerOptions {
  readonly services: readonly WorkerService[];
  readonly gatewayName: string;
  readonly journalId: string;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly limits: ServiceLimits;
  readonly onMessage: (message: FromWorker) => void;
  /** Called once, unless `end` was called before. */
  readonly onEnd: (end: WorkerEnd) => void;
}

interface PendingQuery {
  readonly service: string;
  readonly query: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Of a replay there is none: each handler has its own deadline, and a worker that hangs is ended. */
  readonly timer: Timer | null;
}

const ENTRY = new URL(`../service-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** One worker thread with its services: messages, heartbeat, queries, and the reason when it ends. */
export class WorkerHandle {
  readonly #options: WorkerOptions;
  readonly #worker: Worker;
  readonly #marker = new Float64Array(new SharedArrayBuffer(16));
  readonly #sentLists: SentLists = new Set();
  readonly #queries = new Map<number, PendingQuery>();
  #nextId = 1;
  /** Heartbeats since its last word. Counted, not timed: a stall of this thread must not look like one of the worker's. */
  #missed = 0;
  #hasAnswered = false;
  #heartbeat: Timer;
  #isEnded = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    const { limits, clock } = options;
    const settings: WorkerSettings = {
      services: options.services,
      gatewayName: options.gatewayName,
      journalId: options.journalId,
      stateDir: options.stateDir,
      handlerMs: limits.handlerMs,
      stopMs: limits.stopMs,
      marker: this.#marker,
    };
    this.#worker = new Worker(ENTRY, {
      workerData: settings,
      name: options.services.map(({ name }) => name).join(','),
      resourceLimits: {
        maxOldGenerationSizeMb: limits.maxOldSpaceMb,
        maxYoungGenerationSizeMb: limits.maxYoungMb,
      },
    });
    this.#worker.on('message', (message: FromWorker) => this.#receive(message));
    this.#worker.on('error', (error: unknown) => this.#ended(this.#reasonOf(error)));
    this.#worker.on('exit', (code) => this.#ended(this.#crashed(`its thread ended with code ${code}`)));
    this.#heartbeat = clock.after(limits.heartbeatMs, () => this.#beat());
  }

  post(message: ToWorker): void {
    if (!this.#isEnded) this.#worker.postMessage(message);
  }

  /** One message, one copy, one transfer. */
  sendEvents(events: readonly (StoredEvent | CommittedEvent)[], feeds: readonly number[]): void {
    if (this.#isEnded) return;
    const batch = packBatch(this.#nextId++, events, feeds, this.#sentLists);
    this.#worker.postMessage({ kind: 'events', batch } satisfies ToWorker, [batch.table.buffer, batch.bytes.buffer]);
  }

  /** @throws SERVICE_QUERY_TIMEOUT, SERVICE_BUSY, SERVICE_NOT_RUNNING, SERVICE_QUERY_UNKNOWN, SERVICE_QUERY_FAILED */
  query(service: string, query: string, argument: unknown): Promise<unknown> {
    const { limits, clock } = this.#options;
    if (this.#queries.size >= limits.queriesPending) {
      return Promise.reject(new HeadgateError('SERVICE_BUSY', { service, pending: this.#queries.size }));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = clock.after(limits.queryMs, () => {
        this.#queries.delete(id);
        reject(new HeadgateError('SERVICE_QUERY_TIMEOUT', { service, query, timeoutMs: limits.queryMs }));
      });
      this.#queries.set(id, { service, query, resolve, reject, timer });
      this.post({ kind: 'query', id, service, query, argument });
    });
  }

  /**
   * Give events to a service's durable handlers once more; resolves with a ReplayedPage when they have returned.
   * @throws SERVICE_NOT_RUNNING it is not, or its worker ended meanwhile
   */
  replay(service: string, events: readonly StoredEvent[], run: string, isKept: boolean): Promise<unknown> {
    if (this.#isEnded) return Promise.reject(new HeadgateError('SERVICE_NOT_RUNNING', { service, state: 'stopped' }));
    const id = this.#nextId++;
    const batch = packBatch(this.#nextId++, events, [], this.#sentLists);
    return new Promise((resolve, reject) => {
      this.#queries.set(id, { service, query: 'replay', resolve, reject, timer: null });
      const message: ToWorker = { kind: 'replay', id, service, run, isKept, batch };
      this.#worker.postMessage(message, [batch.table.buffer, batch.bytes.buffer]);
    });
  }

  /** End the thread without a report; resolves when it has ended. */
  async end(): Promise<void> {
    this.#close('stopped');
    await this.#worker.terminate();
  }

  #receive(message: FromWorker): void {
    if (this.#isEnded) return;
    this.#missed = 0;
    if (message.kind === 'pong') this.#hasAnswered = true;
    if (message.kind === 'answer' || message.kind === 'no-answer') {
      const pending = this.#queries.get(message.id);
      if (pending === undefined) return;
      this.#queries.delete(message.id);
      pending.timer?.cancel();
      const { service, query } = pending;
      if (message.kind === 'answer') pending.resolve(message.value);
      else pending.reject(fromWire(message.error, 'SERVICE_QUERY_FAILED', { service, query }));
      return;
    }
    this.#options.onMessage(message);
  }

  #beat(): void {
    const { clock, limits } = this.#options;
    const allowedMs = this.#hasAnswered ? limits.hangMs : limits.startMs;
    if (this.#missed * limits.heartbeatMs > allowedMs) {
      const service = this.#atWork()?.name ?? this.#names();
      this.#ended(new HeadgateError('SERVICE_HUNG', { service, timeoutMs: allowedMs }));
      void this.#worker.terminate();
      return;
    }
    this.#missed++;
    this.post({ kind: 'ping' });
    this.#heartbeat = clock.after(limits.heartbeatMs, () => this.#beat());
  }

  #ended(error: HeadgateError): void {
    if (this.#isEnded) return;
    const service =
      this.#atWork()?.name ?? (this.#options.services.length === 1 ? this.#options.services[0]?.name : null);
    const sequence = service === null ? 0 : (this.#marker[1] ?? 0);
    this.#close('restarting');
    this.#options.onEnd({ error, service: service ?? null, sequence: this.#marker[0] === 0 ? 0 : sequence });
  }

  #close(state: string): void {
    this.#isEnded = true;
    this.#heartbeat.cancel();
    for (const { service, reject, timer } of this.#queries.values()) {
      timer?.cancel();
      reject(new HeadgateError('SERVICE_NOT_RUNNING', { service, state }));
    }
    this.#queries.clear();
  }

  #atWork(): WorkerService | undefined {
    return this.#options.services[(this.#marker[0] ?? 0) - 1];
  }

  #names(): string {
    return this.#options.services.map(({ name }) => name).join(', ');
  }

  #crashed(reason: string, cause?: unknown): HeadgateError {
    return new HeadgateError('SERVICE_CRASHED', { service: this.#atWork()?.name ?? this.#names(), reason }, cause);
  }

  #reasonOf(error: unknown): HeadgateError {
    const isMemory = error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY';
    if (!isMemory) return this.#crashed(messageOf(error), error);
    const service = this.#atWork()?.name ?? this.#names();
    return new HeadgateError('SERVICE_OUT_OF_MEMORY', { service, limitMb: this.#options.limits.maxOldSpaceMb }, error);
  }
}
