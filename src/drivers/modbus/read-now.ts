import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagDefinition, TagValue } from '../../model/tag.ts';
import type { Clock } from '../../ports/clock.ts';
import { compileDecode, decodeBlock } from './decode.ts';
import { DEVICE_FAILURE, meaningOf, statusOf } from './failures.ts';
import { readRequest } from './frame.ts';
import { type Block, halvesOf, planReads, readsOf } from './plan.ts';
import { type ModbusPoint, placedPointOf } from './point.ts';
import { readPieces } from './read-pieces.ts';
import type { ModbusSettings } from './settings.ts';
import type { Unit } from './unit.ts';
import type { WireReply } from './wire-job.ts';

export interface ReadNowOptions {
  readonly tags: readonly TagDefinition[];
  readonly settings: ModbusSettings;
  readonly unitOf: (unit: number) => Unit;
  readonly clock: Clock;
}

/** Failed reads of one unit that are halved, since some servers fail at what they do not have; more, and it is the unit that fails. */
const MAX_FAILED = 12;

/** Read some tags once, in as few requests as a scan would; what a unit refuses or leaves unanswered gets a Bad status. */
export async function readNow({ tags, settings, unitOf, clock }: ReadNowOptions): Promise<Reading[]> {
  const values: TagValue[] = tags.map(() => null);
  const statuses: StatusCode[] = tags.map(() => Status.Bad_ConfigurationError);
  const times = tags.map(() => clock.now());
  const points = tags.map((tag) => placedPointOf(tag, settings.unit));
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
    const mark = (block: Block, status: StatusCode, time = clock.now()) => {
      for (const at of block.points) {
        statuses[positions[at] as number] = status;
        times[positions[at] as number] = time;
      }
    };
    const pending = planReads(wanted, settings).reverse();
    let failures = 0;
    for (let block = pending.pop(); block !== undefined; block = pending.pop()) {
      try {
        const { exception, data, time } = await readBlock(unit, block);
        if (exception === 0) {
          decodeBlock(compileDecode([block], wanted, positions), 0, data, values);
          mark(block, Status.Good, time);
          for (const at of block.points) {
            const position = positions[at] as number;
            if (values[position] === null) statuses[position] = Status.Bad_DecodingError;
          }
          continue;
        }
        const { kind, status } = meaningOf(exception);
        mark(block, status);
        const isHalved = kind === 'refused' || (exception === DEVICE_FAILURE && ++failures <= MAX_FAILED);
        if (isHalved && block.points.length > 1) pending.push(...halvesOf(block, wanted));
      } catch (error) {
        if (!(error instanceof HeadgateError)) throw error;
        // The rest of a unit that does not answer would cost a time-out each.
        for (const left of [block, ...pending.splice(0)]) mark(left, statusOf(error));
      }
    }
  }

  function readBlock(unit: Unit, block: Block): Promise<WireReply> {
    return readPieces(unit, readsOf(block, settings), clock.monotonic(), (piece, deadline) =>
      unit.exchange(readRequest(unit.number, piece), deadline),
    );
  }
}
