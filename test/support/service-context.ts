import type { HeadgateEvent } from '../../src/model/event.ts';
import { topicOf } from '../../src/model/topic.ts';
import type { ServiceContext, ServiceEvent, ServiceModule } from '../../src/ports/service.ts';
import { takes } from '../../src/runtime/service-host/interest.ts';
import { FakeClock } from './fake-clock.ts';
import { recordingObserver } from './observer.ts';

/** A context in this thread, for tests of one service: state in memory (kept as JSON-like copies), a clock that moves when told. */
export class TestServiceContext<C> implements ServiceContext<C> {
  readonly config: C;
  readonly clock = new FakeClock();
  readonly observer = recordingObserver();
  readonly published: ServiceEvent[] = [];
  readonly subscriptions: {
    filter: string;
    mode: 'live' | 'durable';
    handler: (event: HeadgateEvent) => void | Promise<void>;
  }[] = [];
  readonly state;
  readonly #answers = new Map<string, (argument: unknown) => unknown>();
  readonly #tasks: { periodMs: number; task: () => void | Promise<void> }[] = [];

  constructor(config: C, values = new Map<string, unknown>()) {
    this.config = config;
    this.state = {
      get: <T>(key: string) => structuredClone(values.get(key)) as T | undefined,
      set: (key: string, value: unknown) => void values.set(key, structuredClone(value)),
      delete: (key: string) => void values.delete(key),
      keys: (prefix = '') => [...values.keys()].filter((key) => key.startsWith(prefix)).sort(),
    };
  }

  subscribe(filter: string, mode: 'live' | 'durable', handler: (event: HeadgateEvent) => void | Promise<void>): void {
    this.subscriptions.push({ filter, mode, handler });
  }

  async publish(event: ServiceEvent): Promise<void> {
    this.published.push(event);
  }

  every(periodMs: number, task: () => void | Promise<void>): void {
    this.#tasks.push({ periodMs, task });
  }

  answer(query: string, handler: (argument: unknown) => unknown): void {
    this.#answers.set(query, handler);
  }

  /** Hand an event to every subscription that takes it; false when none did. */
  async deliver(event: HeadgateEvent): Promise<boolean> {
    const topic = topicOf(event);
    const takers = this.subscriptions.filter(({ filter }) => takes(filter, topic, false));
    for (const { handler } of takers) await handler(event);
    return takers.length > 0;
  }

  /** Let time pass, then run every periodic task once. */
  async pass(byMs: number): Promise<void> {
    await this.clock.advance(byMs);
    for (const { task } of this.#tasks) await task();
  }

  query(name: string, argument?: unknown): unknown {
    return this.#answers.get(name)?.(argument);
  }

  get queries(): readonly string[] {
    return [...this.#answers.keys()];
  }
}

/** Start a service in this thread. */
export async function startService<C>(
  module: ServiceModule<C>,
  config: C,
  values?: Map<string, unknown>,
): Promise<TestServiceContext<C>> {
  const context = new TestServiceContext(config, values);
  await module.start(context);
  return context;
}
