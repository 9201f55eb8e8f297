import type { ByteOrder } from '../model/tag.ts';

/** A Modbus data area. Source: Modbus Application Protocol V1.1b3 §4.3. */
export type ModbusArea = 'coil' | 'discrete' | 'input' | 'holding';

/** True for coils and discrete inputs. */
export function isBitArea(area: ModbusArea): boolean {
  return area === 'coil' || area === 'discrete';
}

/** An address as written: zero-based, with what its suffixes say; the columns of the tag table win over them. */
export interface ModbusAddress {
  readonly unit: number | null;
  readonly area: ModbusArea;
  /** 0 to 65535. */
  readonly address: number;
  /** `.4`: a bit of a number, or the characters of a string. */
  readonly part: number | null;
  readonly byteOrder: ByteOrder | null;
}

const AREAS: Readonly<Record<string, ModbusArea>> = { H: 'holding', I: 'input', C: 'coil', D: 'discrete' };
const DIGITS: Readonly<Record<string, ModbusArea>> = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' };
const LETTERS = 'HR|H|HOLDING|IR|I|INPUT|CO|C|COIL|DI|D|DISCRETE';
const FORM = new RegExp(
  `^(?:(\\d{1,3})!)?(?:(${LETTERS}):?(0X[0-9A-F]{1,4}|\\d{1,5})|([134])X(\\d{1,5})|([0134])(\\d{4,5}))` +
    '(?:\\.(\\d{1,4})([HL])?)?(?:#(ABCD|CDAB|BADC|DCBA|AB|BA))?(?:\\.(\\d{1,4})([HL])?)?$',
);

/**
 * Read a Modbus address of the tag table: `40001`, `400001`, `4x1` (one-based, the digit names the area), `HR:0`, `HR:0x10`,
 * `IR:12`, `CO:3`, `DI:7` (zero-based), with `UNIT!` before, and `.BIT`, `.LENGTH`, `#CDAB` behind. The driver reads the same
 * grammar by its own code, so that the simulated device and the driver check each other.
 * @returns null when it is none
 */
export function parseModbusAddress(text: string): ModbusAddress | null {
  const match = FORM.exec(text.trim().toUpperCase());
  if (match === null) return null;
  const [, unit, letters, offset, x, pastX, digit, past, part, style, order, partAfter, styleAfter] = match;
  const area = letters === undefined ? DIGITS[x ?? digit ?? ''] : AREAS[letters[0] ?? ''];
  const address = letters === undefined ? Number(pastX ?? past) - 1 : Number(offset);
  if (area === undefined || address < 0 || address > 65_535 || Number(unit ?? 0) > 255) return null;
  const suffix = part ?? partAfter;
  const isLowFirst = (style ?? styleAfter) === 'L';
  const orders: Readonly<Record<string, ByteOrder>> = { AB: 'ABCD', BA: 'BADC' };
  return {
    unit: unit === undefined ? null : Number(unit),
    area,
    address,
    part: suffix === undefined ? null : Number(suffix),
    byteOrder: order === undefined ? (isLowFirst ? 'BADC' : null) : (orders[order] ?? (order as ByteOrder)),
  };
}
