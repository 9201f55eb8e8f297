import { isAssetPath } from '../model/asset.ts';
import { type EventDraft, isEventType } from '../model/event.ts';
import type { EpochMs } from '../model/time.ts';
import { segmentToType } from '../model/topic.ts';
import { isRfc3339, parseObject } from './client-json.ts';

const PREFIX = 'evt/v1/';
const MAX_TEXT = 1_024;
/** Deeper data would overflow the stack of a recursive encoder. */
const MAX_DEPTH = 64;

/** A client's event in the form that is accepted, and what the client calls it. */
export interface ClientEvent {
  readonly draft: EventDraft;
  /** The client's `source` and `id`, which are unique together: a repeat has the same. */
  readonly identity: string;
}

/** True for topics that carry events of clients. */
export function isEventTopic(topic: string): boolean {
  return topic.startsWith(PREFIX);
}

/**
 * The event that a client published to `evt/v1/<asset>/<type>` as structured JSON. The accepted event gets an id of the journal;
 * the client's id becomes its `correlationid` and `causationid` where the client gave none. Other extensions are not kept.
 * @returns the event, or the reason why it is none, in words for whoever wrote the client
 * @source CloudEvents 1.0.2 §3.1, JSON Event Format 1.0.2 §3
 */
export function readClientEvent(topic: string, payload: Uint8Array, now: EpochMs): ClientEvent | string {
  const cut = topic.lastIndexOf('/');
  const asset = topic.slice(PREFIX.length, Math.max(cut, PREFIX.length));
  const type = segmentToType(topic.slice(cut + 1));
  if (!isAssetPath(asset)) return 'the topic is not evt/v1/<asset path>/<event type>';
  if (!isEventType(type)) return `the topic's last level is no event type such as batch-started_v1`;
  if (type.startsWith('headgate.')) return 'event types headgate.* belong to the gateway';
  const parsed = parseObject(payload);
  if (typeof parsed === 'string') return parsed;
  const text = (name: string): string | undefined => {
    const value = parsed[name];
    return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT ? value : undefined;
  };
  const { specversion, time } = parsed;
  const id = text('id');
  const source = text('source');
  if (specversion !== '1.0') return 'specversion is not "1.0"';
  if (id === undefined) return `id is not a text of 1 to ${MAX_TEXT} characters`;
  if (source === undefined) return `source is not a text of 1 to ${MAX_TEXT} characters`;
  if (source.startsWith('/headgate/')) return 'sources under /headgate/ belong to the gateway';
  if (parsed['type'] !== type) return `type is not ${type}, as the topic says`;
  const isOther = (name: string) => parsed[name] !== undefined && parsed[name] !== null;
  if (isOther('subject') && parsed['subject'] !== asset) return `subject is not ${asset}, as the topic says`;
  if (isOther('data_base64')) return 'data_base64 is not supported; put JSON into data';
  if (isOther('datacontenttype') && !/^application\/([\w.-]+\+)?json\b/i.test(text('datacontenttype') ?? '')) {
    return 'datacontenttype is not application/json';
  }
  if (isDeeper(parsed['data'], MAX_DEPTH)) return `data is nested deeper than ${MAX_DEPTH} levels`;
  for (const name of ['dataschema', 'partitionkey', 'correlationid', 'causationid', 'traceparent']) {
    if (isOther(name) && text(name) === undefined) return `${name} is not a text of 1 to ${MAX_TEXT} characters`;
  }
  if (isOther('time') && !isRfc3339(time)) {
    return 'time is not RFC 3339, such as 2026-01-31T13:45:00Z';
  }
  const dataschema = text('dataschema');
  const partitionkey = text('partitionkey');
  const traceparent = text('traceparent');
  return {
    identity: `${source} ${id}`,
    draft: {
      source,
      type,
      subject: asset,
      time: typeof time === 'string' ? Date.parse(time) : now,
      data: parsed['data'] ?? null,
      lane: 'normal',
      correlationid: text('correlationid') ?? id,
      causationid: text('causationid') ?? id,
      ...(dataschema === undefined ? {} : { dataschema }),
      ...(partitionkey === undefined ? {} : { partitionkey }),
      ...(traceparent === undefined ? {} : { traceparent }),
    },
  };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
