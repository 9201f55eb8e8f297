import { AREA_SIZE } from './area.ts';

/** What a read of a range came to: `absent`: the area as a whole is not there. */
export type Probe = 'read' | 'refused' | 'absent' | 'unanswered';

/** Addresses that can be read, without a gap. */
interface FoundRange {
  readonly first: number;
  readonly last: number;
  /** It goes on: the search ended, not the range. */
  readonly isOpen: boolean;
}

/** What an area holds, as far as the search went. */
export interface ExploredArea {
  readonly isThere: boolean;
  readonly ranges: readonly FoundRange[];
  /** False when the bound of requests, or silence, ended the search. */
  readonly isComplete: boolean;
}

export interface ExploreOptions {
  /** Where to look; a range that none of them touches is not found. Ascending. */
  readonly anchors: readonly number[];
  /** Most addresses in one request. */
  readonly maxBlock: number;
  /** A range longer than this is not followed to its end: devices that answer to any address have none. */
  readonly maxSpan: number;
  /** Registers: devices that keep 32-bit values refuse half of one. */
  readonly hasPairs: boolean;
  /** Asked before each request; false: no more. */
  readonly mayAsk: () => boolean;
}

/** Unanswered reads in a row after which an area is left alone: each costs a time-out. */
const MAX_UNANSWERED = 3;
/** Registers of a 32-bit value. */
const PAIR = 2;

/**
 * Find the readable ranges of an area from some addresses in it: from each that can be read, in steps that double while they are read and halve
 * when they are refused, to both ends.
 * @param read reads so many addresses from an offset
 */
export async function exploreArea(
  read: (offset: number, count: number) => Promise<Probe>,
  options: ExploreOptions,
): Promise<ExploredArea> {
  const { anchors, maxBlock, maxSpan, hasPairs, mayAsk } = options;
  const ranges: FoundRange[] = [];
  let unanswered = 0;
  let isThere = true;
  let isComplete = true;
  const isReadable = async (offset: number, count: number): Promise<boolean> => {
    if (offset < 0 || offset + count > AREA_SIZE || !isThere) return false;
    if (unanswered >= MAX_UNANSWERED || !mayAsk()) {
      isComplete = false;
      return false;
    }
    const probe = await read(offset, count);
    unanswered = probe === 'unanswered' ? unanswered + 1 : 0;
    if (probe === 'absent') isThere = false;
    return probe === 'read';
  };
  /** Most addresses that this device gives at once, as far as is known. */
  let blockLimit = maxBlock;
  /**
   * How many addresses more can be read from an edge on. A refusal halves the step, since the end of the range lies within it; when the
   * address behind the supposed end can be read all the same, it was the size that was refused, and smaller steps go on from there.
   */
  const grow = async (edge: number, way: 'up' | 'down', most: number): Promise<number> => {
    let grown = 0;
    let step = 1;
    let longest = 1;
    let isDoubling = true;
    const canRead = (count: number) => isReadable(way === 'up' ? edge + grown : edge - grown - count, count);
    while (grown < most) {
      const count = Math.min(step, most - grown, blockLimit);
      const took = (await canRead(count)) ? count : count === 1 && hasPairs && (await canRead(PAIR)) ? PAIR : 0;
      grown += took;
      if (took > 0) longest = Math.max(longest, took);
      else if (count === 1) break;
      else isDoubling = false;
      if (isDoubling) step = Math.min(step * 2, blockLimit);
      else if (step > 1) step = step >> 1;
      else {
        // The halves fit to the last address: either the range ends here, or the size was refused.
        blockLimit = longest;
        isDoubling = true;
      }
    }
    return Math.min(grown, most);
  };
  for (const anchor of anchors) {
    if (ranges.some(({ first, last }) => anchor >= first && anchor <= last)) continue;
    const width = (await isReadable(anchor, 1)) ? 1 : hasPairs && (await isReadable(anchor, PAIR)) ? PAIR : 0;
    if (!isThere) break;
    if (width === 0) continue;
    const end = anchor + width;
    const grownUp = await grow(end, 'up', Math.min(maxSpan, AREA_SIZE - end));
    const before = ranges.at(-1)?.last ?? -1;
    const grownDown = await grow(anchor, 'down', Math.min(maxSpan, anchor - before - 1));
    ranges.push({ first: anchor - grownDown, last: end + grownUp - 1, isOpen: grownUp >= maxSpan });
  }
  return { isThere, ranges: isThere ? joined(ranges) : [], isComplete };
}

function joined(ranges: readonly FoundRange[]): FoundRange[] {
  const all: FoundRange[] = [];
  for (const range of ranges) {
    const before = all.at(-1);
    if (before !== undefined && range.first <= before.last + 1) {
      all[all.length - 1] = { first: before.first, last: Math.max(before.last, range.last), isOpen: range.isOpen };
    } else all.push(range);
  }
  return all;
}
