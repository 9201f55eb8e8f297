import type { AssetPath } from './asset.ts';
import { type StatusCode, statusName } from './quality.ts';
import type { DataType, Lane, TagValue } from './tag.ts';
import type { EpochMs } from './time.ts';

/**
 * The tags of one stream of reports: one device, one period, one asset, one lane. Immutable; a changed list is another list
 * with another id, so that a report is read right for ever.
 */
export interface TagList {
  /** `<16 hexadecimal digits of a hash over all that follows>`. */
  readonly id: string;
  /** CloudEvents source of its reports: `/headgate/<gateway>/<device>`. */
  readonly source: string;
  readonly device: string;
  readonly asset: AssetPath;
  /** Topic segment: `<device>_<period>ms`, with `_<lane>` added unless bulk. */
  readonly group: string;
  readonly lane: Lane;
  readonly names: readonly string[];
  readonly units: readonly string[];
  /** Data type of the values as reported: `bool` for a bit of a register, `float64` where an integer is scaled. */
  readonly types: readonly DataType[];
}

export type NumberColumn =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/**
 * Values in their narrowest exact form: a typed array if all are numbers, booleans (1, 0) or absent (NaN), else a plain array.
 */
export type ValueColumn = NumberColumn | readonly TagValue[];

/** The columns of a report, as they travel between threads and into the journal. */
export interface TelemetryColumns {
  /** Position in the list of each sample, ascending is not promised; null: the first `values.length` in list order. */
  readonly indexes: Uint16Array | Uint32Array | null;
  readonly values: ValueColumn;
  /** One StatusCode if all are equal. */
  readonly statuses: StatusCode | Uint32Array;
  readonly timeBase: EpochMs;
  /** Added to timeBase, in ms; 0 if all are equal. */
  readonly timeDeltas: 0 | NumberColumn;
}

/** One sample for people and JSON: name, value, StatusCode, source time. */
export interface Sample {
  readonly n: string;
  readonly v: TagValue;
  readonly q: StatusCode;
  readonly t: EpochMs;
}

/** The samples of one scan report. Readers use these accessors and never see the columns. */
export class TelemetryReport {
  readonly list: TagList;
  readonly columns: TelemetryColumns;

  constructor(list: TagList, columns: TelemetryColumns) {
    this.list = list;
    this.columns = columns;
  }

  /** How many samples; positions run from 0 to size - 1. */
  get size(): number {
    return this.columns.values.length;
  }

  /** Position of the sample's tag in the list. */
  tagIndex(position: number): number {
    const { indexes } = this.columns;
    return indexes === null ? position : (indexes[position] ?? -1);
  }

  name(position: number): string {
    return this.list.names[this.tagIndex(position)] ?? '';
  }

  value(position: number): TagValue {
    const raw = this.columns.values[position] ?? null;
    if (typeof raw !== 'number') return raw;
    if (Number.isNaN(raw)) return null;
    return this.list.types[this.tagIndex(position)] === 'bool' ? raw !== 0 : raw;
  }

  status(position: number): StatusCode {
    const { statuses } = this.columns;
    return typeof statuses === 'number' ? statuses : (statuses[position] ?? 0);
  }

  time(position: number): EpochMs {
    const { timeBase, timeDeltas } = this.columns;
    return timeDeltas === 0 ? timeBase : timeBase + (timeDeltas[position] ?? 0);
  }

  sample(position: number): Sample {
    return { n: this.name(position), v: this.value(position), q: this.status(position), t: this.time(position) };
  }

  /** The JSON form of the contract `headgate.telemetry.v1`; a 64-bit integer beyond ±2^53 becomes decimal text, NaN null. */
  toJSON(): { samples: Sample[] } {
    const samples: Sample[] = [];
    for (let position = 0; position < this.size; position++) {
      const sample = this.sample(position);
      samples.push(typeof sample.v === 'bigint' ? { ...sample, v: sample.v.toString() } : sample);
    }
    return { samples };
  }

  /** One line for people: `temperature=71.2 Good`. */
  describe(position: number): string {
    return `${this.name(position)}=${String(this.value(position))} ${statusName(this.status(position))}`;
  }
}

/** A report of the samples of one tag alone; null when it has none. */
export function narrowReport(report: TelemetryReport, name: string): TelemetryReport | null {
  const { list } = report;
  const positions: number[] = [];
  for (let position = 0; position < report.size; position++)
    if (report.name(position) === name) positions.push(position);
  const [first] = positions;
  if (first === undefined) return null;
  const timeBase = report.time(first);
  return new TelemetryReport(list, {
    indexes: Uint32Array.from(positions, (position) => report.tagIndex(position)),
    values: positions.map((position) => report.value(position)),
    statuses: Uint32Array.from(positions, (position) => report.status(position)),
    timeBase,
    timeDeltas: Float64Array.from(positions, (position) => report.time(position) - timeBase),
  });
}
