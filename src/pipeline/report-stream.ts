import { makeTagList } from '../model/event-codec.ts';
import type { StatusCode } from '../model/quality.ts';
import type { ScanGroup } from '../model/reading.ts';
import type { DataType, TagDefinition, TagValue } from '../model/tag.ts';
import { type TagList, TelemetryReport } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';
import { narrowNumbers, narrowTimes } from './value-column.ts';

/** A value that no number column holds: a text, a bigint, or a boolean of a tag that is not declared bool. */
export type OtherValue = string | bigint | boolean;

/** Columns that others are compared with, the latest: tables go by device. */
const MOST_COLUMNS = 16;

/** Columns of tag lists, equal ones once: units and types of devices of one kind are the same. */
class EqualColumns {
  readonly #known: (readonly string[])[] = [];

  /** @returns this column or an equal one that was there before */
  of<T extends string>(column: readonly T[]): readonly T[] {
    for (const known of this.#known) {
      if (known.length === column.length && known.every((text, i) => text === column[i])) return known as readonly T[];
    }
    if (this.#known.length === MOST_COLUMNS) this.#known.shift();
    this.#known.push(column);
    return column;
  }
}

/** Room for the samples of one group's reports while they are made, which all groups share: between two batches it holds nothing. */
export class ReportScratch {
  readonly columns = new EqualColumns();
  readonly slots: Uint32Array;
  readonly numbers: Float64Array;
  readonly statuses: Uint32Array;
  readonly times: Float64Array;

  /** @param size tags of the largest group */
  constructor(size: number) {
    this.slots = new Uint32Array(size);
    this.numbers = new Float64Array(size);
    this.statuses = new Uint32Array(size);
    this.times = new Float64Array(size);
  }
}

/** Collects the samples of one asset and lane of a scan group until they are taken as a report. */
export class ReportStream {
  readonly list: TagList;
  readonly #slots: Uint32Array;
  readonly #numbers: Float64Array;
  readonly #statuses: Uint32Array;
  readonly #times: Float64Array;
  /** By position; empty for most streams. */
  readonly #others = new Map<number, OtherValue>();
  #count = 0;

  /** @param from where its part of the scratch begins: as long as the list */
  constructor(list: TagList, scratch: ReportScratch, from: number) {
    this.list = list;
    const end = from + list.names.length;
    this.#slots = scratch.slots.subarray(from, end);
    this.#numbers = scratch.numbers.subarray(from, end);
    this.#statuses = scratch.statuses.subarray(from, end);
    this.#times = scratch.times.subarray(from, end);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** A report can hold as many samples as the list has tags; take it before adding more. */
  get isFull(): boolean {
    return this.#count === this.#slots.length;
  }

  /** @param value a number, 1 or 0 for a bool tag, NaN for absent, or what no number column holds */
  add(slot: number, value: number | OtherValue, status: StatusCode, time: EpochMs): void {
    const position = this.#count++;
    this.#slots[position] = slot;
    if (typeof value === 'number') this.#numbers[position] = value;
    else this.#others.set(position, value);
    this.#statuses[position] = status;
    this.#times[position] = time;
  }

  /** The collected samples as a report in their narrowest form; the stream is empty afterwards. */
  take(): TelemetryReport {
    const count = this.#count;
    const numbers = this.#numbers.subarray(0, count);
    const times = this.#times.subarray(0, count);
    const report = new TelemetryReport(this.list, {
      indexes: this.#takeIndexes(count),
      values: this.#others.size === 0 ? narrowNumbers(numbers) : this.#mixedValues(numbers),
      statuses: takeStatuses(this.#statuses.subarray(0, count)),
      timeBase: times[0] ?? 0,
      timeDeltas: narrowTimes(times),
    });
    this.#count = 0;
    this.#others.clear();
    return report;
  }

  #takeIndexes(count: number): Uint16Array | Uint32Array | null {
    const slots = this.#slots.subarray(0, count);
    let isInOrder = true;
    for (let i = 0; i < count && isInOrder; i++) isInOrder = slots[i] === i;
    if (isInOrder) return null;
    return this.#slots.length <= 0x1_0000 ? new Uint16Array(slots) : slots.slice();
  }

  #mixedValues(numbers: Float64Array): TagValue[] {
    return Array.from(numbers, (number, position) => {
      const other = this.#others.get(position);
      if (other !== undefined) return other;
      if (Number.isNaN(number)) return null;
      return this.list.types[this.#slots[position] ?? 0] === 'bool' ? number !== 0 : number;
    });
  }
}

/** One list for each asset and lane of the group, in the order of first appearance, with the tags' places in the group. */
export function streamsOf(
  group: ScanGroup,
  source: string,
  scratch: ReportScratch,
): { stream: ReportStream; members: number[] }[] {
  const byKey = new Map<string, number[]>();
  const all = [...group.tags];
  all.forEach((tag, index) => {
    const key = `${tag.lane} ${tag.asset}`;
    const members = byKey.get(key);
    if (members === undefined) byKey.set(key, [index]);
    else members.push(index);
  });
  let from = 0;
  return [...byKey.values()].map((members) => {
    const tags = members.map((index) => all[index]).filter((tag) => tag !== undefined);
    const [{ asset, lane } = { asset: '', lane: 'bulk' as const }] = tags;
    const base = `${group.device}_${group.periodMs}ms`;
    const list = makeTagList({
      source,
      device: group.device,
      asset,
      group: lane === 'bulk' ? base : `${base}_${lane}`,
      lane,
      names: tags.map((tag) => tag.name),
      units: scratch.columns.of(tags.map((tag) => tag.unit)),
      types: scratch.columns.of(tags.map(reportedType)),
    });
    const stream = new ReportStream(list, scratch, from);
    from += members.length;
    return { stream, members };
  });
}

/** What the values are once reported: a bit is a bool, a field of bits and decimal digits an integer, a scaled integer a float64. */
function reportedType(tag: TagDefinition): DataType {
  if (tag.bit !== null && tag.length === null) return 'bool';
  const isScaled = tag.scale !== 1 || tag.offset !== 0 || tag.rawLow !== null;
  if (tag.texts !== undefined) return 'string';
  if (tag.type === 'float16') return 'float32';
  const isWhole = /int|bcd/.test(tag.type);
  if (isScaled && isWhole) return 'float64';
  return tag.bit !== null || tag.type.startsWith('bcd') ? 'uint32' : tag.type;
}

function takeStatuses(statuses: Uint32Array): StatusCode | Uint32Array {
  const first = statuses[0] ?? 0;
  for (let i = 1; i < statuses.length; i++) if (statuses[i] !== first) return statuses.slice();
  return first;
}
