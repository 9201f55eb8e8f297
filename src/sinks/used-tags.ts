import { sampleIndexesOf } from '../model/event-codec.ts';
import { type TagList, TelemetryReport } from '../model/telemetry.ts';
import type { CommittedEvent, StoredEvent } from '../ports/journal.ts';

/** A tag list with which of its tags a batch refers to; null: enough of them that all travel. */
export interface UsedTags {
  readonly list: TagList;
  readonly used: Uint32Array | null;
}

/** From this share of its tags on a list travels whole: then its bytes recur, and are compressed once. */
const WHOLE_FROM = 0.5;

/**
 * What of their tag lists the events of a batch refer to, by list id, ascending. Reports by exception name few tags of long
 * lists, whose names would be most of the bytes.
 */
export function usedTags(events: readonly (StoredEvent | CommittedEvent)[]): readonly UsedTags[] {
  const marks = new Map<string, { list: TagList; marked: Uint8Array; count: number }>();
  for (const stored of events) {
    const { list } = stored;
    if (list === null) continue;
    let mark = marks.get(list.id);
    if (mark === undefined) {
      mark = { list, marked: new Uint8Array(list.names.length), count: 0 };
      marks.set(list.id, mark);
    }
    const whole = list.names.length * WHOLE_FROM;
    if (mark.count >= whole) continue;
    const indexes = indexesOf(stored);
    if (indexes === null) {
      mark.count = list.names.length;
      continue;
    }
    for (let i = 0; i < indexes.length && mark.count < whole; i++) {
      const index = indexes[i] ?? 0;
      if (mark.marked[index] === 0) {
        mark.marked[index] = 1;
        mark.count++;
      }
    }
  }
  return [...marks.values()]
    .sort((a, b) => (a.list.id < b.list.id ? -1 : 1))
    .map(({ list, marked, count }) => {
      if (count >= list.names.length * WHOLE_FROM) return { list, used: null };
      const used = new Uint32Array(count);
      let next = 0;
      for (let i = 0; i < marked.length; i++) if (marked[i] === 1) used[next++] = i;
      return { list, used };
    });
}

/** Positions in its list of a report's samples; null: all from the first, or unknown. */
function indexesOf(stored: StoredEvent | CommittedEvent): ArrayLike<number> | null {
  if ('event' in stored) {
    const { data } = stored.event;
    return data instanceof TelemetryReport ? data.columns.indexes : null;
  }
  return sampleIndexesOf(stored.bytes);
}
