import { AREA_SIZE, type Area, isBitArea } from './area.ts';
import type { ExploredArea } from './explore.ts';
import type { Extent } from './plan.ts';

/** What a read came to: the bytes; null: none. */
export type Outcome = Uint8Array | null;

/** Of each area so many ranges are compared, each by so many addresses at its beginning. */
const RANGES = 2;
const ADDRESSES = 16;

/**
 * Whether a unit is the same device as one whose map is known, as of a device that does not look at unit ids: it ends where the other ends, and holds
 * the same at the beginning of some ranges, but for what changes just then. Two devices of one kind differ in counters or serial numbers.
 * @param read from the known unit or the other one
 * @returns false also when it cannot be told, as without any range
 */
export async function isSameDevice(
  known: readonly (ExploredArea & { readonly area: Area })[],
  read: (of: 'known' | 'other', extent: Extent) => Promise<Outcome>,
): Promise<boolean> {
  let compared = 0;
  for (const { area, ranges, isComplete } of known) {
    for (const { first, last, isOpen } of ranges.slice(0, RANGES)) {
      const begin = { area, offset: first, count: Math.min(last - first + 1, ADDRESSES) };
      const other = await read('other', begin);
      if (other === null) return false;
      const own = await read('known', begin);
      if (own === null) return false;
      if (!isEqual(own, other)) {
        // What the other unit holds before and after, while this one holds something else, is another device's.
        const again = await read('other', begin);
        if (again === null || differsSteadily(own, other, again, isBitArea(area) ? 1 : 2)) return false;
      }
      // Where the search ended, the range may not.
      const isEnd = !isOpen && last + 1 < AREA_SIZE && (isComplete || last !== ranges.at(-1)?.last);
      if (isEnd && (await read('other', { area, offset: last, count: 2 })) !== null) return false;
      compared++;
    }
  }
  return compared > 0;
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** @param width bytes that change together */
function differsSteadily(own: Uint8Array, before: Uint8Array, after: Uint8Array, width: number): boolean {
  for (let at = 0; at < own.length; at += width) {
    const part = (bytes: Uint8Array) => bytes.subarray(at, at + width);
    if (isEqual(part(before), part(after)) && !isEqual(part(own), part(before))) return true;
  }
  return false;
}
