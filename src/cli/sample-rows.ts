import { toCloudEventJson } from '../model/cloud-event.ts';
import { type HeadgateEvent, isTelemetry } from '../model/event.ts';
import type { TagValue } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';

/**
 * One sample with all that is known of it. Of an event that is no telemetry there is one row: no tag, its data as JSON text. Texts have a column of
 * their own, so that programs take `value` for the numbers that it holds.
 */
export interface SampleRow {
  readonly time: EpochMs;
  readonly asset: string;
  readonly tag: string;
  /** A number; 1 or 0 for a boolean. */
  readonly value: number | null;
  /** A text, the JSON of an event, or the digits of an integer beyond ±2^53. */
  readonly text: string | null;
  readonly unit: string;
  /** StatusCode; null where there is none. */
  readonly status: number | null;
  readonly event: HeadgateEvent;
}

/** The rows of an event, in the order of its samples. */
export function* sampleRows(event: HeadgateEvent): Generator<SampleRow, void, void> {
  const { subject: asset } = event;
  if (!isTelemetry(event)) {
    const { data } = JSON.parse(toCloudEventJson(event)) as { data: unknown };
    yield {
      time: event.time,
      asset,
      tag: '',
      value: null,
      text: JSON.stringify(data ?? null),
      unit: '',
      status: null,
      event,
    };
    return;
  }
  const { data: report } = event;
  for (let position = 0; position < report.size; position++) {
    yield {
      time: report.time(position),
      asset,
      tag: report.name(position),
      ...valuesOf(report.value(position)),
      unit: report.list.units[report.tagIndex(position)] ?? '',
      status: report.status(position),
      event,
    };
  }
}

function valuesOf(value: TagValue): Pick<SampleRow, 'value' | 'text'> {
  if (value === null) return { value: null, text: null };
  if (typeof value === 'string') return { value: null, text: value };
  return { value: Number(value), text: typeof value === 'bigint' ? String(value) : null };
}
