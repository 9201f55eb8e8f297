/** The four data areas of a Modbus unit. Source: Modbus Application Protocol V1.1b3 §4.3. */
export type Area = 'coil' | 'discrete' | 'input' | 'holding';

/** Points in an area: addresses 0 to 65535. */
export const AREA_SIZE = 65_536;

/** The function code that reads an area. Source: §6.1 to §6.4. */
export const READ_FUNCTION: Readonly<Record<Area, number>> = { coil: 1, discrete: 2, holding: 3, input: 4 };

/** True for areas of single bits, false for areas of 16-bit registers. */
export function isBitArea(area: Area): boolean {
  return area === 'coil' || area === 'discrete';
}
