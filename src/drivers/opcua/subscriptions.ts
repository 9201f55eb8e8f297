import type { PublishResponse } from 'node-opcua-client';
import { HeadgateError } from '../../errors/headgate-error.ts';
import { severityOf, statusName } from '../../model/quality.ts';
import type { Millis } from '../../model/time.ts';
import type { Timer } from '../../ports/clock.ts';
import type { DriverContext } from '../../ports/driver.ts';
import { Burst } from './burst.ts';
import type { OpcuaSettings } from './config.ts';
import { serviceStatusOf } from './failures.ts';
import type { Intake } from './intake.ts';
import { dataChangesOf, type OpcuaLibrary } from './library.ts';
import { Liveness, livenessLimits } from './liveness.ts';
import { isResolved, type MonitoredItem, type ResolvedNode, type Session, type Unresolved } from './session.ts';
import type { TagTable } from './tag-table.ts';

/** Handle of the heartbeat item; a tag's is its slot + 1. */
const HEARTBEAT_HANDLE = 0;
const HEARTBEAT_MS = 1_000;
const MIN_PUBLISHING_MS = 50;
const LIFETIME_MS = 60_000;
const MIN_PUBLISH_REQUESTS = 3;
/** Enough that a report in several messages does not wait for the round trip after each; that many only for servers that send so. */
const MAX_BURST_REQUESTS = 20;
const MAX_PUBLISH_REQUESTS = 100;
const BAD_TOO_MANY_PUBLISH_REQUESTS = 0x80780000;

export interface ScanParts {
  readonly library: OpcuaLibrary;
  readonly settings: OpcuaSettings;
  readonly context: DriverContext;
  readonly table: TagTable;
  readonly intake: Intake;
  readonly session: Session;
  /** Called when the connection has to be rebuilt. */
  readonly onDead: (error: HeadgateError) => void;
}

interface Subscription {
  readonly id: number;
  readonly periodMs: Millis;
  readonly slots: readonly number[];
  readonly liveness: Liveness;
  /** Sequence number of the next notification; null before the first. */
  nextSequence: number | null;
}

/**
 * One subscription for each period, with a heartbeat item in each, and a publish loop of our own: a notification finds its tag by its
 * handle, without an object or listener for every item.
 */
export class Subscriptions {
  readonly #parts: ScanParts;
  readonly #subscriptions = new Map<number, Subscription>();
  readonly #refused = new Set<number>();
  readonly #timers = new Set<Timer>();
  readonly #burst: Burst;
  #acknowledgements: { subscriptionId: number; sequenceNumber: number }[] = [];
  #publishing = 0;
  #wantedPublishing = 0;
  /** What the server has shown to take. */
  #mostPublishing = MAX_PUBLISH_REQUESTS;
  #publishTimeoutMs: Millis = LIFETIME_MS;
  #isResyncing = false;
  #isStopped = false;

  constructor(parts: ScanParts) {
    this.#parts = parts;
    this.#burst = new Burst(parts.context.clock, () => parts.intake.flush());
  }

