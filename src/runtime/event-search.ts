import { HeadgateError } from '../errors/headgate-error.ts';
import type { EventSearch, SearchRequest } from '../ports/control.ts';
import type { Journal, Page } from '../ports/journal.ts';

/** Searches that run at once. */
const MAX_SEARCHES = 4;
const PAGE = { maxEvents: 500, maxBytes: 262_144 };

/**
 * Searches the journal for the command line: page by page as they are taken, so that a slow reader costs nothing.
 * @returns as ControlApi.searchEvents
 */
export function createEventSearch(journal: Pick<Journal, 'journalId' | 'lastSequence' | 'read'>) {
  let running = 0;
  async function* search(request: SearchRequest, until: number): AsyncGenerator<Page> {
    running++;
    try {
      for (let after = 0; after < until; ) {
        const page = await journal.read({ ...request, where: request.where ?? {}, after, until, ...PAGE });
        yield page;
        after = page.through;
      }
    } finally {
      running--;
    }
  }
  return (request: SearchRequest): EventSearch => {
    if (running >= MAX_SEARCHES) throw new HeadgateError('CONTROL_BUSY', { running, what: 'searches' });
    const { journalId, lastSequence: until } = journal;
    return { journalId, until, pages: search(request, until) };
  };
}
