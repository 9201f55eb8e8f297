import { Status, type StatusCode } from '../../model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../../model/reading.ts';
import type { TagValue } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import { compileDecode, type DecodeProgram, decodeBlock, fillBlock, slotsOf } from './decode.ts';
import type { Block } from './plan.ts';
import type { ModbusPoint } from './point.ts';

/** What a value has that is not as the rest of its block. */
interface Own {
  readonly status: StatusCode;
  readonly time: EpochMs;
}

/** Statuses and times of the batch that is being handed over, for all scans: the receiver keeps nothing of them. */
const room = { statuses: new Uint32Array(0), times: new Float64Array(0) };

/**
 * What a scan gathers on its way to a report. A slot is a place in the batch: the members of the scan that are not left out, in order. A block
 * is read at once, so status and time are kept for each block, and for a tag only where it has its own.
 */
export class ScanBatch {
  readonly #group: ScanGroup;
  readonly #members: Uint32Array | null;
  /** Position among the members of each slot; null: nothing is left out. */
  #live: Uint32Array | null = null;
  #indexes: Uint32Array | null = null;
  /** Of each slot; some of their types do not take every pattern of bits. */
  #mayFail = false;
  #program: DecodeProgram;
  readonly #values: TagValue[];
  #statuses = new Uint32Array(0);
  #times = new Float64Array(0);
  readonly #own = new Map<number, Own>();
  #hasBad = false;

  /** @param members positions in the group of the tags that are scanned, ascending; null: all */
  constructor(group: ScanGroup, members: Uint32Array | null) {
    this.#group = group;
    this.#members = members;
    this.#values = new Array<TagValue>(this.size).fill(null);
    this.#program = compileDecode([], [], null);
  }

  /** How many tags are scanned, those that are left out among them. */
  get size(): number {
    return this.#members?.length ?? this.#group.tags.length;
  }

  /** Position in the group of a member. */
  indexOf(position: number): number {
    return this.#members === null ? position : (this.#members[position] as number);
  }

  /** Position among the members of a slot. */
  positionOf(slot: number): number {
    return this.#live === null ? slot : (this.#live[slot] as number);
  }

  /** How many tags a batch has. */
  get count(): number {
    return this.#live?.length ?? this.size;
  }

  /** Begin anew, without the members at these positions. */
  leaveOut(positions: ReadonlyMap<number, unknown>): void {
    const isWhole = positions.size === 0;
    const all = Array.from({ length: this.size }, (_none, position) => position);
    this.#live = isWhole ? null : Uint32Array.from(all.filter((position) => !positions.has(position)));
    this.#indexes = this.#live === null ? this.#members : this.#live.map((position) => this.indexOf(position));
    this.#values.fill(null);
  }

  /**
   * Take a plan.
   * @param blocks whose points are slots
   * @param points by slot
   */
  plan(blocks: readonly Block[], points: readonly ModbusPoint[]): void {
    this.#mayFail = points.some(({ type }) => type === 'bcd16' || type === 'bcd32');
    this.#program = compileDecode(blocks, points, null);
    this.#statuses = new Uint32Array(blocks.length);
    this.#times = new Float64Array(blocks.length);
  }

  /** The slots of a block, by ascending offset in the unit. */
  slotsOf(block: number): number[] {
    return [...slotsOf(this.#program, block)];
  }

  /** A scan begins. */
  begin(): void {
    this.#own.clear();
    this.#hasBad = false;
  }

  /** The reply of a block. */
  take(block: number, data: Uint8Array, time: EpochMs): void {
    decodeBlock(this.#program, block, data, this.#values);
    this.#statuses[block] = Status.Good;
    this.#times[block] = time;
    if (this.#mayFail) this.#failUndecodable(slotsOf(this.#program, block), time);
  }

  /** The reply of a part of a block that was read by itself. @param points by slot */
  takePart(part: Block, points: readonly ModbusPoint[], data: Uint8Array, time: EpochMs): void {
    decodeBlock(compileDecode([part], points, null), 0, data, this.#values);
    for (const slot of part.points) this.#own.set(slot, { status: Status.Good, time });
    if (this.#mayFail) this.#failUndecodable(part.points, time);
  }

  /** A block was not given. */
  failBlock(block: number, status: StatusCode, time: EpochMs): void {
    for (const slot of slotsOf(this.#program, block)) this.#values[slot] = null;
    this.#statuses[block] = status;
    this.#times[block] = time;
    this.#hasBad = true;
  }

  /** A tag was not given. */
  fail(slot: number, status: StatusCode, time: EpochMs): void {
    this.#values[slot] = null;
    this.#own.set(slot, { status, time });
    this.#hasBad = true;
  }

  /** What was gathered, good until the next batch of any scan. */
  readings(): ReadingBatch {
    const blocks = this.#times.length;
    const hasTimes = blocks > 1 || this.#hasBad;
    return {
      ...this.#whole(),
      statuses: this.#hasBad ? this.#spreadStatuses() : Status.Good,
      times: hasTimes ? this.#spreadTimes() : (this.#times[0] ?? 0),
    };
  }

  /** Every tag without a value. */
  gone(status: StatusCode, time: EpochMs): ReadingBatch {
    this.#values.fill(null);
    return { ...this.#whole(), statuses: status, times: time };
  }

  #whole(): Pick<ReadingBatch, 'group' | 'count' | 'indexes' | 'values'> {
    return { group: this.#group, count: this.count, indexes: this.#indexes, values: this.#values };
  }

  #failUndecodable(slots: Iterable<number>, time: EpochMs): void {
    for (const slot of slots) if (this.#values[slot] === null) this.fail(slot, Status.Bad_DecodingError, time);
  }

  #spreadStatuses(): Uint32Array {
    if (room.statuses.length < this.size) room.statuses = new Uint32Array(this.size);
    this.#statuses.forEach((status, block) => {
      fillBlock(this.#program, block, room.statuses, status);
    });
    for (const [slot, { status }] of this.#own) room.statuses[slot] = status;
    return room.statuses;
  }

  #spreadTimes(): Float64Array {
    if (room.times.length < this.size) room.times = new Float64Array(this.size);
    this.#times.forEach((time, block) => {
      fillBlock(this.#program, block, room.times, time);
    });
    for (const [slot, { time }] of this.#own) room.times[slot] = time;
    return room.times;
  }
}
