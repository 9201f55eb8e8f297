import type { ByteOrder } from '../../model/tag.ts';
import { AREA_SIZE, type Area } from './area.ts';

/** A parsed address: zero-based, with what its suffixes say. */
export interface ModbusAddress {
  /** From `1!400001`; null: the unit of the device. */
  readonly unit: number | null;
  readonly area: Area;
  /** 0 to 65535. */
  readonly offset: number;
  /** `.4`: a bit of a number or the characters of a string, whichever the type makes of it; null without. */
  readonly part: number | null;
  /** From `#CDAB`, or from the `H` or `L` behind a string's length; null without. */
  readonly byteOrder: ByteOrder | null;
}

/** Not an address; the message says what would be right. */
export class ModbusAddressError extends Error {
  override readonly name = 'ModbusAddressError';
}

/** What would be right, for every message. */
const ADDRESS_EXAMPLES =
  'a register such as 40001, 400001, HR:0 or 1!400001 (input registers 30001 or IR:0, coils 00001 or CO:0, discrete inputs 10001 or DI:0)';

const FORM =
  /^(?:(?<unit>\d{1,5})!)?(?:(?<letters>[A-Z]+):?(?<offset>0X[0-9A-F]+|\d+)|(?<x>[134])X(?<past>\d{1,5})|(?<digits>\d+))(?:\.(?<part>\d{1,4})(?<style>[HLDE])?)?(?:#(?<order>[A-Z]+))?(?:\.(?<lengthAfter>\d{1,4})(?<styleAfter>[HLDE])?)?$/;

const AREA_OF_LETTERS: Readonly<Record<string, Area>> = {
  HR: 'holding',
  H: 'holding',
  HOLDING: 'holding',
  IR: 'input',
  I: 'input',
  INPUT: 'input',
  CO: 'coil',
  C: 'coil',
  COIL: 'coil',
  DI: 'discrete',
  D: 'discrete',
  DISCRETE: 'discrete',
};

const AREA_OF_DIGIT: Readonly<Record<string, Area>> = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' };

const ORDERS: Readonly<Record<string, ByteOrder>> = {
  ABCD: 'ABCD',
  AB: 'ABCD',
  CDAB: 'CDAB',
  BADC: 'BADC',
  BA: 'BADC',
  DCBA: 'DCBA',
};

/**
 * Read an address of the tag table, in any case: `40001` and `400001` (one-based; the first digit names the area), `4x1`, `HR:0`,
 * `HR:0x10`, `IR:`, `DI:`, `CO:` (zero-based), with `UNIT!` before and `.BIT`, `.LENGTH`, `.LENGTH` + `H` or `L`, `#ABCD` behind.
 * @throws ModbusAddressError
 */
export function parseModbusAddress(text: string): ModbusAddress {
  const groups = FORM.exec(text.trim().toUpperCase())?.groups;
  if (groups === undefined) throw noAddress(text);
  const { unit, letters, offset, x, past, digits, order } = groups;
  const part = groups['part'] ?? groups['lengthAfter'];
  if (groups['part'] !== undefined && groups['lengthAfter'] !== undefined) {
    throw new ModbusAddressError('one bit or one length behind the address, as in 40010.4');
  }
  if (unit !== undefined && Number(unit) > 255) throw new ModbusAddressError('a unit from 0 to 255 before "!"');
  const place =
    letters !== undefined
      ? lettered(letters, offset ?? '', text)
      : x !== undefined
        ? numbered(x, past ?? '', 65_536)
        : leading(digits ?? '');
  return {
    unit: unit === undefined ? null : Number(unit),
    ...place,
    part: part === undefined ? null : Number(part),
    byteOrder: orderOf(order, groups['style'] ?? groups['styleAfter']),
  };
}

const LETTERS: Readonly<Record<Area, string>> = { holding: 'HR', input: 'IR', coil: 'CO', discrete: 'DI' };

/** The address of what stands so many registers or bits behind another one; the offset may lead out of the area. */
export function addressBehind(text: string, by: number): string {
  const { unit, area, offset, part, byteOrder } = parseModbusAddress(text);
  return [
    unit === null ? '' : `${unit}!`,
    `${LETTERS[area]}:${offset + by}`,
    part === null ? '' : `.${part}`,
    byteOrder === null ? '' : `#${byteOrder}`,
  ].join('');
}

/** An address in the words of IEC 61131-3, such as `%MW100`. */
const IEC = /^(?<unit>\d{1,3}!)?%?(?<area>[MIQ]W?)(?<offset>\d{1,5})(?<bit>\.\d{1,2})?$/;
const AREA_OF_IEC: Readonly<Record<string, Area>> = {
  ...{ MW: 'holding', QW: 'holding', IW: 'input' },
  ...{ M: 'coil', Q: 'coil', I: 'discrete' },
};

/** What would be right, with what was probably meant. */
function noAddress(text: string): ModbusAddressError {
  const written = text.trim().toUpperCase();
  const iec = IEC.exec(written)?.groups;
  const area = AREA_OF_IEC[iec?.['area'] ?? ''];
  const isBitOfBit = iec?.['bit'] !== undefined && (area === 'coil' || area === 'discrete');
  if (iec !== undefined && area !== undefined && !isBitOfBit && Number(iec['offset']) < AREA_SIZE) {
    const { unit = '', offset = '', bit = '' } = iec;
    const meant = `${unit}${LETTERS[area]}:${Number(offset)}${bit}`;
    return new ModbusAddressError(`${meant}, where most controllers serve ${text.trim()}, or ${ADDRESS_EXAMPLES}`);
  }
  if (/^0X[0-9A-F]{1,4}$/.test(written)) {
    const offset = written.toLowerCase();
    return new ModbusAddressError(
      `HR:${offset} (input registers IR:${offset}, coils CO:${offset}, discrete inputs DI:${offset})`,
    );
  }
  return new ModbusAddressError(ADDRESS_EXAMPLES);
}

function lettered(letters: string, offset: string, text: string): { area: Area; offset: number } {
  const area = Object.hasOwn(AREA_OF_LETTERS, letters) ? AREA_OF_LETTERS[letters] : undefined;
  if (area === undefined) throw noAddress(text);
  const number = Number(offset);
  if (number >= AREA_SIZE) throw new ModbusAddressError(`${letters}:0 to ${letters}:65535, zero-based`);
  return { area, offset: number };
}

/** 5 digits reach the first 9999 points of an area, 6 digits all 65536; fewer would not say which area is meant. */
function leading(digits: string): { area: Area; offset: number } {
  if (digits.length !== 5 && digits.length !== 6) {
    const zeroBased =
      digits.length < 5
        ? ` (zero-based: HR:${Number(digits)}; a coil needs its zeros: ${digits.padStart(5, '0')})`
        : '';
    throw new ModbusAddressError(`${ADDRESS_EXAMPLES}${zeroBased}`);
  }
  return numbered(digits[0] ?? '', digits.slice(1), digits.length === 5 ? 9_999 : 65_536);
}

function numbered(digit: string, past: string, last: number): { area: Area; offset: number } {
  const area = AREA_OF_DIGIT[digit];
  if (area === undefined) {
    throw new ModbusAddressError('an address that begins with 4 (holding), 3 (input), 1 (discrete) or 0 (coil)');
  }
  const number = Number(past);
  if (number < 1 || number > last) {
    const width = past.length;
    const from = `${digit}${'1'.padStart(width, '0')}`;
    throw new ModbusAddressError(`${from} to ${digit}${String(last).padStart(width, '0')}, the first being ${from}`);
  }
  return { area, offset: number - 1 };
}

function orderOf(order: string | undefined, style: string | undefined): ByteOrder | null {
  if (style === 'D' || style === 'E') {
    throw new ModbusAddressError('a string with two characters in each register: H (high byte first) or L');
  }
  if (order === undefined) return style === undefined ? null : style === 'L' ? 'BADC' : 'ABCD';
  const known = Object.hasOwn(ORDERS, order) ? ORDERS[order] : undefined;
  if (known === undefined || style !== undefined) {
    // The letters B and L of other gateways have meant different orders in different versions.
    throw new ModbusAddressError('#ABCD, #CDAB, #BADC or #DCBA, or the byte_order column');
  }
  return known;
}
