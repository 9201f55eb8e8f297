import { messageOf } from '../../errors/headgate-error.ts';
import type { HeadgateEvent } from '../../model/event.ts';
import type { EventEnvelope } from '../../model/event-codec.ts';
import type { ReplayedPage } from '../replay/replay-run.ts';
import type { Effects } from './effects.ts';
import type { Handler } from './subscriptions.ts';

/** A page of events to be handled once more. */
export interface ReplayPage {
  readonly events: readonly EventEnvelope[];
  readonly run: string;
  /** Keep what the handlers do; else it is discarded. */
  readonly isKept: boolean;
  /** Called when all are handled, and what is kept is durable. */
  done(outcome: ReplayedPage): void;
  /** Called instead when the service ends before. */
  refuse(): void;
}

export interface ReplayQueueOptions {
  readonly effects: Effects;
  readonly decode: (stored: EventEnvelope) => HeadgateEvent | null;
  /** The durable handlers for an event. */
  readonly handlersOf: (event: HeadgateEvent) => readonly Handler[];
  /** Make what was kept durable. */
  readonly commit: () => void;
}

/**
 * Events that a service's durable handlers get once more, with the run's name in `event.replay`. One at a time, each as a task of its own: its
 * effects are kept or discarded as a whole. Nothing is tried again, and the inbox stays where it is.
 */
export class ReplayQueue {
  readonly #options: ReplayQueueOptions;
  readonly #pages: { readonly page: ReplayPage; next: number; outcome: ReplayedPage }[] = [];

  constructor(options: ReplayQueueOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#pages.length === 0;
  }

  add(page: ReplayPage): void {
    this.#pages.push({ page, next: 0, outcome: { taken: 0, failed: 0, published: 0, lastError: null } });
  }

  /** The service ends. */
  abandon(): void {
    for (const { page } of this.#pages.splice(0)) page.refuse();
  }

  /** Handle the next event. */
  async step(): Promise<void> {
    const [current] = this.#pages;
    if (current === undefined) return;
    const stored = current.page.events[current.next++];
    if (stored !== undefined) current.outcome = await this.#handle(stored, current.page, current.outcome);
    if (current.next < current.page.events.length) return;
    this.#pages.shift();
    if (current.page.isKept) this.#options.commit();
    current.page.done(current.outcome);
  }

  async #handle(stored: EventEnvelope, { run, isKept }: ReplayPage, so: ReplayedPage): Promise<ReplayedPage> {
    const { effects, decode, handlersOf } = this.#options;
    const event = decode(stored);
    const handlers = event === null ? [] : handlersOf(event);
    if (event === null || handlers.length === 0) return so;
    const marked = { ...event, replay: run };
    effects.begin(0);
    try {
      for (const handler of handlers) await handler(marked);
    } catch (error) {
      effects.discard();
      return { ...so, failed: so.failed + 1, lastError: messageOf(error) };
    }
    const published = so.published + effects.publishedInTask;
    if (isKept) effects.keep();
    else effects.discard();
    return { ...so, taken: so.taken + 1, published };
  }
}
