import { crc32 } from 'node:zlib';
import type { EpochMs } from '../model/time.ts';
import { DamageError } from './sqlite-failure.ts';

/*
 * Events of one lane that were committed together lie in a segment as frames: one row for many events, since a row of its own costs an event more
 * time and bytes than its payload (README.md). A frame is the payloads, one behind the other, and before them the heads: what is known of each event
 * without its payload, as columns. A reader that looks for something reads heads, and the payloads of frames that have it.
 *
 * Heads: sequences (above `first` + position), recorded (above the row's), times (above the row's; as they are if one is a fraction), streams, lists,
 * lengths. A column begins with a byte: 0 all are 0; 1, 2, 4 the bytes of each number; 8 each is a double; 16 + 1, 2, 4 all are the one that follows.
 * Little endian.
 */

/** What a reader of one event reads at most, if it has not more itself; about what a commit of a thousand small events has. */
const MAX_BYTES = 65_536;
const MAX_EVENTS = 1024;

const COLUMNS = 6;
const DOUBLE = 8;
const ALL_EQUAL = 16;

/** A row of the table `frame`. */
export interface FrameRow {
  /** Sequence of its first event. */
  readonly first: number;
  /** Its last sequence is so much higher. */
  readonly span: number;
  readonly count: number;
  /** The lowest. */
  readonly recorded: EpochMs;
  /** Lowest source time. */
  readonly time: EpochMs;
  /** The highest is so much later. */
  readonly timeSpan: number;
  readonly checksum: number;
  readonly heads: Uint8Array;
  readonly payload: Uint8Array;
}

/** Of a row, what its heads are read with. */
export type FrameHeadRow = Pick<FrameRow, 'first' | 'count' | 'recorded' | 'time' | 'heads'>;

/** What is known of the events of a frame without their payloads, by position. */
export interface FrameHeads {
  /** Ascending. */
  readonly sequences: Float64Array;
  readonly recorded: Float64Array;
  readonly times: Float64Array;
  /** Ids of the segment's own tables; list 0: none. */
  readonly streams: Float64Array;
  readonly lists: Float64Array;
  /** Where the payload of each ends. */
  readonly ends: Float64Array;
}

/** Of one event, beside its payload. */
export interface FrameHead {
  readonly sequence: number;
  readonly recorded: EpochMs;
  readonly time: EpochMs;
  readonly stream: number;
  readonly list: number;
}

/** Collects events for a frame. The buffers are used again for the next one. */
export class FrameBuilder {
  #count = 0;
  #bytes = 0;
  readonly #sequences = new Float64Array(MAX_EVENTS);
  readonly #recorded = new Float64Array(MAX_EVENTS);
  readonly #times = new Float64Array(MAX_EVENTS);
  readonly #streams = new Float64Array(MAX_EVENTS);
  readonly #lists = new Float64Array(MAX_EVENTS);
  readonly #lengths = new Float64Array(MAX_EVENTS);
  readonly #payload = new Uint8Array(MAX_BYTES);
  /** Of one event that is larger than a frame of more may be. */
  #large: Uint8Array | null = null;
  readonly #heads = new Uint8Array(COLUMNS * (1 + DOUBLE * MAX_EVENTS));
  readonly #headsView = new DataView(this.#heads.buffer);
  readonly #offsets = new Float64Array(MAX_EVENTS);

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** False: the frame must be taken before this event is added. */
  hasRoomFor(payload: Uint8Array): boolean {
    return this.#count === 0 || (this.#count < MAX_EVENTS && this.#bytes + payload.length <= MAX_BYTES);
  }

  /** Add the next event; its sequence is above the last one's. */
  add(head: FrameHead, payload: Uint8Array): void {
    const at = this.#count++;
    this.#sequences[at] = head.sequence;
    this.#recorded[at] = head.recorded;
    this.#times[at] = head.time;
    this.#streams[at] = head.stream;
    this.#lists[at] = head.list;
    this.#lengths[at] = payload.length;
    if (payload.length > MAX_BYTES) this.#large = payload;
    else this.#payload.set(payload, this.#bytes);
    this.#bytes += payload.length;
  }

  /** Drop what was added. */
  clear(): void {
    this.#count = 0;
    this.#bytes = 0;
    this.#large = null;
  }

