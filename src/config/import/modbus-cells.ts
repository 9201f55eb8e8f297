import { BYTE_ORDERS, type ByteOrder, DATA_TYPES, type DataType } from '../../model/tag.ts';
import { Rejection } from './imported-table.ts';

export type RegisterArea = 'coil' | 'discrete' | 'input' | 'holding';

const WORDS: Readonly<Record<RegisterArea, string>> = {
  coil: 'coil',
  discrete: 'discrete input',
  input: 'input register',
  holding: 'holding register',
};
const PREFIX: Readonly<Record<RegisterArea, string>> = { coil: 'CO', discrete: 'DI', input: 'IR', holding: 'HR' };

/** An address of our table: `HR:10`, `3!IR:7`. @param offset zero-based @throws Rejection no such register */
export function registerAddress(area: RegisterArea, offset: unknown, unit: number | null = null): string {
  const number = wholeNumber(offset, 'the address');
  if (number < 0 || number > 65_535) throw new Rejection(`the address ${number} is not one from 0 to 65535`);
  return `${unit === null ? '' : `${unit}!`}${PREFIX[area]}:${number}`;
}

/** An address of our table for one that counts from one, as in 400001. @throws Rejection no such register */
export function numberedAddress(area: RegisterArea, number: number, unit: number | null = null): string {
  if (number < 1 || number > 65_536) throw new Rejection(`its ${WORDS[area]} is ${number}, not one from 1 to 65536`);
  return registerAddress(area, number - 1, unit);
}

/** A type that Headgate reads. @throws Rejection it does not */
export function knownType(type: string | undefined, written: string): DataType {
  const known = DATA_TYPES.find((candidate) => candidate === type);
  if (known === undefined) throw new Rejection(`values of type ${written} cannot be read`);
  return known;
}

/** Registers that a value of a numeric type takes. */
export function registersOf(type: DataType): number {
  return /64/.test(type) ? 4 : /32/.test(type) ? 2 : 1;
}

/** The order after swapping the bytes of each register, the registers, or both. */
export function swappedOrder(isBytesSwapped: boolean, isWordsSwapped: boolean): ByteOrder {
  return BYTE_ORDERS[(isWordsSwapped ? 1 : 0) + (isBytesSwapped ? 2 : 0)] as ByteOrder;
}

/** @throws Rejection it is none */
export function wholeNumber(value: unknown, what: string): number {
  const text = typeof value === 'string' ? value.trim() : value;
  const number =
    typeof text === 'number' ? text : /^(0x[0-9a-f]+|-?\d+)$/i.test(String(text)) ? Number(text) : Number.NaN;
  if (!Number.isInteger(number))
    throw new Rejection(`${what} is ${JSON.stringify(value) ?? 'missing'}, not a whole number`);
  return number;
}

/** A number, or null where there is none. @throws Rejection something else */
export function optionalNumber(value: unknown, what: string): number | null {
  if (value === undefined || value === null || value === '') return null;
  const number =
    typeof value === 'number'
      ? value
      : Number(
          String(value)
            .trim()
            .replace(/^([+-]?\d*),(\d+(?:e[+-]?\d+)?)$/i, '$1.$2'),
        );
  if (!Number.isFinite(number)) throw new Rejection(`${what} is ${JSON.stringify(value)}, not a number`);
  return number;
}

/** The cell of a factor; none for 1, and for 0, which other products read as "no scaling". */
export function scaleCell(scale: number | null): { readonly scale?: string } {
  return scale === null || scale === 0 || scale === 1 ? {} : { scale: String(scale) };
}

/** The cell of a summand; none for 0. */
export function offsetCell(offset: number | null): { readonly offset?: string } {
  return offset === null || offset === 0 ? {} : { offset: String(offset) };
}

/** The cell of a byte order; none for the usual one. */
export function orderCell(order: ByteOrder): { readonly byte_order?: string } {
  return order === 'ABCD' ? {} : { byte_order: order };
}

/** The square root of the place in one range, mapped onto another, as of a differential pressure that stands for a flow; always clamped. */
export function squareRootCells(
  raw: readonly [number | null, number | null],
  scaled: readonly [number | null, number | null],
) {
  return { ...linearCells(raw, scaled, { low: true, high: true }), scale: 'sqrt' };
}

/**
 * A linear map between two ranges, clamped at those ends where it is said: `low` at the value of the lowest raw one, which is the highest where the
 * line falls.
 * @throws Rejection a range of no width
 */
export function linearCells(
  raw: readonly [number | null, number | null],
  scaled: readonly [number | null, number | null],
  clamp: { readonly low: boolean; readonly high: boolean },
) {
  const [rawLow, rawHigh] = raw;
  const [low, high] = scaled;
  if (rawLow === null || rawHigh === null || low === null || high === null || rawLow === rawHigh || low === high) {
    throw new Rejection('it is scaled, but one of its ranges is missing or empty');
  }
  if (clamp.low && clamp.high) {
    return { raw_low: String(rawLow), raw_high: String(rawHigh), eng_low: String(low), eng_high: String(high) };
  }
  const scale = (high - low) / (rawHigh - rawLow);
  const isFalling = high < low;
  return {
    ...scaleCell(scale),
    ...offsetCell(low - rawLow * scale),
    ...(clamp.low ? { [isFalling ? 'eng_high' : 'eng_low']: String(low) } : {}),
    ...(clamp.high ? { [isFalling ? 'eng_low' : 'eng_high']: String(high) } : {}),
  };
}
