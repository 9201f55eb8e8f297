import type { EventDraft } from '../model/event.ts';
import { DATA_TYPES, LANES } from '../model/tag.ts';
import { type TagList, TelemetryReport } from '../model/telemetry.ts';

/** In all lists of a batch: what a sender says of itself must not cost a receiver its memory. */
const MAX_TAGS = 1_000_000;

/**
 * The tag lists of a batch by id, the ones that were cut down back at their length with empty names where nothing was sent.
 * @returns null when any is malformed
 */
export function receivedLists(whole: readonly unknown[], cut: readonly unknown[]): ReadonlyMap<string, TagList> | null {
  const lists = new Map<string, TagList>();
  let left = MAX_TAGS;
  for (const [i, sent] of [...whole, ...cut].entries()) {
    const list = i < whole.length ? sent : expand(sent, left);
    if (!isTagList(list)) return null;
    left -= list.names.length;
    if (left < 0) return null;
    lists.set(list.id, list);
  }
  return lists;
}

function expand(list: unknown, maxSize: number): unknown {
  if (typeof list !== 'object' || list === null || !isTagList(list) || !('size' in list) || !('at' in list))
    return null;
  const { size, at, names, units, types, ...rest } = list;
  if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > maxSize) return null;
  if (!(at instanceof Uint32Array) || at.length !== names.length || at.some((index) => index >= size)) return null;
  const spread = <T>(column: readonly T[], absent: T) => {
    const whole = new Array<T>(size).fill(absent);
    at.forEach((index, i) => {
      whole[index] = column[i] ?? absent;
    });
    return whole;
  };
  return { ...rest, names: spread(names, ''), units: spread(units, ''), types: spread(types, 'auto') };
}

function isTagList(value: unknown): value is TagList {
  if (typeof value !== 'object' || value === null) return false;
  const list: Partial<Record<keyof TagList, unknown>> = value;
  const { names, units, types } = list;
  if (!isTexts(names) || !isTexts(units) || !isTexts(types)) return false;
  if (units.length !== names.length || types.length !== names.length) return false;
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
    if (count > list.names.length || list.names.slice(0, count).includes('')) return false;
  } else {
    if (!(indexes instanceof Uint16Array || indexes instanceof Uint32Array) || indexes.length !== count) return false;
    // Beyond the list, or a tag that was not sent.
    if (indexes.some((index) => (list.names[index] ?? '') === '')) return false;
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
