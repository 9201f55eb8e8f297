import { SequenceRanges } from '../../model/sequence-ranges.ts';
import type { Cursor, SequenceRange } from '../../ports/journal.ts';

/** The port's bound on ranges above the settled one. */
export const MAX_RANGES_ABOVE = 64;

/**
 * The cursor after a closed range was confirmed. Beyond the bound the shortest range is forgotten: its events go out again,
 * under the same ids.
 */
export function settle(cursor: Cursor, range: SequenceRange): Cursor {
  const above = new SequenceRanges(cursor.above);
  above.add(Math.max(range.first, cursor.settled + 1), range.last);
  const [lowest] = above.ranges;
  let settled = cursor.settled;
  if (lowest !== undefined && lowest.first === settled + 1) {
    settled = lowest.last;
    above.remove(lowest.first, lowest.last);
  }
  while (above.ranges.length > MAX_RANGES_ABOVE) {
    const shortest = above.ranges.reduce((a, b) => (b.last - b.first < a.last - a.first ? b : a));
    above.remove(shortest.first, shortest.last);
  }
  return { settled, above: above.ranges.map(({ first, last }) => ({ first, last })) };
}

/** The next range to send after a position: from the first unsettled sequence to before the next settled one, at most `until`. */
export function nextUnsettled(cursor: Cursor, after: number, until: number): SequenceRange | null {
  let first = Math.max(after, cursor.settled) + 1;
  for (const range of cursor.above) {
    if (range.last < first) continue;
    if (range.first > first) return first <= until ? { first, last: Math.min(range.first - 1, until) } : null;
    first = range.last + 1;
  }
  return first <= until ? { first, last: until } : null;
}

/** How many sequences up to `head` are not settled. */
export function countUnsettled(cursor: Cursor, head: number): number {
  const above = cursor.above.reduce((sum, range) => sum + range.last - range.first + 1, 0);
  return Math.max(0, head - cursor.settled - above);
}
