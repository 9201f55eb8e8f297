import type { ReadRequest } from 'node-opcua-client';
import { HeadgateError } from '../../errors/headgate-error.ts';
import type { ScanGroup } from '../../model/reading.ts';
import type { Millis } from '../../model/time.ts';
import type { Timer } from '../../ports/clock.ts';
import { chunksOf, isTooMuch } from './chunks.ts';
import { serviceStatusOf } from './failures.ts';
import { isRefusal } from './intake.ts';
import { isResolved, type ResolvedNode } from './session.ts';
import type { ScanParts } from './subscriptions.ts';

/** A prepared read of some slots. */
interface PreparedRead {
  readonly request: ReadRequest;
  readonly slots: readonly number[];
}

interface Scan {
  readonly group: ScanGroup;
  readonly slots: readonly number[];
  reads: readonly PreparedRead[] | null;
  dueAt: Millis;
}

/** Reads every group in its period, without drift; requests are built once and sent again and again. */
export class Poller {
  readonly #parts: ScanParts;
  readonly #scans: Scan[] = [];
  readonly #refused = new Set<number>();
  readonly #nodes = new Map<number, ResolvedNode>();
  readonly #timers = new Set<Timer>();
  readonly #scanMs = new Map<ScanGroup, Millis>();
  #chunkSize: number;
  #answeredAt: Millis;
  #reading = 0;
  #isStopped = false;

  constructor(parts: ScanParts) {
    this.#parts = parts;
    this.#chunkSize = parts.session.limits.perRead;
    this.#answeredAt = parts.context.clock.monotonic();
  }

  /** Resolve all addresses and begin. */
  async start(): Promise<void> {
    const { table, settings, context } = this.#parts;
    const all = table.tags.map((_tag, slot) => slot);
    await this.#resolve(all);
    if (this.#isStopped) return;
    const now = context.clock.monotonic();
    for (const [index, group] of table.groups.entries()) {
      const slots = all.filter((slot) => table.groupOf[slot] === index);
      const scan: Scan = { group, slots, reads: null, dueAt: now };
      this.#scans.push(scan);
      this.#after(0, () => this.#scan(scan));
    }
    this.#after(settings.heartbeatTimeoutMs / 4, () => this.#heartbeat());
    this.#after(settings.faultyTagRetryMs, () => this.#retryRefused());
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  /** Duration of the last complete scan of a group. */
  scanMs(group: ScanGroup): Millis | null {
    return this.#scanMs.get(group) ?? null;
  }

  async #resolve(slots: readonly number[]): Promise<void> {
    const { table, session, intake, context } = this.#parts;
    const addresses = slots.map((slot) => table.addresses[slot]).filter((one) => one !== undefined);
    const nodes = await session.resolve(addresses);
    if (this.#isStopped) return;
    for (const [index, node] of nodes.entries()) {
      const slot = slots[index] ?? 0;
      if (isResolved(node)) {
        intake.setElement(slot, node.element);
        this.#nodes.set(slot, node);
        this.#refused.delete(slot);
      } else {
        intake.refuse(slot, node, { now: context.clock.now(), isRepeat: this.#refused.has(slot) });
        this.#refused.add(slot);
      }
    }
    intake.flush();
  }

  async #scan(scan: Scan): Promise<void> {
    const { clock } = this.#parts.context;
    const begunAt = clock.monotonic();
    this.#reading++;
    try {
      await this.#read(scan);
    } finally {
      this.#reading--;
    }
    if (this.#isStopped) return;
    const now = clock.monotonic();
    this.#scanMs.set(scan.group, now - begunAt);
    scan.dueAt = this.#nextDue(scan, now);
    this.#after(Math.max(0, scan.dueAt - now), () => this.#scan(scan));
  }

  /** The next multiple of the period that is not past; what was missed is left out and counted. */
  #nextDue({ group, dueAt }: Scan, now: Millis): Millis {
    const missed = Math.max(0, Math.ceil((now - dueAt) / group.periodMs) - 1);
    if (missed > 0) {
      const fields = { device: group.device, period_ms: group.periodMs };
      this.#parts.context.observer.emit('opcua-scan-overrun', fields, missed);
    }
    return dueAt + (missed + 1) * group.periodMs;
  }

  async #read(scan: Scan): Promise<void> {
    const { session, intake, context } = this.#parts;
    scan.reads ??= this.#prepare(scan.slots);
    for (const { request, slots } of scan.reads) {
      try {
        const values = await session.perform(request);
        if (this.#isStopped) return;
        this.#answeredAt = context.clock.monotonic();
        const now = context.clock.now();
        for (let index = 0; index < slots.length; index++) {
          const slot = slots[index];
          const data = values[index];
          if (slot === undefined || data === undefined) continue;
          intake.take(slot, data, now);
          if (isRefusal(data.statusCode.value)) {
            this.#refused.add(slot);
            scan.reads = null;
          }
        }
      } catch (error) {
        if (!isTooMuch(serviceStatusOf(error)) || slots.length <= 1) throw error;
        this.#chunkSize = Math.ceil(slots.length / 2);
        for (const other of this.#scans) other.reads = null;
        break;
      }
    }
    intake.flush();
  }

  #prepare(slots: readonly number[]): PreparedRead[] {
    const good = slots.filter((slot) => !this.#refused.has(slot) && this.#nodes.has(slot));
    return chunksOf(good, this.#chunkSize).map((chunk) => ({
      slots: chunk,
      request: this.#parts.session.readRequest(
        chunk.map((slot) => this.#nodes.get(slot)).filter((node) => node !== undefined),
      ),
    }));
  }

  /** Slow groups alone would let a dead server go unnoticed for minutes. */
  async #heartbeat(): Promise<void> {
    const { session, settings, context } = this.#parts;
    const { heartbeatTimeoutMs } = settings;
    // A read under way has its own deadline, and may keep a small server from answering anything else.
    if (this.#reading === 0 && context.clock.monotonic() - this.#answeredAt >= heartbeatTimeoutMs / 2) {
      await session.ping(Math.min(heartbeatTimeoutMs / 2, settings.requestTimeoutMs));
      this.#answeredAt = context.clock.monotonic();
    }
    this.#after(heartbeatTimeoutMs / 4, () => this.#heartbeat());
  }

  async #retryRefused(): Promise<void> {
    const slots = [...this.#refused];
    if (slots.length > 0) {
      await this.#resolve(slots);
      for (const slot of slots) if (this.#nodes.has(slot)) this.#refused.delete(slot);
      for (const scan of this.#scans) scan.reads = null;
    }
    this.#after(this.#parts.settings.faultyTagRetryMs, () => this.#retryRefused());
  }

  #after(delayMs: Millis, task: () => Promise<void>): void {
    if (this.#isStopped) return;
    const timer = this.#parts.context.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      task().catch((error: unknown) => {
        if (!this.#isStopped) this.#parts.onDead(this.#asError(error));
      });
    });
    this.#timers.add(timer);
  }

  #asError(error: unknown): HeadgateError {
    if (error instanceof HeadgateError) return error;
    return new HeadgateError(
      'OPCUA_LINK_LOST',
      { endpoint: this.#parts.settings.endpoint, reason: String(error) },
      error,
    );
  }
}
