import type { EpochMs } from '../../model/time.ts';
import type { DataValueLike } from './decode.ts';

/** The protocol library's stream of bytes; `length` is the position of its next byte. */
export interface ByteStream {
  readonly buffer: Uint8Array;
  length: number;
}

/** Client handle and encoding mask: the least that an item takes. */
const MIN_ITEM_BYTES = 5;
/** From 1601-01-01 to 1970-01-01. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;
const TICKS_PER_MS = 10_000;
const TWO_32 = 4_294_967_296;
/** 9999-12-31T23:59:59.999Z: what is later is no time of a reading. */
const LATEST_MS: EpochMs = 253_402_300_799_999;

/** Bits of a DataValue's encoding mask. Source: OPC 10000-6 §5.2.2.17, Table 26. */
const Mask = {
  Value: 0x01,
  Status: 0x02,
  SourceTime: 0x04,
  ServerTime: 0x08,
  SourcePico: 0x10,
  ServerPico: 0x20,
} as const;

/** How scalars that are numbers are read, by built-in type; bytes each. Source: OPC 10000-6 Table 1, §5.2.2. */
const SCALAR_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 1,
  4: 2,
  5: 2,
  6: 4,
  7: 4,
  10: 4,
  11: 8,
};

/**
 * The items of a DataChangeNotification as columns: the library would make seven objects of each, which is most of the time and
 * memory that ten thousand values cost.
 */
export interface DataChanges {
  readonly count: number;
  readonly handles: Uint32Array;
  /** Built-in type of a plain number or boolean; 0: no value. */
  readonly types: Uint8Array;
  /** A boolean as 1 or 0. */
  readonly numbers: Float64Array;
  readonly statuses: Uint32Array;
  /** The source's time, else the server's, else 0. */
  readonly times: Float64Array;
  /** What is no plain number, by position, as the library decodes it. */
  readonly others: ReadonlyMap<number, DataValueLike>;
}

/**
 * Read the body of a DataChangeNotification up to its diagnostics.
 * @param decodeOther decodes one DataValue from the stream's position on
 * @throws RangeError the bytes end before the items do
 * @source OPC 10000-4 §7.25.2, OPC 10000-6 §5.2.2.17 (DataValue), §5.2.2.16 (Variant), §5.2.2.5 (DateTime)
 */
export function readDataChanges(stream: ByteStream, decodeOther: () => DataValueLike): DataChanges {
  const { buffer } = stream;
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const count = Math.max(0, view.getInt32(stream.length, true));
  stream.length += 4;
  if (count * MIN_ITEM_BYTES > view.byteLength - stream.length) throw new RangeError(`${count} items are not there`);
  const others = new Map<number, DataValueLike>();
  const changes = {
    count,
    handles: new Uint32Array(count),
    types: new Uint8Array(count),
    numbers: new Float64Array(count),
    statuses: new Uint32Array(count),
    times: new Float64Array(count),
    others,
  };
  for (let position = 0; position < count; position++) {
    changes.handles[position] = view.getUint32(stream.length, true);
    stream.length += 4;
    const end = readPlain(view, stream.length, changes, position);
    if (end > 0) stream.length = end;
    else others.set(position, decodeOther());
  }
  return changes;
}

type Columns = Pick<DataChanges, 'types' | 'numbers' | 'statuses' | 'times'>;

/** @returns where the DataValue ends; 0: it holds more than a plain number */
function readPlain(view: DataView, begin: number, columns: Columns, position: number): number {
  let at = begin;
  const mask = view.getUint8(at++);
  if ((mask & Mask.Value) !== 0) {
    const type = view.getUint8(at++);
    const bytes = SCALAR_BYTES[type];
    if (bytes === undefined) return 0;
    columns.types[position] = type;
    columns.numbers[position] = scalar(view, at, type);
    at += bytes;
  }
  if ((mask & Mask.Status) !== 0) {
    columns.statuses[position] = view.getUint32(at, true);
    at += 4;
  }
  let time = 0;
  if ((mask & Mask.SourceTime) !== 0) {
    time = timeAt(view, at);
    at += 8;
  }
  if ((mask & Mask.SourcePico) !== 0) at += 2;
  if ((mask & Mask.ServerTime) !== 0) {
    if (time === 0) time = timeAt(view, at);
    at += 8;
  }
  if ((mask & Mask.ServerPico) !== 0) at += 2;
  if (at > view.byteLength) throw new RangeError('an item is cut off');
  columns.times[position] = time;
  return at;
}

function scalar(view: DataView, at: number, type: number): number {
  switch (type) {
    case 1:
      return view.getUint8(at) === 0 ? 0 : 1;
    case 2:
      return view.getInt8(at);
    case 3:
      return view.getUint8(at);
    case 4:
      return view.getInt16(at, true);
    case 5:
      return view.getUint16(at, true);
    case 6:
      return view.getInt32(at, true);
    case 7:
      return view.getUint32(at, true);
    case 10:
      return view.getFloat32(at, true);
    default:
      return view.getFloat64(at, true);
  }
}

/** A FILETIME of whole ms; 0 for what is no time between 1970 and 9999. */
function timeAt(view: DataView, at: number): EpochMs {
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  // In two parts, since 64 bits are more than a double holds exactly.
  const whole = high * Math.floor(TWO_32 / TICKS_PER_MS);
  const time = whole + Math.floor((high * (TWO_32 % TICKS_PER_MS) + low) / TICKS_PER_MS) - FILETIME_EPOCH_MS;
  return time > 0 && time <= LATEST_MS ? time : 0;
}

/** The built-in type Boolean. Source: OPC 10000-6 Table 1. */
const BOOLEAN = 1;

/** Plain values as Variants: the same object each time. */
export class PlainValue {
  readonly variant: {
    dataType: number;
    readonly arrayType: 0;
    value: number | boolean | null;
    readonly dimensions: null;
  } = {
    dataType: 0,
    arrayType: 0,
    value: null,
    dimensions: null,
  };

  /** @returns null when there is no value */
  of(changes: DataChanges, position: number): PlainValue['variant'] | null {
    const dataType = changes.types[position] as number;
    if (dataType === 0) return null;
    const number = changes.numbers[position] as number;
    this.variant.dataType = dataType;
    this.variant.value = dataType === BOOLEAN ? number !== 0 : number;
    return this.variant;
  }
}
