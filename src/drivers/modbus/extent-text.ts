import { ModbusAddressError, parseModbusAddress } from './address.ts';
import type { Area } from './area.ts';
import type { Extent } from './plan.ts';

const LETTERS: Readonly<Record<Area, string>> = { coil: 'CO', discrete: 'DI', input: 'IR', holding: 'HR' };
const EXAMPLES = 'a range such as HR:100-120 or 40101-40121 (both ends included), or one address';

/**
 * Read a range of registers or bits: `HR:100-120`, `40101-40121`, `IR:7`; both ends are included.
 * @throws ModbusAddressError it says what would be right
 */
export function parseExtent(text: string): Extent {
  const [first = '', last, ...more] = text.split('-').map((part) => part.trim());
  if (more.length > 0) throw new ModbusAddressError(EXAMPLES);
  const from = parseModbusAddress(first);
  const prefix = /^[A-Za-z]+:?/.exec(first)?.[0] ?? '';
  const to = last === undefined ? from : parseModbusAddress(/^\d/.test(last) ? prefix + last : last);
  if ([from, to].some(({ unit, part, byteOrder }) => unit !== null || part !== null || byteOrder !== null)) {
    throw new ModbusAddressError(`${EXAMPLES}, without unit, bit and byte order`);
  }
  if (to.area !== from.area || to.offset < from.offset) {
    throw new ModbusAddressError(`${EXAMPLES}: the second end in the same area, not before the first`);
  }
  return { area: from.area, offset: from.offset, count: to.offset - from.offset + 1 };
}

/** A range as `parseExtent` reads it: `HR:100-120`, `IR:7`. */
export function formatExtent({ area, offset, count }: Extent): string {
  const first = `${LETTERS[area]}:${offset}`;
  return count === 1 ? first : `${first}-${offset + count - 1}`;
}
