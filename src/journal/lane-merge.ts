import { LANES } from '../model/tag.ts';
import type { PageRequest } from '../ports/journal.ts';
import type { StoredRecord } from './record.ts';
import type { SegmentShelf } from './segment-shelf.ts';

/** A page as it is read; `through`: how far the search got. */
export interface ReadSlice {
  readonly records: StoredRecord[];
  readonly through: number;
}

/**
 * Events after a position, ascending over the lanes asked for, until a bound of events or bytes; at least one if there is one.
 * @throws SegmentDamageError
 */
export function readMerged(shelf: SegmentShelf, request: PageRequest, lastSequence: number): ReadSlice {
  const range = { first: request.after + 1, last: Math.min(request.until, lastSequence) };
  const records: StoredRecord[] = [];
  let bytes = 0;
  const sources = (request.lanes ?? LANES).map((lane) => shelf.read(lane, range));
  try {
    const heads = sources.map((source) => source.next());
    for (;;) {
      let lowest = -1;
      let record: StoredRecord | undefined;
      for (let i = 0; i < heads.length; i++) {
        const value = heads[i]?.done === true ? undefined : (heads[i]?.value as StoredRecord | undefined);
        if (value !== undefined && (record === undefined || value.sequence < record.sequence)) {
          record = value;
          lowest = i;
        }
      }
      const source = sources[lowest];
      if (record === undefined || source === undefined) {
        return { records, through: Math.max(request.after, range.last) };
      }
      bytes += record.payload.length;
      if (records.length > 0 && (records.length >= request.maxEvents || bytes > request.maxBytes)) break;
      records.push(record);
      heads[lowest] = source.next();
    }
    return { records, through: records[records.length - 1]?.sequence ?? request.after };
  } finally {
    for (const source of sources) source.return();
  }
}
