import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagDefinition, TagValue } from '../../model/tag.ts';
import type { Clock } from '../../ports/clock.ts';
import { ModbusAddressError } from './address.ts';
import type { ModbusTcpSettings } from './config.ts';
import { compileDecode, decodeBlock } from './decode.ts';
import { meaningOf, statusOf } from './failures.ts';
import { readRequest } from './frame.ts';
import { type Block, halvesOf, isWithinArea, planReads, readsOf } from './plan.ts';
import { type ModbusPoint, pointOf } from './point.ts';
import type { Unit } from './unit.ts';

export interface ReadNowOptions {
  readonly tags: readonly TagDefinition[];
  readonly settings: ModbusTcpSettings;
  readonly unitOf: (unit: number) => Unit;
  readonly clock: Clock;
}

/** Read some tags once, in as few requests as a scan would; what a unit refuses or leaves unanswered gets a Bad status. */
export async function readNow({ tags, settings, unitOf, clock }: ReadNowOptions): Promise<Reading[]> {
  const values: TagValue[] = tags.map(() => null);
  const statuses: StatusCode[] = tags.map(() => Status.Bad_ConfigurationError);
  const times = tags.map(() => clock.now());
  const points = tags.map((tag) => pointOrNull(tag, settings.unit));
  const units = new Set(points.flatMap((point) => (point === null ? [] : [point.unit])));
  for (const number of units) {
    const positions = points.flatMap((point, position) => (point?.unit === number ? [position] : []));
    await readUnit(unitOf(number), positions);
  }
  return tags.map((_tag, position) => ({
    value: values[position] ?? null,
    status: statuses[position] ?? Status.Bad_InternalError,
    time: times[position] ?? clock.now(),
  }));

  async function readUnit(unit: Unit, positions: readonly number[]): Promise<void> {
    const wanted = positions.map((position) => points[position] as ModbusPoint);
    const mark = (block: Block, status: StatusCode) => {
      for (const at of block.points) {
        statuses[positions[at] as number] = status;
        times[positions[at] as number] = clock.now();
      }
    };
    const pending = planReads(wanted, settings).reverse();
    for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
      try {
        const { exception, data } = await readBlock(unit, block);
        if (exception === 0) {
          decodeBlock(compileDecode([block], wanted, positions), 0, data, values);
          mark(block, Status.Good);
          continue;
        }
        const { kind, status } = meaningOf(exception);
        mark(block, status);
        if (kind === 'refused' && block.points.length > 1) pending.push(...halvesOf(block, wanted));
      } catch (error) {
        if (!(error instanceof HeadgateError)) throw error;
        // The rest of a unit that does not answer would cost a time-out each.
        for (const left of [block, ...pending.splice(0)]) mark(left, statusOf(error));
      }
    }
  }

  async function readBlock(unit: Unit, block: Block): Promise<{ exception: number; data: Uint8Array }> {
    const parts: Uint8Array[] = [];
    for (const read of readsOf(block, settings)) {
      const reply = await unit.exchange(readRequest(unit.number, read), clock.monotonic(), () => true);
      if (reply.exception !== 0) return reply;
      parts.push(reply.data);
    }
    return { exception: 0, data: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts) };
  }
}

function pointOrNull(tag: TagDefinition, unit: number): ModbusPoint | null {
  try {
    const point = pointOf(tag, unit);
    return isWithinArea(point) ? point : null;
  } catch (error) {
    if (error instanceof ModbusAddressError) return null;
    throw error;
  }
}
