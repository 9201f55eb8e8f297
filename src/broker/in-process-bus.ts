import { messageOf } from '../errors/headgate-error.ts';
import type { HeadgateEvent } from '../model/event.ts';
import type { Observer } from '../observe/observer.ts';
import type { Bus, BusSubscription } from '../ports/bus.ts';
import { FilterIndex } from './filter-index.ts';

interface Subscriber {
  readonly subscription: BusSubscription;
  /** Matching events of the commit at hand. */
  batch: HeadgateEvent[];
}

/** The bus inside the gateway: hands the events of each commit to those whose filters match. */
export class InProcessBus implements Bus {
  readonly #index = new FilterIndex<Subscriber>();
  readonly #observer: Observer;
  #touched: Subscriber[] = [];

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  subscribe(subscription: BusSubscription): () => void {
    const subscriber: Subscriber = { subscription, batch: [] };
    for (const filter of subscription.filters) this.#index.add(subscriber, filter);
    return () => {
      for (const filter of subscription.filters) this.#index.remove(subscriber, filter);
    };
  }

  /** Take one event of a commit; handed over by `flush`. */
  push(topic: string, event: HeadgateEvent): void {
    for (const subscriber of this.#index.match(topic)) {
      if (subscriber.batch.push(event) === 1) this.#touched.push(subscriber);
    }
  }

  /** The commit is complete. One subscriber that throws keeps nothing from the others. */
  flush(): void {
    const touched = this.#touched;
    this.#touched = [];
    for (const subscriber of touched) {
      const events = subscriber.batch;
      subscriber.batch = [];
      try {
        subscriber.subscription.deliver(events);
      } catch (error) {
        this.#observer.emit('bus-subscriber-failed', { problem: messageOf(error) }, events.length);
      }
    }
  }
}
