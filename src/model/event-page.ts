import { decodeCbor, EventCodecError, type EventEnvelope, encodeCbor } from './event-codec.ts';
import { LANES, type Lane } from './tag.ts';
import type { TagList } from './telemetry.ts';

/**
 * A page of stored events as one CBOR item, for the way between the daemon and the command line: columns over one buffer, so that packing
 * costs a copy and no decoding: `[through, new tag lists, sequences, recorded times, lanes, list ids, ends, payload]`. A tag list goes with
 * the first page that refers to it.
 */
export class EventPageEncoder {
  readonly #sent = new Set<string>();

  /** @param through how far the search got */
  encode(events: readonly EventEnvelope[], through: number): Uint8Array {
    const count = events.length;
    const lists: TagList[] = [];
    const listIds: (string | null)[] = [];
    const sequences = new Float64Array(count);
    const recorded = new Float64Array(count);
    const lanes = new Uint8Array(count);
    const ends = new Uint32Array(count);
    const payload = new Uint8Array(events.reduce((sum, { bytes }) => sum + bytes.length, 0));
    let end = 0;
    events.forEach((event, i) => {
      payload.set(event.bytes, end);
      end += event.bytes.length;
      ends[i] = end;
      sequences[i] = event.sequence;
      recorded[i] = event.recordedtime;
      lanes[i] = LANES.indexOf(event.lane);
      listIds.push(event.list?.id ?? null);
      if (event.list !== null && !this.#sent.has(event.list.id)) {
        this.#sent.add(event.list.id);
        lists.push(event.list);
      }
    });
    return encodeCbor([through, lists, sequences, recorded, lanes, listIds, ends, payload]);
  }
}

/** The other end of an EventPageEncoder: takes its pages in the order they were made. */
export class EventPageDecoder {
  readonly #lists = new Map<string, TagList>();

  /** @throws EventCodecError not such a page */
  decode(bytes: Uint8Array): { readonly events: readonly EventEnvelope[]; readonly through: number } {
    const page = decodeCbor(bytes);
    if (!Array.isArray(page)) throw new EventCodecError('a page is a CBOR array');
    const [through, lists, sequences, recorded, lanes, listIds, ends, payload] = page;
    if (typeof through !== 'number' || !Array.isArray(lists) || !(sequences instanceof Float64Array)) {
      throw new EventCodecError('not a page of events');
    }
    for (const list of lists) this.#lists.set(list.id, list);
    const events: EventEnvelope[] = [];
    let begin = 0;
    for (let i = 0; i < sequences.length; i++) {
      const listId = listIds[i];
      events.push({
        sequence: sequences[i] ?? 0,
        recordedtime: recorded[i],
        lane: LANES[lanes[i]] as Lane,
        bytes: payload.subarray(begin, ends[i]),
        list: listId === null ? null : (this.#lists.get(listId) ?? null),
      });
      begin = ends[i];
    }
    return { events, through };
  }
}
