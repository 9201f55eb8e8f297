import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { eventId, type HeadgateEvent } from '../model/event.ts';
import { decodeCbor, decodeEvent, MAX_EVENT_BYTES } from '../model/event-codec.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';
import type { SequenceRange } from '../ports/journal.ts';
import type { BatchCoverage } from '../ports/sink.ts';
import { BATCH_FORMAT, CBOR_BATCH_HEAD } from './batch-encoder.ts';
import { decompress } from './compression.ts';
import { COVERAGE_TYPE } from './coverage-event.ts';
import { isSoundReport, receivedLists } from './received-report.ts';

/** An event as it arrived: from JSON, `data` is the contract's JSON; the lane is unknown when an older gateway sent it. */
export type ReceivedEvent = Omit<HeadgateEvent, 'lane'> & { readonly lane?: Lane };

/** What a batch or event tells of its delivery; null: its sender does not tell (an older gateway). */
interface Delivered {
  readonly historical: boolean;
  /** Name of the sink that sent it. */
  readonly sink: string | null;
  readonly coverage: BatchCoverage | null;
  /** The run that sent it again on request; null: no replay. */
  readonly replay: string | null;
}

export interface ReceivedBatch extends Delivered {
  readonly journalId: string;
  readonly gateway: string;
  /** null: a single event does not tell. */
  readonly sent: EpochMs | null;
  readonly events: readonly ReceivedEvent[];
}

const MAX_ABSENT = 64;

export interface DecodeLimits {
  /** Of the message as received. Default 16 MiB. */
  readonly maxPayloadBytes?: number;
  /** After decompression. Default 64 MiB. */
  readonly maxBytes?: number;
}

/**
 * The events of a message that a sink sent: a batch in either encoding and any compression, or a single event as CloudEvents JSON. None, if
 * it only tells what was passed over.
 * @throws BATCH_INVALID damaged, foreign, or over the limits; nothing of it is then believed
 */
export async function decodeBatch(payload: Uint8Array, limits: DecodeLimits = {}): Promise<ReceivedBatch> {
  const { maxPayloadBytes = 16_777_216, maxBytes = 67_108_864 } = limits;
  if (payload.length > maxPayloadBytes) throw invalid(`${payload.length} bytes, at most ${maxPayloadBytes} are taken`);
  const bytes = await decompress(payload, maxBytes);
  if (bytes.length > maxBytes) throw invalid(`${bytes.length} bytes, at most ${maxBytes} are taken`);
  if (bytes[0] === 0x7b) return parseJsonMessage(bytes);
  if (CBOR_BATCH_HEAD.every((byte, i) => bytes[i] === byte)) return parseCborBatch(bytes);
  throw invalid('neither JSON nor self-described CBOR');
}

function deliveryOf(told: Record<string, unknown>): Omit<Delivered, 'historical'> {
  const { sink, replay, first, last, settled } = told;
  const lane = LANES.find((known) => known === told['lane']);
  const isTold = lane !== undefined && isSequence(first) && isSequence(last) && Number.isSafeInteger(settled);
  return {
    sink: typeof sink === 'string' ? sink : null,
    replay: typeof replay === 'string' ? replay : null,
    coverage:
      isTold && first <= last
        ? { lane, first, last, absent: absentOf(told['absent']), settled: Number(settled) }
        : null,
  };
}

/** As pairs of numbers, or as text (`13-15,20-22`), since CloudEvents attributes are scalar; what is malformed is as untold. */
function absentOf(told: unknown): readonly SequenceRange[] {
  const pairs: unknown = typeof told === 'string' ? told.split(',').map((range) => range.split('-').map(Number)) : told;
  if (!Array.isArray(pairs)) return [];
  return pairs.slice(0, MAX_ABSENT).flatMap((pair: unknown) => {
    const [first, last] = Array.isArray(pair) ? pair : [];
    return isSequence(first) && isSequence(last) && first <= last ? [{ first, last }] : [];
  });
}

/** A batch speaks for its own events at least: with any other account a receiver would take them for repeats, or miss none. */
function covering(batch: ReceivedBatch): ReceivedBatch {
  const { coverage, events } = batch;
  if (coverage === null) return batch;
  const { lane, first, last } = coverage;
  for (const event of events) {
    if (event.lane !== lane || event.sequence < first || event.sequence > last) {
      throw invalid(`event ${event.sequence} is not of what the batch speaks for: ${first} to ${last} of lane ${lane}`);
    }
  }
  return batch;
}

function parseCborBatch(bytes: Uint8Array): ReceivedBatch {
  let parts: unknown;
  try {
    parts = decodeCbor(bytes.subarray(3));
  } catch (cause) {
    throw invalid('damaged CBOR', cause);
  }
  const [main, lists] = Array.isArray(parts) ? parts : [];
  const head = batchHead(main);
  const { items, lists: cut = [] }: Record<string, unknown> = isObject(main) ? main : {};
  if (!Array.isArray(items) || !Array.isArray(lists) || !Array.isArray(cut)) throw invalid('no items or no tag lists');
  const known = receivedLists(lists, cut);
  if (known === null) throw invalid('a tag list is malformed');
  return covering({ ...head, events: items.map((item) => cborEvent(item, known, head.journalId)) });
}