  /** The frame of what was added; its arrays are good until the next event is added. */
  take(): FrameRow {
    const count = this.#count;
    const first = this.#sequences[0] ?? 0;
    const recorded = lowest(this.#recorded, count);
    const time = lowest(this.#times, count);
    const offsets = this.#offsets;
    for (let i = 0; i < count; i++) offsets[i] = (this.#sequences[i] ?? 0) - first - i;
    let end = this.#column(0, offsets);
    for (let i = 0; i < count; i++) offsets[i] = (this.#recorded[i] ?? 0) - recorded;
    end = this.#column(end, offsets);
    let latest = time;
    let isWhole = true;
    for (let i = 0; i < count; i++) {
      const each = this.#times[i] ?? 0;
      if (each > latest) latest = each;
      offsets[i] = each - time;
      isWhole &&= isUint32(each - time);
    }
    // A difference of fractions is not exact.
    end = isWhole ? this.#column(end, offsets) : this.#doubles(end, this.#times);
    for (const values of [this.#streams, this.#lists, this.#lengths]) end = this.#column(end, values);
    const frame = {
      first,
      span: (this.#sequences[count - 1] ?? first) - first,
      count,
      recorded,
      time,
      timeSpan: latest - time,
      heads: this.#heads.subarray(0, end),
      payload: this.#large ?? this.#payload.subarray(0, this.#bytes),
    };
    this.clear();
    return { ...frame, checksum: frameChecksum(frame) };
  }

  /** @returns where the column ends */
  #column(at: number, values: Float64Array): number {
    const count = this.#count;
    const value = values[0] ?? 0;
    let highest = value;
    let isEqual = true;
    for (let i = 0; i < count; i++) {
      const each = values[i] ?? 0;
      if (!isUint32(each)) return this.#doubles(at, values);
      if (each !== value) isEqual = false;
      if (each > highest) highest = each;
    }
    const width = highest < 0x100 ? 1 : highest < 0x1_0000 ? 2 : 4;
    const view = this.#headsView;
    if (isEqual) {
      view.setUint8(at, value === 0 ? 0 : ALL_EQUAL + width);
      return value === 0 ? at + 1 : setUint(view, at + 1, width, value);
    }
    view.setUint8(at, width);
    let end = at + 1;
    for (let i = 0; i < count; i++) end = setUint(view, end, width, values[i] ?? 0);
    return end;
  }

  #doubles(at: number, values: Float64Array): number {
    this.#headsView.setUint8(at, DOUBLE);
    for (let i = 0; i < this.#count; i++) this.#headsView.setFloat64(at + 1 + i * DOUBLE, values[i] ?? 0, true);
    return at + 1 + this.#count * DOUBLE;
  }
}

/** The heads of a row. @throws DamageError they are not as they were written */
export function decodeHeads(row: FrameHeadRow): FrameHeads {
  const { first, count, recorded, time, heads } = row;
  const wrong = () => new DamageError(`frame ${first}: its heads are wrong`);
  if (!(heads instanceof Uint8Array && Number.isInteger(count) && count > 0 && count <= MAX_EVENTS)) throw wrong();
  const view = new DataView(heads.buffer, heads.byteOffset, heads.byteLength);
  let at = 0;
  let isDouble = false;
  const column = (): Float64Array => {
    const mode = at < heads.length ? view.getUint8(at) : -1;
    const isEqual = mode > ALL_EQUAL;
    const width = isEqual ? mode - ALL_EQUAL : mode;
    isDouble = width === DOUBLE;
    const begin = at + 1;
    const bytes = isEqual ? width : width * count;
    const isKnown = mode === 0 || width === 1 || width === 2 || width === 4 || (isDouble && !isEqual);
    if (!isKnown || begin + bytes > heads.length) throw wrong();
    at = begin + bytes;
    const values = new Float64Array(count);
    if (isEqual) return values.fill(getNumber(view, begin, width));
    if (mode !== 0) for (let i = 0; i < count; i++) values[i] = getNumber(view, begin + i * width, width);
    return values;
  };
  const sequences = column();
  for (let i = 0; i < count; i++) sequences[i] = (sequences[i] ?? 0) + first + i;
  const recordedTimes = column();
  for (let i = 0; i < count; i++) recordedTimes[i] = (recordedTimes[i] ?? 0) + recorded;
  const times = column();
  if (!isDouble) for (let i = 0; i < count; i++) times[i] = (times[i] ?? 0) + time;
  const streams = column();
  const lists = column();
  const ends = column();
  for (let i = 1; i < count; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0);
  if (at !== heads.length) throw wrong();
  return { sequences, recorded: recordedTimes, times, streams, lists, ends };
}

/** The checksum of a frame as a signed 32-bit integer, over all that it has: SQLite has no checksums of its own. */
export function frameChecksum(frame: Omit<FrameRow, 'checksum'>): number {
  const { first, span, count, recorded, time, timeSpan, heads, payload } = frame;
  const row = new Uint8Array(Float64Array.of(first, span, count, recorded, time, timeSpan).buffer);
  return crc32(payload, crc32(heads, crc32(row))) | 0;
}

function lowest(values: Float64Array, count: number): number {
  let low = values[0] ?? 0;
  for (let i = 1; i < count; i++) if ((values[i] ?? 0) < low) low = values[i] ?? 0;
  return low;
}

function isUint32(value: number): boolean {
  return value >>> 0 === value;
}

function setUint(view: DataView, at: number, width: number, value: number): number {
  if (width === 1) view.setUint8(at, value);
  else if (width === 2) view.setUint16(at, value, true);
  else view.setUint32(at, value, true);
  return at + width;
}

function getNumber(view: DataView, at: number, width: number): number {
  if (width === 1) return view.getUint8(at);
  if (width === 2) return view.getUint16(at, true);
  return width === 4 ? view.getUint32(at, true) : view.getFloat64(at, true);
}
