import { Status, type StatusCode, severityOf, statusName } from '../../model/quality.ts';
import type { Reading, ScanGroup } from '../../model/reading.ts';
import type { TagValue } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import type { DriverContext, TagFault } from '../../ports/driver.ts';
import { type DataChanges, PlainValue } from './data-changes.ts';
import {
  type DataValueLike,
  type DecodePlan,
  decodePlanOf,
  decodeVariant,
  explainUndecodable,
  type Undecodable,
  type VariantLike,
} from './decode.ts';
import { formatNodeAddress } from './node-id.ts';
import type { TagTable } from './tag-table.ts';

const BAD_NO_VALUE: StatusCode = 0x80f00000;

/** Statuses by which a server says that the tag itself is wrong, not its value. */
const REFUSALS: ReadonlySet<StatusCode> = new Set([
  0x801f0000, // Bad_UserAccessDenied
  0x80330000, // Bad_NodeIdInvalid
  0x80340000, // Bad_NodeIdUnknown
  0x80350000, // Bad_AttributeIdInvalid
  0x80360000, // Bad_IndexRangeInvalid
  0x80370000, // Bad_IndexRangeNoData
  0x803a0000, // Bad_NotReadable
  0x805f0000, // Bad_NodeClassInvalid
]);

/** True for a status that will be the same at the next attempt, unless somebody changes the server. */
export function isRefusal(status: StatusCode): boolean {
  return REFUSALS.has((status & 0xffff0000) >>> 0);
}

/** Reused between reports: the receiver keeps nothing of a batch. */
interface Columns {
  readonly group: ScanGroup;
  readonly indexes: Uint32Array;
  readonly values: TagValue[];
  readonly statuses: Uint32Array;
  readonly times: Float64Array;
  count: number;
}

/**
 * Turns what the server sends into batches of readings, one for each scan group and message, and names the tags that the server
 * refuses. Allocates nothing for a plain number.
 */
export class Intake {
  readonly #table: TagTable;
  readonly #context: DriverContext;
  readonly #columns: readonly Columns[];
  readonly #plans: DecodePlan[];
  readonly #faults = new Map<number, TagFault>();
  readonly #plain = new PlainValue();
  #isStopped = false;

