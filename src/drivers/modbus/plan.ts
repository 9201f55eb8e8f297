import { AREA_SIZE, type Area, isBitArea } from './area.ts';

/** What a point occupies: `count` registers or bits from a zero-based offset. */
export interface Extent {
  readonly area: Area;
  readonly offset: number;
  readonly count: number;
}

/** What one request may cover. */
export interface PlanLimits {
  /** Registers of one request, 1 to 125. */
  readonly maxRegisters: number;
  /** Coils or discrete inputs of one request, 1 to 2000. */
  readonly maxBits: number;
  /** Unwanted registers between wanted ones that are read along rather than asked around; 16 bits count as one. */
  readonly maxGap: number;
}

/** A contiguous read that covers some points. */
export interface Block extends Extent {
  /** Positions of the points it covers, by ascending offset. */
  readonly points: readonly number[];
}

/** Registers in the most that one reply carries. Source: Modbus Application Protocol V1.1b3 §6.1 to §6.4. */
export const PROTOCOL_LIMITS = { registers: 125, bits: 2000 } as const;

const AREAS: readonly Area[] = ['coil', 'discrete', 'input', 'holding'];

/**
 * Cover points of one unit with the fewest reads. A point is never split between reads, with one exception: one wider than the limit
 * (a long string) is a block of its own, to be read in pieces (`readsOf`).
 *
 * Taking points by ascending offset and extending each read as far as it goes is optimal: what a read leaves out, the next
 * one, which begins further on, covers at least as well.
 * @param points any order; may overlap
 * @param isForbidden true for an extent that no read may cover: a hole that the unit refused
 * @returns by area, then offset
 */
export function planReads(
  points: readonly Extent[],
  limits: PlanLimits,
  isForbidden: (gap: Extent) => boolean = () => false,
): Block[] {
  const blocks: Block[] = [];
  for (const area of AREAS) {
    const inArea = points.flatMap((point, position) => (point.area === area ? [position] : []));
    const at = (position: number) => points[position] as Extent;
    inArea.sort((a, b) => at(a).offset - at(b).offset || at(a).count - at(b).count || a - b);
    const most = isBitArea(area) ? limits.maxBits : limits.maxRegisters;
    const maxGap = isBitArea(area) ? limits.maxGap * 16 : limits.maxGap;
    let open: { offset: number; end: number; points: number[] } | null = null;
    const close = () => {
      if (open !== null) blocks.push({ area, offset: open.offset, count: open.end - open.offset, points: open.points });
      open = null;
    };
    const wide: number[] = [];
    for (const position of inArea) {
      const { offset, count } = at(position);
      if (count > most) {
        wide.push(position);
        continue;
      }
      const end = offset + count;
      if (open !== null) {
        const gap = offset - open.end;
        const fits = end - open.offset <= most && gap <= maxGap;
        if (!fits || (gap > 0 && isForbidden({ area, offset: open.end, count: gap }))) close();
      }
      if (open === null) open = { offset, end, points: [position] };
      else {
        open.points.push(position);
        open.end = Math.max(open.end, end);
      }
    }
    close();
    for (const position of wide) {
      const { offset, count } = at(position);
      blocks.push({ area, offset, count, points: [position] });
    }
  }
  return blocks;
}

/** The requests on the wire that a block takes: one, or several for a point wider than the limit. */
export function readsOf(block: Extent, limits: PlanLimits): Extent[] {
  const most = isBitArea(block.area) ? limits.maxBits : limits.maxRegisters;
  const reads: Extent[] = [];
  for (let done = 0; done < block.count; done += most) {
    reads.push({ area: block.area, offset: block.offset + done, count: Math.min(most, block.count - done) });
  }
  return reads;
}

/** The two halves of a refused block, each trimmed to its points; the gap between them, if any, is in neither. */
export function halvesOf(block: Block, points: readonly Extent[]): readonly [Block, Block] {
  const middle = block.points.length >>> 1;
  return [trimmed(block, block.points.slice(0, middle), points), trimmed(block, block.points.slice(middle), points)];
}

/** The registers or bits of a block that none of its points wants. */
export function gapsOf(block: Block, points: readonly Extent[]): Extent[] {
  const gaps: Extent[] = [];
  let end = block.offset;
  for (const position of block.points) {
    const { offset, count } = points[position] as Extent;
    if (offset > end) gaps.push({ area: block.area, offset: end, count: offset - end });
    end = Math.max(end, offset + count);
  }
  return gaps;
}

/** True when two extents of an area have a register or bit in common. */
export function overlap(a: Extent, b: Extent): boolean {
  return a.area === b.area && a.offset < b.offset + b.count && b.offset < a.offset + a.count;
}

/** True when an extent lies within its area. */
export function isWithinArea({ offset, count }: Omit<Extent, 'area'>): boolean {
  return offset >= 0 && count >= 1 && offset + count <= AREA_SIZE;
}

function trimmed(block: Block, positions: readonly number[], points: readonly Extent[]): Block {
  let from = AREA_SIZE;
  let end = 0;
  for (const position of positions) {
    const { offset, count } = points[position] as Extent;
    from = Math.min(from, offset);
    end = Math.max(end, offset + count);
  }
  return { area: block.area, offset: from, count: end - from, points: positions };
}
