import { createHash } from 'node:crypto';
import { Encoder, setSizeLimits } from 'cbor-x';
import { fromDecimals, toDecimals } from './decimal-column.ts';
import { type EventDraft, eventId, type HeadgateEvent, isTelemetry, TELEMETRY_TYPE } from './event.ts';
import type { Lane } from './tag.ts';
import { type TagList, type TelemetryColumns, TelemetryReport, type ValueColumn } from './telemetry.ts';
import type { EpochMs } from './time.ts';

/**
 * The CBOR form of events: in the journal, between threads and in batches upstream. Constraints: written once per event; what
 * acceptance adds (sequence, recordedtime, lane) stays outside, so that the bytes never change; a telemetry event refers to its
 * tag list, which carries source, asset and group.
 *
 * Event: `[1, type, source, subject, time, data, partitionkey, dataschema, correlationid, causationid, traceparent]`, absent ones null.
 * Telemetry: `[2, list id, indexes, values, statuses, time base, time deltas, correlationid, causationid, traceparent]`, with typed
 * arrays as RFC 8746 tags, little endian. Values: a typed array; an array of any values; or, for floats that are decimals,
 * `[decimals, width, integers]` (`DecimalColumn`). Indexes: null, a typed array, or the first one of a row that counts up by one.
 */
const EVENT_FORM = 1;
const TELEMETRY_FORM = 2;

/** The largest event that is accepted, encoded: 1 MiB. */
export const MAX_EVENT_BYTES = 1_048_576;

setSizeLimits({ maxArraySize: 1_000_000, maxMapSize: 100_000, maxObjectSize: 100_000 });

const codec = new Encoder({ useRecords: false, mapsAsObjects: true, tagUint8Array: true, structuredClone: false });

/** What most encodings fit in, one behind the other; a larger one takes room of its own, which takes the place of this up to some size. */
let scratch: Buffer = Buffer.allocUnsafeSlow(131_072);
/** A batch of 100,000 values comes every second; a list of 10,000 tags only at the start. */
const MAX_SCRATCH_BYTES = 524_288;
/** A part of a plain array costs a third of what one of a Buffer does. */
let scratchBytes: Uint8Array = new Uint8Array(scratch.buffer, scratch.byteOffset, scratch.byteLength);
/** What the types of cbor-x leave out: `REUSE_BUFFER_MODE` answers with the whole buffer, and in it where the encoding lies. */
const intoScratch = codec as unknown as {
  useBuffer(buffer: Buffer): void;
  encode(value: unknown, mode: number): Buffer & { readonly start: number; readonly end: number };
};
const REUSE_BUFFER_MODE = 512;
/** Where the last encoding ends; behind the middle the next one begins anew. */
let scratchUsed = scratch.length;
/** Where the last value lies. */
const placed = { room: scratchBytes, start: 0, end: 0 };

/**
 * Encode into the same scratch each time: left to itself cbor-x keeps a buffer four times its largest value, 3 MB after a list of 10,000 tags,
 * and takes another one whenever that is full. Afterwards `placed` tells where the value lies, until the scratch begins anew.
 * @source cbor-x 1.6.9, encode.js (useBuffer, makeRoom, REUSE_BUFFER_MODE)
 */
function place(value: unknown): void {
  if (isScratchUsedUp()) intoScratch.useBuffer(scratch);
  // If it throws, nobody knows how far it got.
  scratchUsed = scratch.length;
  const target = intoScratch.encode(value, REUSE_BUFFER_MODE);
  const { start, end } = target;
  placed.start = start;
  placed.end = end;
  if (target === scratch) placed.room = scratchBytes;
  else {
    placed.room = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
    if (target.length > MAX_SCRATCH_BYTES) return;
    scratch = target;
    scratchBytes = placed.room;
  }
  scratchUsed = end;
}

/** The next value will be placed over the first ones. */
function isScratchUsedUp(): boolean {
  return scratchUsed > scratch.length / 2;
}

/** The bytes of a value, as an array of their own. */
function encode(value: unknown): Uint8Array {
  place(value);
  return placed.room.slice(placed.start, placed.end);
}

/** Thrown by the decoders for bytes that are not of this form. */
export class EventCodecError extends Error {
  override readonly name = 'EventCodecError';
}

/** The bytes of an event; the array is of its own and may be transferred. */
export function encodeEvent(draft: EventDraft): Uint8Array {
  return encode(formOf(draft));
}

/** The bytes of each event. Many small ones share a buffer: of one for each the collector would have more work than the encoder. */
export function encodeEvents(drafts: readonly EventDraft[]): Uint8Array[] {
  const encoded: Uint8Array[] = [];
  let { room } = placed;
  const starts: number[] = [];
  const ends: number[] = [];
  const take = () => {
    const from = starts[0] ?? 0;
    const shared = room.slice(from, ends.at(-1) ?? 0);
    for (const [i, start] of starts.entries()) encoded.push(shared.subarray(start - from, (ends[i] ?? 0) - from));
    starts.length = 0;
    ends.length = 0;
  };
  for (const draft of drafts) {
    if (isScratchUsedUp()) take();
    place(formOf(draft));
    if (placed.room !== room) {
      take();
      ({ room } = placed);
    }
    starts.push(placed.start);
    ends.push(placed.end);
  }
  take();
  return encoded;
}

/** Outside of the bytes: what acceptance added, and the tag list of a telemetry event. */
export interface EventEnvelope {
  readonly sequence: number;
  readonly lane: Lane;
  readonly recordedtime: EpochMs;
  readonly bytes: Uint8Array;
  readonly list: TagList | null;
}

