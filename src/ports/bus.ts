import type { HeadgateEvent } from '../model/event.ts';

/** The in-process side of the local broker: committed events only. */
export interface BusSubscription {
  /** MQTT topic filters (topic.ts). */
  readonly filters: readonly string[];
  /** Called in sequence order with the events of one commit that match; must not throw or block. */
  deliver(events: readonly HeadgateEvent[]): void;
}

export interface Bus {
  /** Returns the unsubscribe. */
  subscribe(subscription: BusSubscription): () => void;
}