function cborEvent(item: unknown, lists: ReadonlyMap<string, TagList>, journalId: string): ReceivedEvent {
  const [sequence, laneIndex, recordedtime, bytes] = Array.isArray(item) ? item : [];
  const lane = LANES[laneIndex];
  if (!isSequence(sequence) || lane === undefined || !Number.isFinite(recordedtime) || !(bytes instanceof Uint8Array)) {
    throw invalid('an item is not [sequence, lane, recordedtime, bytes]');
  }
  if (bytes.length > MAX_EVENT_BYTES) throw invalid(`event ${sequence} is larger than ${MAX_EVENT_BYTES} bytes`);
  try {
    const form = decodeCbor(bytes);
    const list = Array.isArray(form) ? (lists.get(form[1]) ?? null) : null;
    const event = decodeEvent({ sequence, lane, recordedtime, bytes, list }, journalId);
    if (!isEvent(event) || !isSoundReport(event)) throw new Error('an attribute has the wrong type');
    return event;
  } catch (cause) {
    throw invalid(`event ${sequence}: ${messageOf(cause)}`, cause);
  }
}

function parseJsonMessage(bytes: Uint8Array): ReceivedBatch {
  const value = parseJson(bytes);
  if (isObject(value) && value['specversion'] !== undefined) {
    const isEventOfJournal = value['type'] !== COVERAGE_TYPE || value['sequence'] !== undefined;
    return isEventOfJournal ? singleEvent(value) : coverageAlone(value);
  }
  const head = batchHead(value);
  const events: unknown = isObject(value) ? value['events'] : undefined;
  if (!Array.isArray(events)) throw invalid('no events');
  return covering({ ...head, events: events.map(cloudEvent) });
}

function singleEvent(value: Record<string, unknown>): ReceivedBatch {
  const event = cloudEvent(value);
  const { coversfrom, coversto = event.sequence } = value;
  const delivery = deliveryOf({ ...value, first: coversfrom, last: coversto });
  const journalId = event.id.slice(0, event.id.lastIndexOf('-'));
  const [, , gateway = ''] = event.source.split('/');
  const historical = value['historical'] === true;
  return covering({ journalId, gateway, sent: null, historical, events: [event], ...delivery });
}

/** What a sink tells that has no event to carry it. */
function coverageAlone(value: Record<string, unknown>): ReceivedBatch {
  const { journalid: journalId, source, time, coversfrom, coversto } = value;
  const delivery = deliveryOf({ ...value, first: coversfrom, last: coversto });
  const sent = Date.parse(String(time));
  if (typeof journalId !== 'string' || typeof source !== 'string' || !Number.isFinite(sent)) {
    throw invalid('journalid, source or time of a coverage is missing or has the wrong type');
  }
  if (delivery.coverage === null) throw invalid('a coverage does not tell its lane, its range or what is settled');
  const [, , gateway = ''] = source.split('/');
  return { journalId, gateway, sent, historical: false, events: [], ...delivery };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid('damaged JSON', cause);
  }
}

function batchHead(value: unknown): Omit<ReceivedBatch, 'events'> {
  if (!isObject(value) || value['format'] !== BATCH_FORMAT) throw invalid(`not of the format ${BATCH_FORMAT}`);
  const { journalId, gateway, sent, historical } = value;
  if (typeof journalId !== 'string' || typeof gateway !== 'string') throw invalid('journalId or gateway is no text');
  if (typeof sent !== 'number' || typeof historical !== 'boolean') throw invalid('sent or historical is malformed');
  return { journalId, gateway, sent, historical, ...deliveryOf(value) };
}

/** Only Headgate's own ids carry journal and sequence: `<journalId>-<sequence>`. */
function cloudEvent(value: unknown): ReceivedEvent {
  if (!isObject(value) || value['specversion'] !== '1.0') throw invalid('not a CloudEvents 1.0 event');
  const { time, recordedtime, sequence, specversion, datacontenttype, lane: ofLane, ...others } = value;
  const { historical, replay, sink, coversfrom, coversto, absent, settled, ...rest } = others;
  const lane = LANES.find((known) => known === ofLane);
  const event = {
    ...rest,
    ...(lane === undefined ? {} : { lane }),
    sequence: Number(sequence),
    time: Date.parse(String(time)),
    recordedtime: Date.parse(String(recordedtime)),
  };
  if (!isEvent(event)) throw invalid(`event ${String(rest['id'])}: an attribute is missing or has the wrong type`);
  return event;
}

function isEvent(value: object): value is ReceivedEvent {
  const event: Partial<Record<keyof ReceivedEvent, unknown>> = value;
  const { id, sequence } = event;
  if (typeof id !== 'string' || !isSequence(sequence) || !id.endsWith(eventId('', sequence))) return false;
  const { time, recordedtime } = event;
  const hasTexts = [event.source, event.type, event.subject].every((text) => typeof text === 'string' && text !== '');
  const hasKeys = [
    event.partitionkey,
    event.dataschema,
    event.correlationid,
    event.causationid,
    event.traceparent,
  ].every((text) => text === undefined || typeof text === 'string');
  return hasTexts && hasKeys && Number.isFinite(time) && Number.isFinite(recordedtime);
}

function isSequence(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string, cause?: unknown): HeadgateError {
  return new HeadgateError('BATCH_INVALID', { reason }, cause);
}
