import type { StatusCode } from '../model/quality.ts';
import type { TagValue } from '../model/tag.ts';
import { type NumberColumn, type TagList, TelemetryReport, type ValueColumn } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';
import { tagTopic, telemetryTopic } from '../model/topic.ts';

/** The last accepted value of a tag. */
export interface CurrentValue {
  readonly asset: string;
  readonly tag: string;
  readonly unit: string;
  readonly value: TagValue;
  readonly status: StatusCode;
  readonly time: EpochMs;
}

/** For readers of the table: `tag read`, `status`. */
export interface CurrentValues {
  /** null: no such tag, or nothing reported yet. */
  get(asset: string, tag: string): CurrentValue | null;
  /** Every tag that has reported, of one asset or of all. */
  list(asset?: string): Generator<CurrentValue>;
  /** How many tags the table has room for. */
  readonly size: number;
}

/** What a map of 10,000 names costs to make. */
const LOOKUPS_WITHOUT_MAP = 50;

/** The columns of a list's current values; each has as many places as the list, or none before the first report. */
interface CurrentColumns {
  indexes: null;
  values: ValueColumn;
  statuses: StatusCode | Uint32Array;
  timeBase: EpochMs;
  timeDeltas: 0 | NumberColumn;
}

/**
 * The values of one tag list: a report over the whole list, whose columns are overwritten. As long as each report is of the whole list and of
 * numbers they are copies of the last one's, 2 to 5 bytes a tag; the first other one makes them wide, 20. Time NaN: nothing reported yet.
 */
export class CurrentList {
  readonly list: TagList;
  /** Topic of the reports of this list. */
  readonly topic: string;
  readonly report: TelemetryReport;
  /** Null while the columns are narrow. Numbers only until the first text or 64-bit integer comes. */
  #wide: { values: Float64Array | TagValue[]; readonly statuses: Uint32Array; readonly times: Float64Array } | null =
    null;
  #positions: Map<string, number> | null = null;
  #lookups = 0;
  readonly #columns: CurrentColumns;

