import { csvCell } from '../model/csv-line.ts';
import type { StatusCode } from '../model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../model/tag.ts';

/**
 * One cell of a series file: a value, its status if it is not Good, or nothing at all.
 * - empty: no reading of this tag at this time
 * - `71.25`, `1`, `text`, `"a, b"`: Good
 * - `71.25!40900000`: value with a StatusCode of eight hexadecimal digits
 * - `!80310000`: no value, with a StatusCode
 * Booleans are 1 and 0; a 32-bit float has as few digits as give the same 32 bits back; `!` and `\` in texts are escaped by `\`.
 */
export function encodeCell(value: TagValue, status: StatusCode, type: DataType): string {
  const suffix = status === 0 ? '' : `!${status.toString(16).padStart(8, '0')}`;
  if (value === null) return suffix === '' ? '!00000000' : suffix;
  return csvCell(encodeValue(value, type) + suffix);
}

/** A cell as it was read. */
export interface Cell {
  readonly value: TagValue;
  readonly status: StatusCode;
}

/** The reading of a cell that is not empty; null when it is none. `cell` is without its CSV quotes. */
export function decodeCell(cell: string, type: DataType): Cell | null {
  const mark = statusMark(cell);
  const text = mark === -1 ? cell : cell.slice(0, mark);
  let status = 0;
  if (mark !== -1) {
    const digits = cell.slice(mark + 1);
    if (!/^[0-9a-f]{8}$/i.test(digits)) return null;
    status = Number.parseInt(digits, 16);
    if (text === '') return { value: null, status };
  }
  const value = decodeValue(text, type);
  return value === undefined ? null : { value, status };
}

/** The header of a series file: `ms` and the tag names. */
export function encodeHeader(tags: readonly TagDefinition[]): string {
  return `ms,${tags.map((tag) => tag.name).join(',')}\n`;
}

/** What the type of a tag is in a fixture, where its values are known: a bit of a register is a bool. */
export function recordedType(tag: TagDefinition): DataType {
  return tag.bit === null ? tag.type : 'bool';
}

function encodeValue(value: Exclude<TagValue, null>, type: DataType): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return type === 'float32' ? shortestFloat32(value) : encodeNumber(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === '') return '\\e';
  return value.replace(/[\\!]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
}

function decodeValue(text: string, type: DataType): TagValue | undefined {
  if (type === 'string') {
    if (text === '\\e') return '';
    return text.replace(/\\(.)/g, (_whole, escaped: string) =>
      escaped === 'n' ? '\n' : escaped === 'r' ? '\r' : escaped,
    );
  }
  if (type === 'bool') return text === '1' ? true : text === '0' ? false : undefined;
  if (type === 'int64' || type === 'uint64') {
    if (!/^-?\d{1,20}$/.test(text)) return undefined;
    const whole = Number(text);
    return Number.isSafeInteger(whole) ? whole : BigInt(text);
  }
  if (text === 'NaN') return Number.NaN;
  if (text.trim() === '') return undefined;
  const number = Number(text);
  if (Number.isNaN(number)) return undefined;
  return type === 'float32' ? Math.fround(number) : number;
}

function encodeNumber(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** The fewest digits that give the same 32-bit float back: 230.1, not 230.10000610351562. */
export function shortestFloat32(value: number): string {
  if (Math.fround(value) !== value || value === 0) return encodeNumber(value);
  for (let digits = 6; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return encodeNumber(Number(text));
  }
  return encodeNumber(value);
}

function statusMark(cell: string): number {
  const mark = cell.lastIndexOf('!');
  if (mark <= 0) return mark;
  let slashes = 0;
  while (cell[mark - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 0 ? mark : -1;
}
