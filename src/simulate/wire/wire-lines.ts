import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { WireFrame, WireFraming, WireRecording } from './wire-frame.ts';

/** The only format that this build reads and writes; a change that old readers cannot read gets another number. */
const FORMAT = 'headgate-wire/1';
/** What recordings are called: `meter.wire.jsonl`. */
export const WIRE_SUFFIX = '.wire.jsonl';

const FRAMINGS: ReadonlySet<unknown> = new Set<WireFraming>(['tcp', 'rtu', 'ascii']);
const HEX = /^(?:[0-9a-f]{2})+$/i;
/** An ASCII frame of the longest protocol data unit, as hexadecimal digits. */
const MAX_FRAME_DIGITS = 2 * 520;

/** What stands on the first line. */
export type WireHeader = Omit<WireRecording, 'frames'>;

/** The first line of a recording, with its line end. */
export function encodeWireHeader({ link, framing, began }: WireHeader): string {
  return `${JSON.stringify({ format: FORMAT, link, framing, began })}\n`;
}

/** One frame as a line with its end: `{"t":12.3,"c":0,"q":"00010000…"}`, `q` what was asked, `a` what came back. */
export function encodeWireFrame({ atMs, connection, isRequest, bytes }: WireFrame): string {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
  return `{"t":${Number(atMs.toFixed(3))},"c":${connection},"${isRequest ? 'q' : 'a'}":"${hex}"}\n`;
}

/**
 * A recording from its lines. A last line without its end, as a recording that was killed leaves it, is passed over.
 * @throws WIRE_UNREADABLE with the line
 */
export async function decodeWireLines(lines: AsyncIterable<string>, path: string): Promise<WireRecording> {
  let header: WireHeader | null = null;
  const frames: WireFrame[] = [];
  let number = 0;
  let broken: HeadgateError | null = null;
  for await (const line of lines) {
    number++;
    if (line.trim() === '') continue;
    if (broken !== null) throw broken;
    const refuse = (problem: string) =>
      new HeadgateError('WIRE_UNREADABLE', { path, place: `line ${number}`, problem });
    const value = parseLine(line);
    if (value === null) {
      // Only in the middle of a file is this damage.
      broken = refuse('no JSON object');
      if (header === null) throw broken;
    } else if (header === null) header = headerOf(value, refuse);
    else frames.push(frameOf(value, refuse));
  }
  if (header === null)
    throw new HeadgateError('WIRE_UNREADABLE', { path, place: 'line 1', problem: 'the file is empty' });
  frames.sort((a, b) => a.atMs - b.atMs);
  return { ...header, frames };
}

type Refuse = (problem: string) => HeadgateError;

function parseLine(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw new Error(messageOf(error), { cause: error });
  }
}

function headerOf(value: Readonly<Record<string, unknown>>, refuse: Refuse): WireHeader {
  const { format, link, framing, began } = value;
  if (format !== FORMAT) throw refuse(`the format is ${JSON.stringify(format)}, and ${FORMAT} can be read`);
  if (typeof link !== 'string' || link === '') throw refuse('"link" must name the wire, such as tcp://10.0.0.5:502');
  if (!FRAMINGS.has(framing)) throw refuse(`"framing" must be tcp, rtu or ascii, not ${JSON.stringify(framing)}`);
  return { link, framing: framing as WireFraming, began: typeof began === 'string' ? began : null };
}

function frameOf(value: Readonly<Record<string, unknown>>, refuse: Refuse): WireFrame {
  const { t, c = 0, q, a } = value;
  if (typeof t !== 'number' || !Number.isFinite(t) || t < 0)
    throw refuse('"t" must be milliseconds since the beginning');
  if (typeof c !== 'number' || !Number.isInteger(c) || c < 0) throw refuse('"c" must be the number of a connection');
  const hex = q ?? a;
  if ((q === undefined) === (a === undefined)) throw refuse('a frame has either "q" (asked) or "a" (answered)');
  if (typeof hex !== 'string' || hex.length > MAX_FRAME_DIGITS || !HEX.test(hex)) {
    throw refuse('a frame is written as hexadecimal digits, two for each byte');
  }
  return { atMs: t, connection: c, isRequest: q !== undefined, bytes: Buffer.from(hex, 'hex') };
}
