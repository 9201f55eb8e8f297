import type { AssetPath } from './asset.ts';
import { type EventDraft, TELEMETRY_TYPE } from './event.ts';
import type { TelemetryReport } from './telemetry.ts';

/** `headgate.maintenance-required.v1` → `headgate_maintenance-required_v1`; types have no `_`, so it maps both ways. */
export function typeToSegment(type: string): string {
  return type.replaceAll('.', '_');
}

/** The reverse of typeToSegment. */
export function segmentToType(segment: string): string {
  return segment.replaceAll('_', '.');
}

/** `uns/v1/<asset path>/_telemetry_v1/<group>`. */
export function telemetryTopic(asset: AssetPath, group: string): string {
  return `uns/v1/${asset}/_telemetry_v1/${group}`;
}

/** `uns/v1/<asset path>/<tag>`: the retained current value. */
export function tagTopic(asset: AssetPath, tag: string): string {
  return `uns/v1/${asset}/${tag}`;
}

/** `evt/v1/<asset path>/<event type>`. */
export function eventTopic(asset: AssetPath, type: string): string {
  return `evt/v1/${asset}/${typeToSegment(type)}`;
}

/** The one topic that an event is published to on the bus. */
export function topicOf(event: EventDraft): string {
  return event.type === TELEMETRY_TYPE
    ? telemetryTopic(event.subject, (event.data as TelemetryReport).list.group)
    : eventTopic(event.subject, event.type);
}

/**
 * MQTT topic filter matching: `+` one level, `#` the rest, and neither matches a leading `$` level.
 * @source MQTT 3.1.1 §4.7
 */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split('/');
  const levels = topic.split('/');
  if (levels[0]?.startsWith('$') && (wanted[0] === '#' || wanted[0] === '+')) return false;
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return i === wanted.length - 1;
    if (i >= levels.length) return false;
    if (wanted[i] !== '+' && wanted[i] !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

/**
 * True for a legal filter: not empty, at most 65,535 bytes, `#` last and alone, `+` alone in its level, no NUL.
 * @source MQTT 3.1.1 §4.7.1
 */
export function isTopicFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0') || Buffer.byteLength(filter) > 65_535) return false;
  const levels = filter.split('/');
  return levels.every((level, i) =>
    level.includes('#') ? level === '#' && i === levels.length - 1 : !level.includes('+') || level === '+',
  );
}