  /** Create everything on the server; a tag that it refuses is named and left out. */
  async start(): Promise<void> {
    const { table, settings, context } = this.#parts;
    const byPeriod = table.slotsByPeriod();
    const fastestMs = Math.min(...byPeriod.keys());
    for (const [periodMs, slots] of byPeriod) await this.#create(periodMs, slots);
    // Slow groups alone would let a dead server go unnoticed for minutes.
    if (!(fastestMs <= 2 * HEARTBEAT_MS)) await this.#create(HEARTBEAT_MS, []);
    this.#wantedPublishing = Math.min(
      Math.max(this.#subscriptions.size + 1, MIN_PUBLISH_REQUESTS),
      MAX_PUBLISH_REQUESTS,
    );
    this.#fillPublishing();
    await this.#monitorAll();
    for (const { liveness } of this.#subscriptions.values()) liveness.restart(context.clock.monotonic());
    this.#repeat(Math.min(500, settings.heartbeatTimeoutMs / 4), () => this.#checkLiveness());
    this.#repeat(settings.faultyTagRetryMs, () => this.#retryRefused());
  }

  /** In a method of its own, whose nodes nothing keeps afterwards. */
  async #monitorAll(): Promise<void> {
    const { table, session } = this.#parts;
    const nodes = await session.resolve(table.addresses);
    for (const subscription of this.#subscriptions.values()) {
      const intervalMs = Math.max(publishingIntervalOf(subscription.periodMs), HEARTBEAT_MS / 2);
      await session.monitorServerTime(subscription.id, HEARTBEAT_HANDLE, intervalMs);
      await this.#monitor(subscription, subscription.slots, (slot) => nodes[slot]);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#burst.stop();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  async #create(periodMs: Millis, slots: readonly number[]): Promise<void> {
    const { session, settings, context } = this.#parts;
    const requestedMs = publishingIntervalOf(periodMs);
    const keepAliveCount = Math.max(1, Math.floor(settings.heartbeatTimeoutMs / 2 / requestedMs));
    const created = await session.createSubscription({
      publishingMs: requestedMs,
      keepAliveCount,
      lifetimeCount: Math.max(Math.ceil(LIFETIME_MS / requestedMs), 3 * keepAliveCount, 10),
      maxNotifications: settings.maxNotificationsPerPublish,
    });
    const publishingMs = Math.max(created.revisedPublishingInterval, 1);
    const revisedCount = Math.max(created.revisedMaxKeepAliveCount, 1);
    const limits = livenessLimits(publishingMs, revisedCount, settings.heartbeatTimeoutMs);
    this.#publishTimeoutMs = Math.max(this.#publishTimeoutMs, 2 * limits.messageMs);
    this.#subscriptions.set(created.subscriptionId, {
      id: created.subscriptionId,
      periodMs,
      slots,
      liveness: new Liveness(limits, context.clock.monotonic()),
      nextSequence: null,
    });
  }

  async #monitor(
    subscription: Subscription,
    slots: readonly number[],
    nodeOf: (slot: number) => ResolvedNode | Unresolved | undefined,
  ): Promise<void> {
    const { session, settings, intake, context } = this.#parts;
    const items: MonitoredItem[] = [];
    for (const slot of slots) {
      const node = nodeOf(slot);
      if (node === undefined) continue;
      if (isResolved(node)) {
        intake.setElement(slot, node.element);
        items.push({ ...node, handle: slot + 1 });
      } else {
        intake.refuse(slot, node, { now: context.clock.now(), isRepeat: this.#refused.has(slot) });
        this.#refused.add(slot);
      }
    }
    const statuses = await session.createMonitoredItems(subscription.id, items, {
      intervalMs: subscription.periodMs * settings.samplingFactor,
      queueSize: settings.queueSize,
    });
    if (this.#isStopped) return;
    for (const [index, status] of statuses.entries()) {
      const slot = (items[index]?.handle ?? 0) - 1;
      if (severityOf(status) === 'bad') {
        const refusal = { status, reason: statusName(status) };
        intake.refuse(slot, refusal, { now: context.clock.now(), isRepeat: this.#refused.has(slot) });
        this.#refused.add(slot);
      } else this.#refused.delete(slot);
    }
    intake.flush();
  }

  #fillPublishing(): void {
    while (!this.#isStopped && this.#publishing < this.#wantedPublishing) {
      this.#publishing++;
      const acknowledgements = this.#acknowledgements;
      this.#acknowledgements = [];
      this.#parts.session.publish(acknowledgements, this.#publishTimeoutMs).then(
        (response) => {
          this.#publishing--;
          if (!this.#isStopped) this.#onPublished(response);
        },
        (error: unknown) => {
          this.#publishing--;
          if (!this.#isStopped) this.#onPublishFailed(error);
        },
      );
    }
  }

  #onPublishFailed(error: unknown): void {
    if (serviceStatusOf(error) === BAD_TOO_MANY_PUBLISH_REQUESTS && this.#wantedPublishing > 1) {
      this.#wantedPublishing = Math.max(1, Math.min(this.#wantedPublishing - 1, this.#publishing));
      this.#mostPublishing = this.#wantedPublishing;
      this.#fillPublishing();
      return;
    }
    this.#parts.onDead(this.#asError(error));
  }

  #onPublished(response: PublishResponse): void {
    const { library, settings, intake, context } = this.#parts;
    const subscription = this.#subscriptions.get(response.subscriptionId);
    const { sequenceNumber, notificationData } = response.notificationMessage;
    const hasMore = response.moreNotifications;
    if (hasMore) {
      const most = Math.min(this.#mostPublishing, Math.max(MAX_BURST_REQUESTS, this.#wantedPublishing));
      this.#wantedPublishing = Math.min(this.#wantedPublishing + 1, most);
    }
    const notifications = notificationData ?? [];
    if (notifications.length > 0) {
      this.#acknowledgements.push({ subscriptionId: response.subscriptionId, sequenceNumber });
    }
    this.#fillPublishing();
    if (subscription === undefined) return;
    const monotonic = context.clock.monotonic();
    const now = context.clock.now();
    subscription.liveness.noteMessage(monotonic);
    this.#followSequence(subscription, sequenceNumber, notifications.length > 0);
    for (const notification of notifications) {
      if (notification instanceof library.DataChangeNotification) {
        const changes = dataChangesOf(notification);
        if (changes === null) {
          this.#parts.onDead(
            new HeadgateError('OPCUA_LINK_LOST', { endpoint: settings.endpoint, reason: 'damaged notification' }),
          );
          return;
        }
        for (let position = 0; position < changes.count; position++) {
          const handle = changes.handles[position] as number;
          if (handle === HEARTBEAT_HANDLE) subscription.liveness.noteTick(monotonic);
          else intake.takeChange(handle - 1, changes, position, now);
        }
      } else if (notification instanceof library.StatusChangeNotification) {
        const status = notification.status.value >>> 0;
        if (severityOf(status) === 'bad') this.#silent(`subscription ended with ${statusName(status)}`);
      }
    }
    this.#burst.noteMessage(hasMore);
  }

  /** A gap in the sequence means lost notifications; a keep-alive names the next number. Source: OPC 10000-4 §5.14.1.1. */
  #followSequence(subscription: Subscription, sequence: number, isUsed: boolean): void {
    const expected = subscription.nextSequence;
    subscription.nextSequence = isUsed ? (sequence >= 0xffff_ffff ? 1 : sequence + 1) : sequence;
    if (expected === null || expected === sequence) return;
    this.#parts.context.observer.emit('opcua-notifications-lost', {
      endpoint: this.#parts.settings.endpoint,
      period_ms: subscription.periodMs,
    });
    this.#resync(subscription).catch((error: unknown) => this.#parts.onDead(this.#asError(error)));
  }

  /** Read what a lost notification may have said. */
  async #resync(subscription: Subscription): Promise<void> {
    if (this.#isResyncing) return;
    this.#isResyncing = true;
    try {
      const { session, table, intake, context } = this.#parts;
      const slots = subscription.slots.filter((slot) => !this.#refused.has(slot));
      const nodes = await session.resolve(
        slots.map((slot) => table.addresses[slot]).filter((one) => one !== undefined),
      );
      const known: { slot: number; node: ResolvedNode }[] = [];
      for (const [index, node] of nodes.entries()) {
        const slot = slots[index];
        if (slot !== undefined && isResolved(node)) known.push({ slot, node });
      }
      const values = await session.read(known.map(({ node }) => node));
      if (this.#isStopped) return;
      const now = context.clock.now();
      for (const [index, data] of values.entries()) intake.take(known[index]?.slot ?? -1, data, now);
      intake.flush();
    } finally {
      this.#isResyncing = false;
    }
  }

  async #retryRefused(): Promise<void> {
    if (this.#refused.size === 0) return;
    const { session, table } = this.#parts;
    for (const subscription of this.#subscriptions.values()) {
      const slots = subscription.slots.filter((slot) => this.#refused.has(slot));
      if (slots.length === 0) continue;
      const addresses = slots.map((slot) => table.addresses[slot]).filter((one) => one !== undefined);
      const nodes = await session.resolve(addresses);
      const nodeBySlot = new Map(slots.map((slot, index) => [slot, nodes[index]]));
      await this.#monitor(subscription, slots, (slot) => nodeBySlot.get(slot));
    }
  }

  #checkLiveness(): void {
    const now = this.#parts.context.clock.monotonic();
    for (const { liveness, periodMs } of this.#subscriptions.values()) {
      const silence = liveness.silence(now);
      if (silence === null) continue;
      this.#silent(`subscription of ${periodMs} ms: ${silence}`);
      return;
    }
  }

  #silent(reason: string): void {
    const { settings, context, onDead } = this.#parts;
    context.observer.emit('opcua-silent', { endpoint: settings.endpoint });
    onDead(new HeadgateError('OPCUA_SILENT', { endpoint: settings.endpoint, reason }));
  }

  #repeat(periodMs: Millis, task: () => void | Promise<void>): void {
    if (this.#isStopped) return;
    const timer = this.#parts.context.clock.after(periodMs, async () => {
      this.#timers.delete(timer);
      try {
        await task();
      } catch (error) {
        if (!this.#isStopped) this.#parts.onDead(this.#asError(error));
      }
      this.#repeat(periodMs, task);
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

/**
 * How often the server looks for news to send: a sample waits a twentieth of its period at most, since sampling and publishing run
 * out of step. Nothing is sent when there is none.
 */
function publishingIntervalOf(periodMs: Millis): Millis {
  return Math.min(periodMs, Math.max(MIN_PUBLISHING_MS, periodMs / 20));
}
