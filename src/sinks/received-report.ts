import type { EventDraft } from '../model/event.ts';
import { DATA_TYPES, LANES } from '../model/tag.ts';
import { type TagList, TelemetryReport } from '../model/telemetry.ts';

const MAX_LIST_TAGS = 1_000_000;

/** True for a whole tag list: what a sender says of itself is checked before anything is read with it. */
export function isTagList(value: unknown): value is TagList {
  if (typeof value !== 'object' || value === null) return false;
  const list: Partial<Record<keyof TagList, unknown>> = value;
  const { names, units, types } = list;
  if (!isTexts(names) || !isTexts(units) || !isTexts(types)) return false;
  if (names.length > MAX_LIST_TAGS || units.length !== names.length || types.length !== names.length) return false;
  const knownTypes: ReadonlySet<string> = new Set(DATA_TYPES);
  const attributes = [list.id, list.source, list.device, list.asset, list.group];
  return (
    attributes.every((text) => typeof text === 'string' && text !== '') &&
    LANES.some((lane) => lane === list.lane) &&
    types.every((type) => knownTypes.has(type))
  );
}

/** True when the event is no scan report, or one whose columns fit together and stay within its tag list. */
export function isSoundReport(event: EventDraft): boolean {
  if (!(event.data instanceof TelemetryReport)) return true;
  const { list } = event.data;
  const columns: Record<string, unknown> = { ...event.data.columns };
  const { indexes, values, statuses, timeBase, timeDeltas } = columns;
  if (!isColumn(values)) return false;
  const count = values.length;
  if (indexes === null) {
    if (count > list.names.length) return false;
  } else {
    if (!(indexes instanceof Uint16Array || indexes instanceof Uint32Array) || indexes.length !== count) return false;
    if (indexes.some((index) => index >= list.names.length)) return false;
  }
  const hasStatuses = typeof statuses === 'number' || (statuses instanceof Uint32Array && statuses.length === count);
  const hasTimes = timeDeltas === 0 || (isNumberColumn(timeDeltas) && timeDeltas.length === count);
  return hasStatuses && hasTimes && Number.isFinite(timeBase);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string');
}

function isColumn(value: unknown): value is { readonly length: number } {
  return isNumberColumn(value) || (Array.isArray(value) && value.every(isTagValue));
}

function isNumberColumn(value: unknown): value is { readonly length: number } {
  return ArrayBuffer.isView(value) && !(value instanceof DataView);
}

function isTagValue(value: unknown): boolean {
  return value === null || ['number', 'string', 'boolean', 'bigint'].includes(typeof value);
}