/**
 * The event of stored bytes.
 * @throws EventCodecError not an event, or telemetry without its tag list
 */
export function decodeEvent(stored: EventEnvelope, journalId: string): HeadgateEvent {
  const form = decodeCbor(stored.bytes);
  if (!Array.isArray(form)) throw new EventCodecError('an event is a CBOR array');
  const accepted = {
    id: eventId(journalId, stored.sequence),
    sequence: stored.sequence,
    recordedtime: stored.recordedtime,
    lane: stored.lane,
  };
  if (form[0] === TELEMETRY_FORM) {
    const { list } = stored;
    if (list === null || list.id !== form[1]) throw new EventCodecError(`tag list ${String(form[1])} is missing`);
    const values: ValueColumn = fromDecimals(form[3]) ?? form[3];
    const columns: TelemetryColumns = {
      indexes: typeof form[2] === 'number' ? countUp(form[2], values.length) : form[2],
      values,
      statuses: form[4],
      timeBase: form[5],
      timeDeltas: form[6],
    };
    return {
      ...accepted,
      ...telemetryAttributes(list),
      time: columns.timeBase,
      data: new TelemetryReport(list, columns),
      ...optional(form[7], form[8], form[9]),
    };
  }
  if (form[0] !== EVENT_FORM || typeof form[1] !== 'string') {
    throw new EventCodecError(`unknown event form ${String(form[0])}`);
  }
  return {
    ...accepted,
    type: form[1],
    source: form[2],
    subject: form[3],
    time: form[4],
    data: form[5],
    ...(form[6] === null ? {} : { partitionkey: form[6] }),
    ...(form[7] === null ? {} : { dataschema: form[7] }),
    ...optional(form[8], form[9], form[10]),
  };
}

/** The tag list that encoded telemetry refers to; null for every other event. */
export function tagListIdOf(bytes: Uint8Array): string | null {
  const form = decodeCbor(bytes);
  return Array.isArray(form) && form[0] === TELEMETRY_FORM ? String(form[1]) : null;
}

/** Positions in its tag list of the samples of encoded telemetry; null: all from the first, or no telemetry. */
export function sampleIndexesOf(bytes: Uint8Array): Uint16Array | Uint32Array | null {
  const form = decodeCbor(bytes);
  if (!Array.isArray(form) || form[0] !== TELEMETRY_FORM) return null;
  if (typeof form[2] === 'number') return countUp(form[2], (fromDecimals(form[3]) ?? form[3]).length);
  return form[2] instanceof Uint16Array || form[2] instanceof Uint32Array ? form[2] : null;
}

/** What all reports of a list have in common. */
export function telemetryAttributes(list: TagList): Pick<EventDraft, 'type' | 'source' | 'subject' | 'partitionkey'> {
  return {
    type: TELEMETRY_TYPE,
    source: list.source,
    subject: list.asset,
    partitionkey: `${list.asset}/${list.group}`,
  };
}

/** Plain CBOR with the same safety settings, for batches and service messages. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value);
}

/** @throws EventCodecError not CBOR, or more than one item */
export function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new EventCodecError('not CBOR', { cause });
  }
}

/** A tag list with the id that its content has. */
export function makeTagList(content: Omit<TagList, 'id'>): TagList {
  const { source, device, asset, group, lane, names, units, types } = content;
  const hash = createHash('sha256').update(JSON.stringify([source, device, asset, group, lane, names, units, types]));
  return { ...content, id: hash.digest('hex').slice(0, 16) };
}

function formOf(draft: EventDraft): unknown[] {
  return isTelemetry(draft) ? telemetryForm(draft) : eventForm(draft);
}

function eventForm(draft: EventDraft): unknown[] {
  return [
    EVENT_FORM,
    draft.type,
    draft.source,
    draft.subject,
    draft.time,
    draft.data,
    draft.partitionkey ?? null,
    draft.dataschema ?? null,
    draft.correlationid ?? null,
    draft.causationid ?? null,
    draft.traceparent ?? null,
  ];
}

function telemetryForm(draft: EventDraft<TelemetryReport>): unknown[] {
  const { list, columns } = draft.data;
  return [
    TELEMETRY_FORM,
    list.id,
    indexesForm(columns.indexes),
    valuesForm(columns.values),
    columns.statuses,
    columns.timeBase,
    columns.timeDeltas,
    draft.correlationid ?? null,
    draft.causationid ?? null,
    draft.traceparent ?? null,
  ];
}

function indexesForm(indexes: TelemetryColumns['indexes']): unknown {
  const first = indexes?.[0];
  return first !== undefined && indexes?.every((index, i) => index === first + i) ? first : indexes;
}

/** A row that counts up by one. @throws EventCodecError not within uint32 */
function countUp(first: number, length: number): Uint16Array | Uint32Array {
  const end = first + length;
  if (!(first >= 0 && end <= 0x1_0000_0000)) throw new EventCodecError('indexes beyond any tag list');
  const indexes = end <= 0x1_0000 ? new Uint16Array(length) : new Uint32Array(length);
  for (let i = 0; i < length; i++) indexes[i] = first + i;
  return indexes;
}

function valuesForm(values: ValueColumn): unknown {
  const isFloat = values instanceof Float64Array || values instanceof Float32Array;
  return isFloat ? (toDecimals(values) ?? values) : values;
}

function optional(correlationid: string | null, causationid: string | null, traceparent: string | null) {
  return {
    ...(correlationid === null ? {} : { correlationid }),
    ...(causationid === null ? {} : { causationid }),
    ...(traceparent === null ? {} : { traceparent }),
  };
}
