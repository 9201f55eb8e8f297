import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status } from '../../model/quality.ts';
import type { TagDefinition, TagValue } from '../../model/tag.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ReadExplanation, ReadStep } from '../../ports/driver.ts';
import { isBitArea } from './area.ts';
import { compileDecode, decodeBlock } from './decode.ts';
import { formatExtent } from './extent-text.ts';
import { meaningOf, statusOf } from './failures.ts';
import { readRequest } from './frame.ts';
import { type Block, readsOf } from './plan.ts';
import { describePoint, type ModbusPoint, pointOf } from './point.ts';
import { readPieces } from './read-pieces.ts';
import type { ModbusSettings } from './settings.ts';
import type { Unit } from './unit.ts';

export interface ExplainOptions {
  readonly tag: TagDefinition;
  readonly settings: ModbusSettings;
  readonly unitOf: (unit: number) => Unit;
  readonly clock: Clock;
}

/** Read one tag now, by itself, and show each step from its address to its raw value. Never throws for what the device does. */
export async function explainRead({ tag, settings, unitOf, clock }: ExplainOptions): Promise<ReadExplanation> {
  const point = pointOf(tag, settings.unit);
  const unit = unitOf(point.unit);
  const block: Block = { area: point.area, offset: point.offset, count: point.count, points: [0] };
  const steps: ReadStep[] = [{ what: 'address', shows: `${tag.address} is ${describePoint(point)}` }];
  const tell = (what: string, shows: string) => steps.push({ what, shows });
  try {
    const reply = await readPieces(unit, readsOf(block, settings), clock.monotonic(), async (piece, deadline) => {
      const request = readRequest(unit.number, piece);
      const answer = await unit.exchange(request, deadline);
      tell('request', `${hex(request.pdu)} to unit ${unit.number}: read ${formatExtent(piece)}`);
      const code = request.pdu[0] as number;
      const pdu = answer.exception === 0 ? [code, answer.data.length, ...answer.data] : [code | 0x80, answer.exception];
      tell('answer', `${hex(Uint8Array.from(pdu))} after ${answer.tookMs.toFixed(1)} ms`);
      return answer;
    });
    const { exception, data, time } = reply;
    if (exception !== 0) {
      const { words, status } = meaningOf(exception);
      tell('exception', `${exception}: ${words}`);
      return { steps, reading: { value: null, status, time } };
    }
    const values: TagValue[] = [null];
    decodeBlock(compileDecode([block], [point], [0]), 0, data, values);
    if (!isBitArea(point.area)) tell('registers', registersOf(point, data));
    tell('order', orderOf(point, data));
    return { steps, reading: { value: values[0] ?? null, status: Status.Good, time } };
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    tell('failure', error.message);
    return { steps, reading: { value: null, status: statusOf(error), time: clock.now() } };
  }
}

/** `HR:0 = 4148, HR:1 = f5c3`. */
function registersOf({ area, offset }: ModbusPoint, data: Uint8Array): string {
  const words = Array.from({ length: data.length / 2 }, (_, index) => {
    const word = hex(data.subarray(index * 2, index * 2 + 2)).replace(' ', '');
    return `${formatExtent({ area, offset: offset + index, count: 1 })} = ${word}`;
  });
  return words.join(', ');
}

/** The bytes as they are taken for the value, the most significant first. */
function orderOf({ type, byteOrder, bit, area, length }: ModbusPoint, data: Uint8Array): string {
  if (isBitArea(area)) return `bit 0 of the answer, ${(data[0] ?? 0) & 1}`;
  const isBytesSwapped = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const isWordsSwapped = type !== 'string' && (byteOrder === 'CDAB' || byteOrder === 'DCBA');
  const words = Array.from({ length: data.length / 2 }, (_, index) => [...data.subarray(index * 2, index * 2 + 2)]);
  if (isBytesSwapped) for (const word of words) word.reverse();
  if (isWordsSwapped) words.reverse();
  const part = bit === null ? '' : `, of which bit ${bit}`;
  const size = length === null ? '' : ` of ${length} characters`;
  return `${byteOrder}: ${hex(Uint8Array.from(words.flat()))} as ${type}${size}${part}`;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
