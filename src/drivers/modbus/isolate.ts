import { meaningOf, UNANSWERED } from './failures.ts';
import { type Block, type Extent, gapsOf, halvesOf } from './plan.ts';

/** Reads in one search that may stay unanswered; each costs time-outs, and finding one place in a full block takes seven. */
const MAX_UNANSWERED = 12;
/** Reads in one search that may fail as the whole did, so many as long as none succeeds: then it is the unit that fails, not a place in it. */
const MAX_FAILED = 32;
const MAX_FAILED_ALONE = 12;

/** What was found out about a refused block. */
export interface Isolation {
  /** The exception of each point that cannot be read, by position. */
  readonly refused: ReadonlyMap<number, number>;
  /** The exception of each point that gave no value this time, for another reason, by position. */
  readonly failed: ReadonlyMap<number, number>;
  /** What nobody wants and cannot be read across. */
  readonly holes: readonly Extent[];
  /** The most registers or bits that were given at once, if it was the size that was refused; else null. */
  readonly limit: number | null;
}

const NOTHING: Isolation = { refused: new Map(), failed: new Map(), holes: [], limit: null };

/**
 * Halve a refused or unanswered block until every point is either read or known to be refused. If no point is to blame it was a register
 * between them, or the size of the request, or nothing: a refusal that has passed. A block that failed is searched in the same way, but no point
 * is blamed unless others could be read.
 * @param read reads a block and takes its values if there are any; gives the exception, 0 for none
 */
export async function isolate(
  block: Block,
  exception: number,
  points: readonly Extent[],
  read: (block: Block) => Promise<number>,
): Promise<Isolation> {
  const refused = new Map<number, number>();
  const failed = new Map<number, number>();
  const readable: Block[] = [];
  const pending: { readonly block: Block; readonly exception: number | null }[] = [{ block, exception }];
  const isFailure = meaningOf(exception).kind === 'failed';
  let unanswered = 0;
  let failures = 0;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    let refusal = next.exception;
    if (refusal === null) {
      if (failures >= (readable.length === 0 ? MAX_FAILED_ALONE : MAX_FAILED)) {
        for (const position of next.block.points) failed.set(position, exception);
        continue;
      }
      // Too long a search would keep the good ones waiting: what is left counts as refused until it is tried again.
      refusal = unanswered < MAX_UNANSWERED ? await read(next.block) : UNANSWERED;
      if (refusal === 0) readable.push(next.block);
      const { kind } = meaningOf(refusal);
      if (kind === 'unanswered') unanswered++;
      const isSame = isFailure && refusal === exception;
      if (isSame) failures++;
      if (kind !== 'refused' && kind !== 'unanswered' && !isSame) {
        if (refusal !== 0) for (const position of next.block.points) failed.set(position, refusal);
        continue;
      }
    }
    const [only] = next.block.points;
    if (next.block.points.length === 1 && only !== undefined) refused.set(only, refusal);
    else {
      const [low, high] = halvesOf(next.block, points);
      pending.push({ block: high, exception: null }, { block: low, exception: null });
    }
  }
  if (isFailure && readable.length === 0) return { ...NOTHING, failed: new Map([...failed, ...refused]) };
  // With points to blame, or parts that could not be judged, nothing more can be said.
  if (refused.size > 0 || failed.size > 0) return { ...NOTHING, refused, failed };
  if ((await read(block)) === 0) return NOTHING;
  const isRead = (gap: Extent) =>
    readable.some((part) => part.offset <= gap.offset && gap.offset < part.offset + part.count);
  const holes = gapsOf(block, points).filter((gap) => !isRead(gap));
  if (holes.length > 0) return { ...NOTHING, holes };
  const most = Math.max(0, ...readable.map(({ count }) => count));
  return most > 0 && most < block.count ? { ...NOTHING, limit: most } : NOTHING;
}
