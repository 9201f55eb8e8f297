import type { EventEnvelope } from '../../model/event-codec.ts';
import { LANES } from '../../model/tag.ts';
import type { TagList } from '../../model/telemetry.ts';

/**
 * Events on their way into a worker: one copy of the encoded bytes into one buffer that is transferred, so that a message costs the
 * main thread a memcpy and not a structured clone. Tag lists travel once per worker and are named by position afterwards.
 */
export interface EventBatch {
  readonly id: number;
  /** COLUMNS numbers per event. */
  readonly table: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Ids of the tag lists that the table refers to. */
  readonly listIds: readonly string[];
  /** Those of them that the worker does not have yet. */
  readonly newLists: readonly TagList[];
  /** The worker forgets all lists it has, first. */
  readonly forgetLists: boolean;
}

/** An event as it arrived in the worker. `feeds`: bit n set: for feed n. */
export interface DeliveredEvent extends EventEnvelope {
  readonly feeds: number;
}

const COLUMNS = 6;
const LISTS_LIMIT = 5_000;

/** What a worker has been sent of tag lists. */
export type SentLists = Set<string>;

/** Pack events for one worker; `feeds[i]` says for whom event i is. */
export function packBatch(
  id: number,
  events: readonly EventEnvelope[],
  feeds: readonly number[],
  sent: SentLists,
): EventBatch {
  let size = 0;
  for (const event of events) size += event.bytes.length;
  const table = new Float64Array(events.length * COLUMNS);
  const bytes = new Uint8Array(size);
  const listIds: string[] = [];
  const newLists: TagList[] = [];
  const positions = new Map<string, number>();
  const forgetLists = sent.size > LISTS_LIMIT;
  if (forgetLists) sent.clear();
  let end = 0;
  for (let i = 0; i < events.length; i++) {
    const event = events[i];
    if (event === undefined) continue;
    let listPosition = -1;
    if (event.list !== null) {
      listPosition = positions.get(event.list.id) ?? -1;
      if (listPosition < 0) {
        listPosition = listIds.push(event.list.id) - 1;
        positions.set(event.list.id, listPosition);
        if (!sent.has(event.list.id)) {
          sent.add(event.list.id);
          newLists.push(event.list);
        }
      }
    }
    bytes.set(event.bytes, end);
    end += event.bytes.length;
    const at = i * COLUMNS;
    table[at] = event.sequence;
    table[at + 1] = event.recordedtime;
    table[at + 2] = LANES.indexOf(event.lane);
    table[at + 3] = listPosition;
    table[at + 4] = end;
    table[at + 5] = feeds[i] ?? 0;
  }
  return { id, table, bytes, listIds, newLists, forgetLists };
}

/** The events of a batch; `lists` is the worker's memory of tag lists and is kept up to date. */
export function unpackBatch(batch: EventBatch, lists: Map<string, TagList>): DeliveredEvent[] {
  if (batch.forgetLists) lists.clear();
  for (const list of batch.newLists) lists.set(list.id, list);
  const events: DeliveredEvent[] = [];
  let start = 0;
  for (let at = 0; at < batch.table.length; at += COLUMNS) {
    const end = batch.table[at + 4] ?? start;
    const listId = batch.listIds[batch.table[at + 3] ?? -1];
    events.push({
      sequence: batch.table[at] ?? 0,
      recordedtime: batch.table[at + 1] ?? 0,
      lane: LANES[batch.table[at + 2] ?? 0] ?? 'bulk',
      list: listId === undefined ? null : (lists.get(listId) ?? null),
      bytes: batch.bytes.subarray(start, end),
      feeds: batch.table[at + 5] ?? 0,
    });
    start = end;
  }
  return events;
}
