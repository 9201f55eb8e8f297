import { crc32 } from 'node:zlib';
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

/**
 * The checksum of a row as a signed 32-bit integer: over the payload, started from what identifies the row, so that a payload under a wrong
 * sequence, time, stream or list is found too. SQLite has no checksums of its own.
 */
export function recordChecksum(
  sequence: number,
  recorded: EpochMs,
  stream: number,
  list: number,
  payload: Uint8Array,
): number {
  const low = sequence ^ Math.imul(Math.floor(sequence / 0x1_0000_0000), 0x9e37_79b1);
  const when = recorded ^ Math.imul(Math.floor(recorded / 0x1_0000_0000), 0x85eb_ca6b);
  const start = Math.imul(low ^ Math.imul(when, 0xc2b2_ae35) ^ Math.imul(stream * 31 + list, 0x27d4_eb2f), 0x1656_67b1);
  return crc32(payload, start >>> 0) | 0;
}
