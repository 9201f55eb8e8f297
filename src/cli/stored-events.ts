import { messageOf } from '../errors/headgate-error.ts';
import type { HeadgateEvent } from '../model/event.ts';
import { decodeEvent } from '../model/event-codec.ts';
import type { EventSearch, SearchRequest } from '../ports/control.ts';
import type { Page, StoredEvent } from '../ports/journal.ts';
import type { CliContext } from './cli-context.ts';
import { askDaemon } from './daemon.ts';
import { journalDirectory } from './journal-status.ts';

/** A page of found events. */
export interface FoundEvents {
  readonly events: readonly HeadgateEvent[];
  /** The same, as they are stored. */
  readonly stored: readonly StoredEvent[];
  /** How far the search has come, 0 to 1. */
  readonly progress: number;
}

export interface StoredEvents {
  readonly journalId: string;
  readonly pages: AsyncIterable<FoundEvents>;
}

const PAGE = { maxEvents: 500, maxBytes: 262_144 };

/**
 * Use the stored events that match, oldest first, in pages: from the running daemon, or from the files while none runs. Bounded memory: the next
 * page is asked for when the last one was used.
 * @throws JOURNAL_UNAVAILABLE no daemon runs and there is no journal
 */
export async function withStoredEvents<T>(
  context: CliContext,
  request: SearchRequest,
  use: (found: StoredEvents) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const signal = AbortSignal.any([context.stop, end.signal]);
  const search = await askDaemon(context, (daemon) => daemon.searchEvents(request, signal));
  if (search !== null) {
    try {
      return await use({ journalId: search.journalId, pages: decoded(context, search) });
    } finally {
      end.abort();
    }
  }
  const { OfflineReader } = await import('../journal/offline-reader.ts');
  const reader = new OfflineReader(await journalDirectory(context));
  try {
    const { journalId, lastSequence: until } = reader;
    const pages = offlinePages((after) => reader.read({ ...request, after, until, ...PAGE }), until);
    return await use({ journalId, pages: decoded(context, { journalId, until, pages }) });
  } finally {
    for (const { segment, problem } of reader.problems) context.err(`left out, damaged: ${segment}: ${problem}\n`);
    reader.close();
  }
}

async function* offlinePages(read: (after: number) => Page, until: number): AsyncGenerator<Page> {
  for (let after = 0; after < until; ) {
    const page = read(after);
    yield page;
    after = page.through;
    // Reading is synchronous: progress and signals get their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function* decoded(context: CliContext, search: EventSearch): AsyncGenerator<FoundEvents> {
  const { journalId, until, pages } = search;
  try {
    for await (const page of pages) {
      if (context.stop.aborted) return;
      const events: HeadgateEvent[] = [];
      const stored: StoredEvent[] = [];
      for (const one of page.events) {
        try {
          events.push(decodeEvent(one, journalId));
          stored.push(one);
        } catch (error) {
          context.err(`left out: event ${one.sequence}: ${messageOf(error)}\n`);
        }
      }
      yield { events, stored, progress: until === 0 ? 1 : page.through / until };
    }
  } catch (error) {
    // Ended by a signal: what was found so far is the answer.
    if (!context.stop.aborted) throw error;
  }
}
