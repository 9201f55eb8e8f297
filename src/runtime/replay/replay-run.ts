import type { Millis } from '../../model/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReplayProgress, SearchRequest } from '../../ports/control.ts';
import type { Journal, PageRequest, StoredEvent } from '../../ports/journal.ts';

/** What became of a page of replayed events. */
export interface ReplayedPage {
  /** Taken: confirmed by a sink, or handled by a service. */
  readonly taken: number;
  /** Of a service: handlers failed on these; their effects are discarded. */
  readonly failed: number;
  /** Of a service: events that its handlers published, whether they were kept or not. */
  readonly published: number;
  readonly lastError: string | null;
}

/** Where a replay goes. */
export interface ReplayTarget {
  /** Bounds of one page. */
  readonly page: Pick<PageRequest, 'maxEvents' | 'maxBytes'>;
  /** Deliver a page; resolves when it is taken. Called one at a time. */
  deliver(events: readonly StoredEvent[], run: string, signal: AbortSignal): Promise<ReplayedPage>;
}

export interface ReplayRunOptions {
  /** Name of the run, which marks what it delivers. */
  readonly run: string;
  readonly request: SearchRequest;
  readonly target: ReplayTarget;
  readonly eventsPerSecond: number;
  readonly journal: Pick<Journal, 'lastSequence' | 'read'>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Deliver stored events again, page by page, at a bounded rate; tells of each page. Moves no cursor and writes nothing.
 * @throws what the target throws, and the signal's reason
 */
export async function* replay(options: ReplayRunOptions): AsyncGenerator<ReplayProgress> {
  const { run, request, target, eventsPerSecond, journal, clock, signal } = options;
  const until = journal.lastSequence;
  const startedAt = clock.monotonic();
  let [found, taken, failed, published] = [0, 0, 0, 0];
  let lastError: string | null = null;
  for (let after = 0; after < until; ) {
    signal.throwIfAborted();
    const page = await journal.read({ ...request, where: request.where ?? {}, after, until, ...target.page });
    if (page.events.length > 0) {
      const outcome = await target.deliver(page.events, run, signal);
      found += page.events.length;
      taken += outcome.taken;
      failed += outcome.failed;
      published += outcome.published;
      lastError = outcome.lastError ?? lastError;
      // How long the events so far may take, less what they took.
      await pause(clock, (found / eventsPerSecond) * 1000 - (clock.monotonic() - startedAt), signal);
    }
    after = page.through;
    yield { run, found, taken, failed, published, lastError, through: after, until };
  }
  if (until === 0) yield { run, found, taken, failed, published, lastError, through: 0, until };
}

function pause(clock: Clock, ms: Millis, signal: AbortSignal): Promise<void> {
  if (ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.after(ms, resolve);
    signal.addEventListener('abort', () => {
      timer.cancel();
      resolve();
    });
  });
}
