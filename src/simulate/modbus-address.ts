/** A Modbus data area. Source: Modbus Application Protocol V1.1b3 §4.3. */
export type ModbusArea = 'coil' | 'discrete' | 'input' | 'holding';

/** Where a tag stands: zero-based, within 65,536 points of its area. */
export interface ModbusPoint {
  readonly unit: number | null;
  readonly area: ModbusArea;
  readonly address: number;
  /** From the address (`40010.4`); the tag table's own column wins. */
  readonly bit: number | null;
}

const LETTERS: Readonly<Record<string, ModbusArea>> = {
  HR: 'holding',
  H: 'holding',
  IR: 'input',
  I: 'input',
  CO: 'coil',
  C: 'coil',
  DI: 'discrete',
  D: 'discrete',
};
const DIGITS: Readonly<Record<string, ModbusArea>> = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' };

/**
 * Read a Modbus address of the tag table: `40001`, `400001` (one-based, the leading digit names the area), `HR:0`, `IR:12`,
 * `CO:3`, `DI:7` (zero-based), each with `UNIT!` before it and `.BIT` behind it. The drivers read the same grammar by their own
 * code, so that the simulated device and the driver check each other.
 * @returns null when it is none
 */
export function parseModbusAddress(text: string): ModbusPoint | null {
  const match = /^(?:(\d{1,3})!)?(?:([A-Z]{1,2})[:]?(\d{1,5})|([0134])(\d{4,5}))(?:\.(\d{1,2}))?$/i.exec(text.trim());
  if (match === null) return null;
  const [, unitText, letters, offset, digit, number, bitText] = match;
  const unit = unitText === undefined ? null : Number(unitText);
  const bit = bitText === undefined ? null : Number(bitText);
  if ((unit !== null && unit > 255) || (bit !== null && bit > 63)) return null;
  const area = letters === undefined ? DIGITS[digit ?? ''] : LETTERS[letters.toUpperCase()];
  const address = letters === undefined ? Number(number) - 1 : Number(offset);
  if (area === undefined || address < 0 || address > 65_535) return null;
  return { unit, area, address, bit };
}
