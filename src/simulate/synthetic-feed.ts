import type {
  DataChangeNotification,
  MonitoredItem,
  NotificationMessage,
  ServerSession,
  Subscription,
} from 'node-opcua';
import type { EpochMs } from '../model/time.ts';
import { writeDataChanges } from './data-change-block.ts';

/** Blocks that wait for a client that does not ask for them; the oldest goes when there are more. */
const MAX_WAITING_BLOCKS = 64;

/** What the feed needs of a server's values. */
export interface FeedSource {
  /** Position of the value behind a node id as text; -1: not one of these. */
  positionOf(nodeId: string): number;
  /** Make the next value. */
  next(position: number): number;
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

interface FedItem {
  readonly id: number;
  readonly handle: number;
  readonly position: number;
  readonly samplesPerTick: number;
}

/**
 * Lets the subscriptions of a session carry made-up values at a small part of node-opcua's cost: its own sampling of each item
 * is left out, and just before each publishing the new values of all items go into one block of bytes (measured in README.md).
 * Sessions, subscriptions, acknowledgements and keep-alives stay node-opcua's.
 */
export function feedSession(opcua: typeof import('node-opcua'), session: ServerSession, source: FeedSource): void {
  session.on('new_subscription', (subscription: Subscription) => feedSubscription(opcua, subscription, source));
}

function feedSubscription(opcua: typeof import('node-opcua'), subscription: Subscription, source: FeedSource): void {
  const inside = subscription as unknown as SubscriptionInside;
  const items = new Map<number, FedItem>();
  const blocks: DataChangeNotification[] = [];

  subscription.on('monitoredItem', (item: MonitoredItem, { nodeId }: { nodeId: { toString(): string } }) => {
    const position = source.positionOf(nodeId.toString());
    if (position < 0) return;
    const { monitoredItemId: id, clientHandle: handle, samplingInterval, queueSize } = item;
    const perTick = Math.floor(subscription.publishingInterval / Math.max(1, samplingInterval));
    items.set(id, { id, handle, position, samplesPerTick: Math.max(1, Math.min(queueSize, perTick)) });
    (item as unknown as ItemInside)._set_timer = () => undefined;
  });
  subscription.on('removeMonitoredItem', (item: MonitoredItem) => items.delete(item.monitoredItemId));

  const makeBlocks = () => {
    if (items.size === 0 || !subscription.publishingEnabled) return;
    // First values are node-opcua's own, and go before the blocks.
    if (subscription.hasUncollectedMonitoredItemNotifications) subscription._harvestMonitoredItems();
    const now = source.now();
    const most = subscription.maxNotificationsPerPublish;
    const handles: number[] = [];
    const values: number[] = [];
    const times: EpochMs[] = [];
    for (const { handle, position, samplesPerTick } of items.values()) {
      for (let sample = samplesPerTick - 1; sample >= 0; sample--) {
        handles.push(handle);
        values.push(source.next(position));
        times.push(now - (sample * subscription.publishingInterval) / samplesPerTick);
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
