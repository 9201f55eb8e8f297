import { type EventDraft, isTelemetry } from '../model/event.ts';
import { encodeCbor } from '../model/event-codec.ts';
import { LANES } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';
import type { CommitRequest } from './messages.ts';
import type { EncodedList, StreamKey } from './record.ts';

/** Streams and lists that are remembered as sent, before both sides start afresh. */
const MAX_REFERENCES = 50_000;

/** An encoded event on its way to the worker. */
export interface QueuedEvent {
  readonly draft: EventDraft;
  readonly bytes: Uint8Array;
  readonly list: TagList | null;
}

interface Reference {
  readonly stream: number;
  readonly list: number;
}

/** Packs events into messages for the worker: one buffer, and references for what repeats. */
export class CommitPacker {
  readonly #streams = new Map<string, number>();
  /** Events of one stream often come together. */
  #lastStream: (StreamKey & { readonly id: number }) | null = null;
  /** By list: its stream follows from it. */
  readonly #telemetry = new Map<string, Reference>();
  #lists = 0;

  pack(
    events: readonly QueuedEvent[],
    group: number,
    now: EpochMs,
    recorded: EpochMs,
    thins: number | null = null,
  ): CommitRequest {
    const isReset = this.#streams.size + this.#lists > MAX_REFERENCES;
    if (isReset) {
      this.#streams.clear();
      this.#lastStream = null;
      this.#telemetry.clear();
      this.#lists = 0;
    }
    const count = events.length;
    let total = 0;
    for (const { bytes } of events) total += bytes.length;
    const newStreams: StreamKey[] = [];
    const newLists: EncodedList[] = [];
    const request: CommitRequest = {
      kind: 'commit',
      group,
      now,
      recorded,
      lanes: new Uint8Array(count),
      streams: new Uint32Array(count),
      lists: new Uint32Array(count),
      times: new Float64Array(count),
      ends: new Uint32Array(count),
      payload: new Uint8Array(total),
      newStreams,
      newLists,
      isReset,
      thins,
    };
    let end = 0;
    for (let i = 0; i < count; i++) {
      const { draft, bytes, list } = events[i] as QueuedEvent;
      request.payload.set(bytes, end);
      end += bytes.length;
      request.ends[i] = end;
      request.lanes[i] = LANES.indexOf(draft.lane);
      request.times[i] = draft.time;
      if (list === null) request.streams[i] = this.#stream(draft, newStreams);
      else {
        const known = this.#telemetry.get(list.id) ?? this.#list(draft, list, newStreams, newLists);
        request.streams[i] = known.stream;
        request.lists[i] = known.list;
      }
    }
    return request;
  }

  #stream(draft: EventDraft, newStreams: StreamKey[]): number {
    const partitionKey = draft.partitionkey ?? draft.subject;
    const last = this.#lastStream;
    if (last?.type === draft.type && last.subject === draft.subject && last.partitionKey === partitionKey)
      return last.id;
    const id = this.#streamId(draft, partitionKey, newStreams);
    this.#lastStream = { type: draft.type, subject: draft.subject, partitionKey, id };
    return id;
  }

  #streamId(draft: EventDraft, partitionKey: string, newStreams: StreamKey[]): number {
    const key = `${draft.type}\n${draft.subject}\n${partitionKey}`;
    const known = this.#streams.get(key);
    if (known !== undefined) return known;
    newStreams.push({ type: draft.type, subject: draft.subject, partitionKey });
    this.#streams.set(key, this.#streams.size + 1);
    return this.#streams.size;
  }

  #list(draft: EventDraft, list: TagList, newStreams: StreamKey[], newLists: EncodedList[]): Reference {
    newLists.push({ id: list.id, body: encodeCbor(list) });
    this.#lists++;
    const reference = { stream: this.#stream(draft, newStreams), list: this.#lists };
    this.#telemetry.set(list.id, reference);
    return reference;
  }
}

/** The tag list of a draft; null unless it is telemetry. */
export function listOf(draft: EventDraft): TagList | null {
  return isTelemetry(draft) ? draft.data.list : null;
}
