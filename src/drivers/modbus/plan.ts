import type { Millis } from '../../model/time.ts';
import { AREA_SIZE, type Area, isBitArea } from './area.ts';

/** What a point occupies: `count` registers or bits from a zero-based offset. */
export interface Extent {
  readonly area: Area;
  readonly offset: number;
  readonly count: number;
}

/** What one request may cover, and what it costs. */
export interface PlanLimits {
  /** Registers of one request, 1 to 125. */
  readonly maxRegisters: number;
  /** Coils or discrete inputs of one request, 1 to 2000. */
  readonly maxBits: number;
  /** Most unwanted registers between wanted ones that may be read along, however cheap that is; 16 bits count as one. */
  readonly maxGap: number;
  /** What must not be read, not even along. */
  readonly forbidden: readonly Extent[];
  /** What one read costs the wire; a longer one never less than a shorter one. */
  readonly costOf: ReadCost;
}

/** The price of one read, by which plans are compared. */
export type ReadCost = (read: Pick<Extent, 'area' | 'count'>) => Millis;

/** A contiguous read that covers some points. */
export interface Block extends Extent {
  /** Positions of the points it covers, by ascending offset. */
  readonly points: readonly number[];
}

/** Registers in the most that one reply carries. Source: Modbus Application Protocol V1.1b3 §6.1 to §6.4. */
export const PROTOCOL_LIMITS = { registers: 125, bits: 2000 } as const;

const AREAS: readonly Area[] = ['coil', 'discrete', 'input', 'holding'];
/** Sums of the same costs in another order differ by less. */
const EQUAL_MS = 1e-9;

/**
 * Cover points of one unit by the reads that take the wire the shortest time in all; of plans that take as long, by the fewest. A point is never
 * split between reads, with one exception: one wider than the limit (a long string) is a block of its own, to be read in pieces (`readsOf`).
 *
 * Some best plan cuts the points, by ascending offset, into runs: of two reads that overlap, neither within the other, the later one
 * can take over what comes later, and trimming a read to its points never makes it dearer. So dynamic programming over the cuts finds it.
 * @param points any order; may overlap
 * @param isForbidden true for an extent that no read may cover, beside `limits.forbidden`: a hole that the unit refused
 * @returns by area, then offset
 */
export function planReads(
  points: readonly Extent[],
  limits: PlanLimits,
  isForbidden: (gap: Extent) => boolean = () => false,
): Block[] {
  const isBarred = (gap: Extent) => limits.forbidden.some((extent) => overlap(extent, gap)) || isForbidden(gap);
  const blocks: Block[] = [];
  for (const area of AREAS) {
    const most = isBitArea(area) ? limits.maxBits : limits.maxRegisters;
    const inArea = points.flatMap((point, position) => (point.area === area ? [position] : []));
    const at = (position: number) => points[position] as Extent;
    inArea.sort((a, b) => at(a).offset - at(b).offset || at(a).count - at(b).count || a - b);
    const runs = runsOf(
      inArea.filter((position) => at(position).count <= most),
      points,
    );
    for (const { from, to } of cheapestCuts(area, runs, limits, isBarred)) {
      blocks.push(
        trimmed(
          area,
          runs.slice(from, to).flatMap(({ positions }) => positions),
          points,
        ),
      );
    }
    for (const position of inArea) if (at(position).count > most) blocks.push(trimmed(area, [position], points));
  }
  return blocks;
}

/** Points of exactly one extent, such as the bits of a register. */
interface Run {
  readonly offset: number;
  readonly end: number;
  readonly positions: number[];
}

/** @param positions by offset, then count */
function runsOf(positions: readonly number[], points: readonly Extent[]): Run[] {
  const runs: Run[] = [];
  for (const position of positions) {
    const { offset, count } = points[position] as Extent;
    const last = runs.at(-1);
    if (last !== undefined && last.offset === offset && last.end === offset + count) last.positions.push(position);
    else runs.push({ offset, end: offset + count, positions: [position] });
  }
  return runs;
}

/** Where to cut runs of an area so that the reads between the cuts cost the least. */
function cheapestCuts(
  area: Area,
  runs: readonly Run[],
  limits: PlanLimits,
  isBarred: (gap: Extent) => boolean,
): { readonly from: number; readonly to: number }[] {
  const size = runs.length;
  const most = isBitArea(area) ? limits.maxBits : limits.maxRegisters;
  const canJoin = joinable(area, runs, limits, isBarred);
  const costs = new Float64Array(most + 1).fill(Number.NaN);
  const costOf = (count: number) => {
    if (Number.isNaN(costs[count])) costs[count] = limits.costOf({ area, count });
    return costs[count] as number;
  };
  // Of the first i runs: what the best plan costs, how many reads it has, where its last read begins.
  const best = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
  const reads = new Uint32Array(size + 1);
  const begin = new Uint32Array(size + 1);
  best[0] = 0;
  for (let from = 0; from < size; from++) {
    const { offset } = runs[from] as Run;
    let end = 0;
    for (let last = from; last < size && (last === from || canJoin[last] === 1); last++) {
      end = Math.max(end, (runs[last] as Run).end);
      if (end - offset > most) break;
      const cost = (best[from] as number) + costOf(end - offset);
      const known = best[last + 1] as number;
      const count = (reads[from] as number) + 1;
      if (cost > known + EQUAL_MS || (cost > known - EQUAL_MS && count >= (reads[last + 1] as number))) continue;
      best[last + 1] = cost;
      reads[last + 1] = count;
      begin[last + 1] = from;
    }
  }
  const cuts: { from: number; to: number }[] = [];
  for (let to = size; to > 0; to = begin[to] as number) cuts.push({ from: begin[to] as number, to });
  return cuts.reverse();
}

/** 1 where a run may share a read with the one before: nothing lies between them, or what does may be read along. */
function joinable(
  area: Area,
  runs: readonly Run[],
  { maxGap }: PlanLimits,
  isBarred: (gap: Extent) => boolean,
): Uint8Array {
  const most = isBitArea(area) ? maxGap * 16 : maxGap;
  const canJoin = new Uint8Array(runs.length);
  let end = 0;
  for (const [index, run] of runs.entries()) {
    const gap = run.offset - end;
    if (index > 0 && gap <= most && (gap <= 0 || !isBarred({ area, offset: end, count: gap }))) canJoin[index] = 1;
    end = Math.max(end, run.end);
  }
  return canJoin;
}

/** The requests on the wire that a block takes: one, or several for a point wider than the limit. */
export function readsOf(block: Extent, limits: Pick<PlanLimits, 'maxBits' | 'maxRegisters'>): Extent[] {
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
  return [
    trimmed(block.area, block.points.slice(0, middle), points),
    trimmed(block.area, block.points.slice(middle), points),
  ];
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

/** The read that just covers these points. */
function trimmed(area: Area, positions: readonly number[], points: readonly Extent[]): Block {
  let from = AREA_SIZE;
  let end = 0;
  for (const position of positions) {
    const { offset, count } = points[position] as Extent;
    from = Math.min(from, offset);
    end = Math.max(end, offset + count);
  }
  return { area, offset: from, count: end - from, points: positions };
}
