import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';

/** What the events of one stream have in common; a row of the `stream` table of a segment. */
export interface StreamKey {
  readonly type: string;
  readonly subject: string;
  readonly partitionKey: string;
}

/** A tag list as it is kept: its id and its CBOR. */
export interface EncodedList {
  readonly id: string;
  readonly body: Uint8Array;
}

/** An event on its way into a segment. */
export interface NewRecord {
  readonly lane: Lane;
  readonly stream: StreamKey;
  readonly list: EncodedList | null;
  readonly time: EpochMs;
  readonly payload: Uint8Array;
}

/** An event as it is read from a segment. */
export interface StoredRecord {
  readonly sequence: number;
  readonly lane: Lane;
  readonly recorded: EpochMs;
  readonly payload: Uint8Array;
  /** Tag list that the payload refers to. */
  readonly list: EncodedList | null;
}