  constructor(table: TagTable, context: DriverContext) {
    this.#table = table;
    this.#context = context;
    this.#plans = table.tags.map((tag, slot) => decodePlanOf(tag, table.addresses[slot]?.element ?? null));
    this.#columns = table.groups.map((group) => ({
      group,
      indexes: new Uint32Array(group.tags.length),
      values: new Array<TagValue>(group.tags.length).fill(null),
      statuses: new Uint32Array(group.tags.length),
      times: new Float64Array(group.tags.length),
      count: 0,
    }));
  }

  /** How a slot is read from now on; the element depends on which reading of an address the server knows. */
  setElement(slot: number, element: string | null): void {
    const tag = this.#table.tags[slot];
    if (tag !== undefined) this.#plans[slot] = decodePlanOf(tag, element);
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** @param now arrival, for a value without any timestamp */
  take(slot: number, data: DataValueLike, now: EpochMs): void {
    this.#take(slot, data.value, data.statusCode.value >>> 0, timeOf(data, now));
  }

  /** One item of a notification. @param now arrival, for a value without any timestamp */
  takeChange(slot: number, changes: DataChanges, position: number, now: EpochMs): void {
    const other = changes.others.size === 0 ? undefined : changes.others.get(position);
    if (other !== undefined) {
      this.take(slot, other, now);
      return;
    }
    const status = changes.statuses[position] as number;
    this.#take(slot, this.#plain.of(changes, position), status, changes.times[position] || now);
  }

  #take(slot: number, variant: VariantLike | null, status: StatusCode, time: EpochMs): void {
    const plan = this.#plans[slot];
    if (plan === undefined) return;
    if (status >>> 30 > 1) {
      if (isRefusal(status)) this.#fault(slot, statusName(status));
      this.#add(slot, null, status, time);
      return;
    }
    const value = variant === null ? null : decodeVariant(variant, plan);
    if (value === undefined && variant !== null) {
      const { status: why, reason } = explainUndecodable(variant, plan);
      this.#fault(slot, `${statusName(why)} ${reason}`);
      this.#add(slot, null, why, time);
      return;
    }
    if (this.#faults.size > 0 && this.#faults.has(slot)) this.#heal(slot);
    if (value === null || value === undefined) this.#add(slot, null, BAD_NO_VALUE, time);
    else this.#add(slot, value, status, time);
  }

  /** The server will not give this tag: name it, and report it as Bad, once for each connection unless the reason changes. */
  refuse(slot: number, refusal: Undecodable, { now, isRepeat }: { now: EpochMs; isRepeat: boolean }): void {
    const isNew = this.#fault(slot, refusal.reason);
    if (isNew || !isRepeat)
      this.#add(slot, null, severityOf(refusal.status) === 'bad' ? refusal.status : Status.Bad, now);
  }

  /** Report every tag as gone; a tag that is known to be refused keeps its own status. */
  gone(status: StatusCode, now: EpochMs): void {
    for (let slot = 0; slot < this.#table.tags.length; slot++) this.#add(slot, null, status, now);
    this.flush();
  }

  /** Hand over what has come, one batch for each group. */
  flush(): void {
    for (const columns of this.#columns) if (columns.count > 0) this.#report(columns);
  }

  faultsOf(device: string): TagFault[] {
    return [...this.#faults.values()].filter((fault) => fault.device === device);
  }

  #add(slot: number, value: TagValue, status: StatusCode, time: EpochMs): void {
    const columns = this.#columns[this.#table.groupOf[slot] ?? 0];
    if (columns === undefined) return;
    if (columns.count === columns.indexes.length) this.#report(columns);
    const at = columns.count++;
    columns.indexes[at] = this.#table.positionOf[slot] ?? 0;
    columns.values[at] = value;
    columns.statuses[at] = status;
    columns.times[at] = time;
  }

  #report(columns: Columns): void {
    const { group, count, indexes, values, statuses, times } = columns;
    columns.count = 0;
    if (this.#isStopped) return;
    let isInOrder = true;
    let isOneStatus = true;
    let isOneTime = true;
    for (let at = 0; at < count; at++) {
      if (indexes[at] !== at) isInOrder = false;
      if (statuses[at] !== statuses[0]) isOneStatus = false;
      if (times[at] !== times[0]) isOneTime = false;
    }
    this.#context.report({
      group,
      count,
      indexes: isInOrder ? null : indexes,
      values,
      statuses: isOneStatus ? (statuses[0] ?? 0) : statuses,
      times: isOneTime ? (times[0] ?? 0) : times,
    });
  }

  /** @returns whether this is news */
  #fault(slot: number, words: string): boolean {
    const tag = this.#table.tags[slot];
    const address = this.#table.addresses[slot];
    if (tag === undefined || address === undefined || this.#isStopped) return false;
    const reason = `${words} ${formatNodeAddress(address)}`;
    if (this.#faults.get(slot)?.reason === reason) return false;
    const fault: TagFault = { device: tag.device, tag: tag.name, reason };
    this.#faults.set(slot, fault);
    this.#context.observer.emit('opcua-tag-refused', { device: tag.device, tag: tag.name, reason });
    this.#context.tagFault(tag.device, tag.name, fault);
    return true;
  }

  #heal(slot: number): void {
    const fault = this.#faults.get(slot);
    if (fault === undefined || this.#isStopped) return;
    this.#faults.delete(slot);
    this.#context.tagFault(fault.device, fault.tag, null);
  }
}

/** One reading outside of the scans, by the same rules. */
export function readingOf(data: DataValueLike, plan: DecodePlan, now: EpochMs): Reading {
  const status = data.statusCode.value >>> 0;
  const time = timeOf(data, now);
  if (status >>> 30 > 1) return { value: null, status, time };
  const value = data.value === null ? null : decodeVariant(data.value, plan);
  if (value === undefined && data.value !== null) {
    return { value: null, status: explainUndecodable(data.value, plan).status, time };
  }
  return value === null || value === undefined ? { value: null, status: BAD_NO_VALUE, time } : { value, status, time };
}

/** The source's time, else the server's, else ours; 1601 and other times before 1970 mean that there is none (OPC 10000-6 §5.2.2.5). */
function timeOf(data: DataValueLike, now: EpochMs): EpochMs {
  const source = data.sourceTimestamp === null ? 0 : data.sourceTimestamp.getTime();
  if (source > 0) return source;
  const server = data.serverTimestamp === null ? 0 : data.serverTimestamp.getTime();
  return server > 0 ? server : now;
}
