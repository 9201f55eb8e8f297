import { HeadgateError } from '../../errors/headgate-error.ts';
import { type HeadgateEvent, isTelemetry } from '../../model/event.ts';
import { isTopicFilter, topicOf } from '../../model/topic.ts';
import type { ServiceManifest } from '../../ports/service.ts';
import { covers, takes } from './interest.ts';
import type { FeedMode, SubscriptionFilter } from './messages.ts';

const CACHE_LIMIT = 10_000;

export type Handler = (event: HeadgateEvent) => void | Promise<void>;

interface Subscription extends SubscriptionFilter {
  readonly handler: Handler;
}

/** What a service subscribed to, and which of its handlers take an event. */
export class Subscriptions {
  readonly #manifest: ServiceManifest;
  readonly #source: string;
  readonly #all: Subscription[] = [];
  readonly #handlers = new Map<string, readonly Handler[]>();

  /** @param source of the service's own events, which come back to it only where it asks for them by name */
  constructor(manifest: ServiceManifest, source: string) {
    this.#manifest = manifest;
    this.#source = source;
  }

  get filters(): readonly SubscriptionFilter[] {
    return this.#all.map(({ filter, mode }) => ({ filter, mode }));
  }

  /** @throws SERVICE_FILTER_REFUSED */
  add(filter: string, mode: FeedMode, handler: Handler): void {
    const { consumes, name: service } = this.#manifest;
    if (!isTopicFilter(filter)) {
      throw new HeadgateError('SERVICE_FILTER_REFUSED', { service, filter, reason: 'not a legal topic filter' });
    }
    if (!consumes.some((declared) => covers(declared, filter))) {
      const reason = `\`consumes\` has ${consumes.join(', ') || 'nothing'}`;
      throw new HeadgateError('SERVICE_FILTER_REFUSED', { service, filter, reason });
    }
    this.#all.push({ filter, mode, handler });
  }

  /** The handlers for an event, in the order of their subscriptions. */
  handlersOf(event: HeadgateEvent, mode: FeedMode): readonly Handler[] {
    const key = `${mode} ${isTelemetry(event) ? event.data.list.id : `${event.subject} ${event.type} ${event.source}`}`;
    let handlers = this.#handlers.get(key);
    if (handlers === undefined) {
      const topic = topicOf(event);
      const isOwn = event.source === this.#source;
      handlers = this.#all
        .filter((one) => one.mode === mode && takes(one.filter, topic, isOwn))
        .map(({ handler }) => handler);
      if (this.#handlers.size >= CACHE_LIMIT) this.#handlers.clear();
      this.#handlers.set(key, handlers);
    }
    return handlers;
  }
}
