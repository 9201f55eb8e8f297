import type { AssetPath } from './asset.ts';
import type { Lane } from './tag.ts';
import type { TelemetryReport } from './telemetry.ts';
import type { EpochMs } from './time.ts';

/**
 * What a producer makes: everything of an event but what acceptance adds. Names are CloudEvents 1.0's.
 * `type` is lower-case words joined by `-` and `.`, ending in a version: `headgate.maintenance-required.v1`.
 */
export interface EventDraft<D = unknown> {
  /** URI reference of the producer: `/headgate/<gateway>/<device or service>`. */
  readonly source: string;
  readonly type: string;
  /** The asset it happened on. */
  readonly subject: AssetPath;
  /** Source time: when it happened. */
  readonly time: EpochMs;
  readonly data: D;
  readonly lane: Lane;
  /** Events with the same key form a stream and keep their order. Default: the subject. */
  readonly partitionkey?: string;
  readonly dataschema?: string;
  readonly correlationid?: string;
  readonly causationid?: string;
  readonly traceparent?: string;
}

/** An accepted event: committed to the journal, immutable. */
export interface HeadgateEvent<D = unknown> extends EventDraft<D> {
  /** `<journalId>-<sequence>`; never changes, so that receivers can drop repeats. */
  readonly id: string;
  /** Position in the journal, over all lanes, from 1, without reuse. */
  readonly sequence: number;
  /** When it was accepted. */
  readonly recordedtime: EpochMs;
  /** The run that delivers it again because somebody asked for it; absent: the regular delivery. */
  readonly replay?: string;
}

export const TELEMETRY_TYPE = 'headgate.telemetry.v1';
export const GAP_TYPE = 'headgate.gap.v1';
/** A connection state changed: data {device, connection, state, reason}. */
export const DEVICE_STATE_TYPE = 'headgate.device-state-changed.v1';

/** An event whose data is a scan report; subject = asset, partitionkey = `<asset>/<group name>`. */
export type TelemetryEvent = HeadgateEvent<TelemetryReport>;

/** True for a scan report, and narrows its data. */
export function isTelemetry(event: HeadgateEvent): event is TelemetryEvent;
export function isTelemetry(event: EventDraft): event is EventDraft<TelemetryReport>;
export function isTelemetry(event: EventDraft): boolean {
  return event.type === TELEMETRY_TYPE;
}

const TYPE_PATTERN = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.v[1-9][0-9]*$/;

/** True for an event type that maps to a topic segment and back. */
export function isEventType(text: string): boolean {
  return text.length <= 64 && TYPE_PATTERN.test(text);
}

/** The id of the event at a position of a journal. */
export function eventId(journalId: string, sequence: number): string {
  return `${journalId}-${sequence}`;
}
