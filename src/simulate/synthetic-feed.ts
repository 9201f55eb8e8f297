import type {
  DataChangeNotification,
  MonitoredItem,
  NotificationMessage,
  ServerSession,
  Subscription,
} from 'node-opcua';
import type { EpochMs, Millis } from '../model/time.ts';
import { writeDataChanges } from './data-change-block.ts';

/** Blocks that wait for a client that does not ask for them; the oldest goes when there are more. */
const MAX_WAITING_BLOCKS = 64;

/** What the feed needs of a server's values. */
export interface FeedSource {
  /** Position of the value behind a node id as text; -1: not one of these. */
  positionOf(nodeId: string): number;
  /** Make the value of a moment, later than the one before. */
  next(position: number, time: EpochMs): number;
  now(): EpochMs;
  /** Said when a client was too slow. */
  dropped(count: number): void;
}

/** Inner methods of node-opcua 2.186's subscription and monitored item that the feed stands in for. */
interface SubscriptionInside {
  discardOldSentNotifications(): void;
  _popNotificationToSend(): NotificationMessage;
}
interface ItemInside {
  _set_timer(): void;
}

/** Items that are sampled together. */
interface Sampling {
  readonly intervalMs: Millis;
  readonly queueSize: number;
  /** When they are sampled next: multiples of the interval, so out of step with the publishing. */
  dueAt: EpochMs;
  /** Client handle and position by item id. */
  readonly items: Map<number, { readonly handle: number; readonly position: number }>;
}

/**
 * Lets the subscriptions of a session carry made-up values at a small part of node-opcua's cost: its own sampling of each item
 * is left out, and just before each publishing the values of the sampling times that have passed go into one block of bytes
 * (measured in README.md), as many of each item as its queue holds. Sessions, subscriptions, acknowledgements and keep-alives stay node-opcua's.
 */
export function feedSession(opcua: typeof import('node-opcua'), session: ServerSession, source: FeedSource): void {
  session.on('new_subscription', (subscription: Subscription) => feedSubscription(opcua, subscription, source));
}

function feedSubscription(opcua: typeof import('node-opcua'), subscription: Subscription, source: FeedSource): void {
  const inside = subscription as unknown as SubscriptionInside;
  const samplings = new Map<string, Sampling>();
  const blocks: DataChangeNotification[] = [];

  subscription.on('monitoredItem', (item: MonitoredItem, { nodeId }: { nodeId: { toString(): string } }) => {
    const position = source.positionOf(nodeId.toString());
    if (position < 0) return;
    const { monitoredItemId: id, clientHandle: handle, samplingInterval, queueSize } = item;
    const intervalMs = samplingInterval > 0 ? samplingInterval : subscription.publishingInterval;
    const key = `${intervalMs} ${queueSize}`;
    let sampling = samplings.get(key);
    if (sampling === undefined) {
      const dueAt = Math.ceil(source.now() / intervalMs) * intervalMs;
      sampling = { intervalMs, queueSize, dueAt, items: new Map() };
      samplings.set(key, sampling);
    }
    sampling.items.set(id, { handle, position });
    (item as unknown as ItemInside)._set_timer = () => undefined;
  });
  subscription.on('removeMonitoredItem', (item: MonitoredItem) => {
    for (const { items } of samplings.values()) items.delete(item.monitoredItemId);
  });

  const makeBlocks = () => {
    if (!subscription.publishingEnabled) return;
    const now = source.now();
    // First values are node-opcua's own, and go before the blocks: no sample may be older than what went before it.
    if (subscription.hasUncollectedMonitoredItemNotifications) {
      subscription._harvestMonitoredItems();
      for (const sampling of samplings.values()) {
        sampling.dueAt = Math.max(sampling.dueAt, (Math.floor(now / sampling.intervalMs) + 1) * sampling.intervalMs);
      }
    }
    const most = subscription.maxNotificationsPerPublish;
    const handles: number[] = [];
    const values: number[] = [];
    const times: EpochMs[] = [];
    for (const sampling of samplings.values()) {
      for (const time of samplingTimes(sampling, now)) {
        for (const { handle, position } of sampling.items.values()) {
          handles.push(handle);
          values.push(source.next(position, time));
          times.push(time);
        }
      }
    }
    for (let from = 0; from < handles.length; from += most) {
      const body = writeDataChanges({ handles, values, times }, from, Math.min(handles.length, from + most));
      const block = new opcua.DataChangeNotification({ monitoredItems: [] });
      block.encode = (stream) => stream.writeArrayBuffer(body, 0, body.byteLength);
      blocks.push(block);
    }
    while (blocks.length > MAX_WAITING_BLOCKS) {
      blocks.shift();
      source.dropped(Math.min(most, handles.length));
    }
  };

  // Every publishing cycle begins with this.
  const discard = inside.discardOldSentNotifications.bind(subscription);
  inside.discardOldSentNotifications = () => {
    discard();
    makeBlocks();
  };
  Object.defineProperty(subscription, 'hasPendingNotifications', {
    get: () => blocks.length > 0 || subscription.pendingNotificationsCount > 0,
  });
  const pop = inside._popNotificationToSend.bind(subscription);
  inside._popNotificationToSend = () => {
    const block = subscription.pendingNotificationsCount > 0 ? undefined : blocks.shift();
    if (block === undefined) return pop();
    return new opcua.NotificationMessage({
      sequenceNumber: 0xffffffff,
      publishTime: new Date(),
      notificationData: [block],
    });
  };
}

/** The sampling times that have passed, the latest that a queue holds. */
function samplingTimes(sampling: Sampling, now: EpochMs): EpochMs[] {
  const { intervalMs, queueSize } = sampling;
  const passed = Math.floor((now - sampling.dueAt) / intervalMs) + 1;
  if (passed < 1) return [];
  const last = sampling.dueAt + (passed - 1) * intervalMs;
  sampling.dueAt = last + intervalMs;
  const kept = Math.min(passed, queueSize);
  return Array.from({ length: kept }, (_, index) => last - (kept - 1 - index) * intervalMs);
}
