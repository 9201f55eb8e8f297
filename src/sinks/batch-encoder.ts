import { HeadgateError } from '../errors/headgate-error.ts';
import { toCloudEventJson } from '../model/cloud-event.ts';
import type { HeadgateEvent } from '../model/event.ts';
import { decodeEvent, encodeCbor } from '../model/event-codec.ts';
import { LANES } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';
import type { CommittedEvent, StoredEvent } from '../ports/journal.ts';
import type { OutgoingBatch } from '../ports/sink.ts';
import { type Compression, compress } from './compression.ts';
import { ListFrames } from './list-frames.ts';
import { usedTags } from './used-tags.ts';

export const BATCH_FORMAT = 'headgate.batch.v1';

/**
 * CBOR tag 55799, "this is CBOR", then the head of an array of two.
 * @source RFC 8949 §3.4.6
 */
export const CBOR_BATCH_HEAD = Uint8Array.of(0xd9, 0xd9, 0xf7, 0x82);

export interface BatchEncoderOptions {
  readonly journalId: string;
  readonly gateway: string;
  /** null: not sent by a sink, but written to a file. */
  readonly sink: string | null;
  readonly encoding: 'cbor' | 'json';
  readonly compression: Compression;
}

/**
 * Headgate's own batch: one message that holds many events and stands alone. CBOR: `55799([envelope, tag lists])` with the stored
 * bytes of each event as they are; compressed as several frames, since the lists of a batch recur and are compressed once:
 *
 * envelope = `{ format, journalId, gateway, sink, sent, historical, lane, first, last, settled, lists, items: [[sequence, lane, recordedtime,
 * bytes], …] }`: it speaks for the sequences first to last of its lane; through `settled` all lanes are confirmed at this destination; `absent`,
 * if there is any, are further ranges `[first, last]` of the lane in which nothing is stored;
 * lane 0 critical, 1 normal, 2 bulk; a batch that is sent again on request has `replay`, the name of the run, and speaks for its own events alone; tag lists = `[{ id, source, device, asset, group, lane, names, units, types }, …]`. A list of
 * which less than half is referred to stands in the envelope's `lists` instead, cut down: `size` is its length, `at` the positions
 * that its `names`, `units` and `types` have in the whole.
 *
 * JSON: the same head with `events: [CloudEvents JSON, …]`. Which of both, and how compressed, a
 * receiver sees from the formats' own magic numbers.
 */
export class BatchEncoder {
  readonly #options: BatchEncoderOptions;
  readonly #listFrames: ListFrames;

  constructor(options: BatchEncoderOptions) {
    this.#options = options;
    this.#listFrames = new ListFrames(options.compression);
  }

  /** @throws SINK_REJECTED an event cannot be read (JSON only) */
  async encode(batch: OutgoingBatch, sent: EpochMs): Promise<Uint8Array> {
    const { journalId, gateway, sink, encoding, compression } = this.#options;
    const { historical, coverage, replay } = batch;
    const { absent = [], ...range } = coverage ?? {};
    const told = {
      ...(sink === null ? {} : { sink }),
      ...(replay === undefined ? {} : { replay }),
      ...range,
      ...(absent.length === 0 ? {} : { absent: absent.map(({ first, last }) => [first, last]) }),
    };
    const envelope = { format: BATCH_FORMAT, journalId, gateway, sent, historical, ...told };
    if (encoding === 'json') {
      const head = JSON.stringify(envelope).slice(0, -1);
      const events = batch.events.map((stored) => toCloudEventJson(eventOf(stored, journalId)));
      return compress(Buffer.from(`${head},"events":[${events.join(',')}]}`), compression);
    }
    const items = batch.events.map((stored) => [
      stored.sequence,
      LANES.indexOf(stored.lane),
      stored.recordedtime,
      stored.bytes,
    ]);
    const tags = usedTags(batch.events);
    const lists = tags.flatMap(({ list, used }) => (used === null ? [] : [cutDown(list, used)]));
    const whole = tags.flatMap(({ list, used }) => (used === null ? [list] : []));
    const head = Buffer.concat([CBOR_BATCH_HEAD, encodeCbor({ ...envelope, lists, items }), arrayHead(whole.length)]);
    return Buffer.concat(await Promise.all([compress(head, compression), this.#listFrames.of(whole)]));
  }
}

/**
 * The event of a stored one: as committed if it is still in memory, else decoded.
 * @throws SINK_REJECTED its bytes are not an event
 */
export function eventOf(stored: StoredEvent | CommittedEvent, journalId: string): HeadgateEvent {
  if ('event' in stored) return stored.event;
  try {
    return decodeEvent(stored, journalId);
  } catch (cause) {
    throw new HeadgateError(
      'SINK_REJECTED',
      { sequence: stored.sequence, reason: 'stored event is unreadable' },
      cause,
    );
  }
}

function cutDown(list: TagList, used: Uint32Array): object {
  const pick = <T>(column: readonly T[]) => Array.from(used, (index) => column[index]);
  const { names, units, types } = list;
  return { ...list, size: names.length, at: used, names: pick(names), units: pick(units), types: pick(types) };
}

/**
 * Head of a CBOR array.
 * @source RFC 8949 §3.1, major type 4
 */
function arrayHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x80 | length);
  return length < 256 ? Uint8Array.of(0x98, length) : Uint8Array.of(0x99, length >> 8, length & 0xff);
}