  constructor(list: TagList) {
    this.list = list;
    this.topic = telemetryTopic(list.asset, list.group);
    const values = new Float64Array(0);
    this.#columns = { indexes: null, values, statuses: 0, timeBase: Number.NaN, timeDeltas: 0 };
    this.report = new TelemetryReport(list, this.#columns);
  }

  has(position: number): boolean {
    return position < this.#columns.values.length && !Number.isNaN(this.report.time(position));
  }

  /** Position of a tag by name; -1 if it has none here. A map, 40 bytes a tag, is made for those who ask often. */
  position(tag: string): number {
    if (this.#lookups++ < LOOKUPS_WITHOUT_MAP) return this.list.names.indexOf(tag);
    this.#positions ??= new Map(this.list.names.map((name, i) => [name, i]));
    return this.#positions.get(tag) ?? -1;
  }

  /**
   * Take over a report of this list.
   * @param onChange is called with each position whose value or status differs from before; null: nobody listens
   */
  update(report: TelemetryReport, onChange: ((position: number) => void) | null): void {
    const { indexes, values, statuses, timeBase, timeDeltas } = report.columns;
    const isWhole = indexes === null && values.length === this.list.names.length && isNumberColumn(values);
    if (isWhole && onChange === null && this.#wide === null) {
      const own = this.#columns;
      own.values = copied(values, own.values);
      own.statuses = typeof statuses === 'number' ? statuses : copied(statuses, own.statuses);
      own.timeBase = timeBase;
      own.timeDeltas = timeDeltas === 0 ? 0 : copied(timeDeltas, own.timeDeltas);
      return;
    }
    const wide = this.#widen();
    if (!isNumberColumn(values) && !Array.isArray(wide.values) && values.some((value) => typeof value !== 'number')) {
      wide.values = Array.from(wide.values);
      this.#columns.values = wide.values;
    }
    const own = wide.values;
    if (onChange === null && indexes === null && !Array.isArray(own) && isNumberColumn(values)) {
      own.set(values);
      if (typeof statuses === 'number') wide.statuses.fill(statuses, 0, values.length);
      else wide.statuses.set(statuses);
      if (timeDeltas === 0) wide.times.fill(timeBase, 0, values.length);
      else for (let i = 0; i < values.length; i++) wide.times[i] = timeBase + (timeDeltas[i] ?? 0);
      return;
    }
    for (let i = 0; i < values.length; i++) {
      const position = indexes === null ? i : (indexes[i] ?? -1);
      if (position < 0 || position >= wide.times.length) continue;
      const value = values[i] ?? Number.NaN;
      const status = typeof statuses === 'number' ? statuses : (statuses[i] ?? 0);
      const time = timeDeltas === 0 ? timeBase : timeBase + (timeDeltas[i] ?? 0);
      const changed = onChange !== null && (!Object.is(own[position], value) || wide.statuses[position] !== status);
      own[position] = value as number;
      wide.statuses[position] = status;
      wide.times[position] = time;
      if (changed) onChange?.(position);
    }
  }

  /** The columns with room for anything at each position. */
  #widen() {
    if (this.#wide !== null) return this.#wide;
    const count = this.list.names.length;
    const { values, statuses, timeBase, timeDeltas } = this.#columns;
    const wide = {
      values: new Float64Array(count).fill(Number.NaN),
      statuses: new Uint32Array(count),
      times: new Float64Array(count).fill(timeBase),
    };
    wide.values.set(values as NumberColumn);
    if (typeof statuses === 'number') wide.statuses.fill(statuses);
    else wide.statuses.set(statuses);
    if (timeDeltas !== 0) for (let i = 0; i < count; i++) wide.times[i] = timeBase + (timeDeltas[i] as number);
    Object.assign(this.#columns, { values: wide.values, statuses: wide.statuses, timeBase: 0, timeDeltas: wide.times });
    this.#wide = wide;
    return wide;
  }

  /** The topic of one tag. */
  tagTopic(position: number): string {
    return tagTopic(this.list.asset, this.list.names[position] ?? '');
  }

  current(position: number): CurrentValue {
    return {
      asset: this.list.asset,
      tag: this.list.names[position] ?? '',
      unit: this.list.units[position] ?? '',
      value: this.report.value(position),
      status: this.report.status(position),
      time: this.report.time(position),
    };
  }

  /** The payload of the tag's own topic: `{"timestamp_ms":…,"value":…,"quality":…}`. */
  payload(position: number): string {
    const value = this.report.value(position);
    const time = this.report.time(position);
    const json = typeof value === 'bigint' ? `"${value}"` : JSON.stringify(value);
    return `{"timestamp_ms":${time},"value":${json},"quality":${this.report.status(position)}}`;
  }
}

/** The table of current values: columns per tag list, nothing per tag. Lists of the same stream replace each other. */
export class CurrentTable implements CurrentValues {
  readonly #byId = new Map<string, CurrentList>();
  readonly #byStream = new Map<string, CurrentList>();
  readonly #byAsset = new Map<string, Set<CurrentList>>();

  get size(): number {
    let size = 0;
    for (const { list } of this.#byId.values()) size += list.names.length;
    return size;
  }

  /** The columns of a list; a list seen for the first time takes the place of the stream's former one. */
  of(list: TagList): CurrentList {
    return this.#byId.get(list.id) ?? this.#add(list);
  }

  /** Forget the streams of a device that was removed. */
  forgetDevice(device: string): void {
    for (const [stream, current] of this.#byStream) {
      if (current.list.device === device) this.#drop(stream, current);
    }
  }

  /** The lists of an asset. */
  listsOf(asset: string): Iterable<CurrentList> {
    return this.#byAsset.get(asset) ?? [];
  }

  assets(): Iterable<string> {
    return this.#byAsset.keys();
  }

  get(asset: string, tag: string): CurrentValue | null {
    for (const current of this.listsOf(asset)) {
      const position = current.position(tag);
      if (position >= 0 && current.has(position)) return current.current(position);
    }
    return null;
  }

  *list(asset?: string): Generator<CurrentValue> {
    for (const current of asset === undefined ? this.#byId.values() : this.listsOf(asset)) {
      for (let i = 0; i < current.list.names.length; i++) if (current.has(i)) yield current.current(i);
    }
  }

  #add(list: TagList): CurrentList {
    const stream = `${list.asset} ${list.device} ${list.group}`;
    const current = new CurrentList(list);
    const former = this.#byStream.get(stream);
    if (former !== undefined) this.#drop(stream, former);
    this.#byId.set(list.id, current);
    this.#byStream.set(stream, current);
    const ofAsset = this.#byAsset.get(list.asset);
    if (ofAsset === undefined) this.#byAsset.set(list.asset, new Set([current]));
    else ofAsset.add(current);
    return current;
  }

  #drop(stream: string, current: CurrentList): void {
    const { asset, id } = current.list;
    this.#byStream.delete(stream);
    this.#byId.delete(id);
    const ofAsset = this.#byAsset.get(asset);
    ofAsset?.delete(current);
    if (ofAsset?.size === 0) this.#byAsset.delete(asset);
  }
}

/** A copy of a column, in the place of the former one if that is of its kind. */
function copied<T extends NumberColumn>(column: T, former: unknown): T {
  if (column.constructor !== Object(former).constructor || (former as T).length !== column.length) {
    return column.slice() as T;
  }
  (former as T).set(column);
  return former as T;
}

function isNumberColumn(values: ValueColumn): values is NumberColumn {
  return ArrayBuffer.isView(values);
}
