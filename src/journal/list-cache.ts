import { decodeCbor } from '../model/event-codec.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { Page, StoredEvent } from '../ports/journal.ts';
import type { PageAnswer } from './messages.ts';

/** Tag lists by id, so that each is decoded once and all events of a list share one object. */
export class ListCache {
  readonly #lists = new Map<string, TagList>();

  /** Remember a list; returns it. */
  keep<T extends TagList | null>(list: T): T {
    if (list !== null && !this.#lists.has(list.id)) this.#lists.set(list.id, list);
    return list;
  }

  /** A page from the worker as stored events, which share the page's buffer. */
  page(answer: PageAnswer): Page {
    if (answer.isReset) this.#lists.clear();
    for (const { id, body } of answer.lists) this.#lists.set(id, decodeCbor(body) as TagList);
    const events: StoredEvent[] = [];
    let begin = 0;
    for (let i = 0; i < answer.sequences.length; i++) {
      const end = answer.ends[i] ?? begin;
      const listId = answer.listIds[i] ?? null;
      events.push({
        sequence: answer.sequences[i] ?? 0,
        lane: LANES[answer.lanes[i] ?? 0] as Lane,
        recordedtime: answer.recorded[i] ?? 0,
        bytes: answer.payload.subarray(begin, end),
        list: listId === null ? null : (this.#lists.get(listId) ?? null),
      });
      begin = end;
    }
    return { events, through: answer.through };
  }
}
