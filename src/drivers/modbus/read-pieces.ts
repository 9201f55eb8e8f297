import type { Millis } from '../../model/time.ts';
import type { Extent } from './plan.ts';
import type { Unit } from './unit.ts';
import type { WireReply } from './wire-job.ts';

/**
 * Read what may take several requests, as for a long string. Nothing is written to the unit between them, and all but the first go ahead of
 * whatever waits.
 * @param readOne reads one piece by a deadline
 * @returns the first exception, or the data of all with the time of the first
 */
export function readPieces(
  unit: Unit,
  pieces: readonly Extent[],
  deadline: Millis,
  readOne: (piece: Extent, deadline: Millis) => Promise<WireReply>,
): Promise<WireReply> {
  const [first] = pieces;
  if (first === undefined) return Promise.reject(new RangeError('nothing to read'));
  if (pieces.length === 1) return readOne(first, deadline);
  return unit.exclusively(async () => {
    const begun = await readOne(first, deadline);
    const parts = [begun.data];
    for (const piece of pieces.slice(1)) {
      if (begun.exception !== 0) return begun;
      const reply = await readOne(piece, Number.NEGATIVE_INFINITY);
      if (reply.exception !== 0) return reply;
      parts.push(reply.data);
    }
    return { ...begun, data: Buffer.concat(parts) };
  });
}

/**
 * `read` each of 0 to `count` - 1, so many at a time, begun in order, and hand each to `take`. When one fails no further ones begin, and the failure
 * is thrown once all have ended.
 */
export async function inLanes<T>(
  count: number,
  lanes: number,
  read: (index: number) => Promise<T>,
  take: (index: number, reply: T) => void,
): Promise<void> {
  let next = 0;
  let failure: { readonly error: unknown } | null = null;
  const lane = async () => {
    while (failure === null && next < count) {
      try {
        const index = next++;
        take(index, await read(index));
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  if (lanes <= 1) await lane();
  else await Promise.all(Array.from({ length: Math.min(lanes, count) }, lane));
  const ended = failure as { readonly error: unknown } | null;
  if (ended !== null) throw ended.error;
}
