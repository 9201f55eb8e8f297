import type { HeadgateEvent } from './event.ts';
import { TelemetryReport } from './telemetry.ts';
import { appendTelemetryJson, expectedJsonBytes } from './telemetry-json.ts';
import { TextBuffer } from './text-buffer.ts';
import { toRfc3339 } from './time.ts';

/** Digits of the `sequence` attribute, so that it sorts as text. */
const SEQUENCE_DIGITS = 16;
/** Of a report around its samples, and where the attributes are not ASCII. */
const SPARE_BYTES = 256;

/**
 * An event as CloudEvents 1.0 structured JSON (`application/cloudevents+json`), for the local broker, exports and JSON sinks.
 * A 64-bit integer beyond ±2^53 in `data` becomes decimal text.
 * @source CloudEvents JSON Event Format 1.0.2 §3
 */
export function toCloudEventJson(event: HeadgateEvent): string {
  return event.data instanceof TelemetryReport ? encodeCloudEventJson(event).toString() : plainJson(event);
}

/** The same as UTF-8: for reports of thousands of samples, which are too long to be put together as a string. */
export function encodeCloudEventJson(event: HeadgateEvent): Buffer {
  if (!(event.data instanceof TelemetryReport)) return Buffer.from(plainJson(event));
  const attributes = attributesJson(event);
  const text = new TextBuffer(attributes.length + expectedJsonBytes(event.data) + SPARE_BYTES);
  text.append(`${attributes.slice(0, -1)},"data":`);
  appendTelemetryJson(text, event.data);
  text.append('}');
  return text.finish();
}

function plainJson(event: HeadgateEvent): string {
  const attributes = attributesJson(event);
  const data = dataJson(event.data);
  return data === undefined ? attributes : `${attributes.slice(0, -1)},"data":${data}}`;
}

function attributesJson(event: HeadgateEvent): string {
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: event.source,
    type: event.type,
    subject: event.subject,
    time: toRfc3339(event.time),
    datacontenttype: 'application/json',
    dataschema: event.dataschema,
    recordedtime: toRfc3339(event.recordedtime),
    sequence: String(event.sequence).padStart(SEQUENCE_DIGITS, '0'),
    lane: event.lane,
    partitionkey: event.partitionkey ?? event.subject,
    correlationid: event.correlationid,
    causationid: event.causationid,
    traceparent: event.traceparent,
  });
}

function dataJson(data: unknown): string | undefined {
  return JSON.stringify(data, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}
