import { LANES, type Lane } from '../model/tag.ts';
import type { Cursor, LaneCursors } from '../ports/journal.ts';
import { Consumer, type ConsumerCounts } from './consumer.ts';
import type { LedgerContent } from './ledger.ts';
import type { SegmentInfo } from './segment-info.ts';
import { DamageError } from './sqlite-failure.ts';

/*
 * What moves each second while nothing else happens: the sums of the lanes, the active segments, the cursors. The ledger holds it as one text in its
 * one row, so that a save writes a page or two and not one of each table; whatever else happens brings the tables up to date.
 */

/** Beyond it the tables are written: there only the consumer that moved costs a page. */
export const MAX_MOVES_LENGTH = 4000;
/** The text grows in steps: a row of the same size is written over in place, a longer one is laid out anew, with the pages that are free. */
const STEP = 64;

/** What is newer in the text than in the tables. */
export interface LedgerMoves {
  readonly lanes: LedgerContent['lanes'];
  readonly segments: Iterable<SegmentInfo>;
  readonly consumers: Iterable<Consumer>;
}

type LaneText = readonly [accepted: number, removed: number];
type SegmentText = readonly [
  lane: number,
  first: number,
  last: number,
  count: number,
  bytes: number,
  openedAt: number,
  endedAt: number,
  times: readonly [low: number, high: number] | 0,
];
type CursorText = readonly [settled: number, ...above: number[]];
type ConsumerLaneText = readonly [cursor: CursorText, base: number, settled: number, gaps: number];
type ConsumerText = readonly [name: string, start: number, lanes: readonly ConsumerLaneText[]];
type MovesText = readonly [
  lanes: readonly LaneText[],
  segments: readonly SegmentText[],
  consumers: readonly ConsumerText[],
];

/** True when a segment changes in nothing but what `encodeMoves` writes. */
export function isMoving({ state, sha256, thinnedAfter }: SegmentInfo): boolean {
  return state === 'active' && sha256 === null && thinnedAfter === null;
}

/** @param moves its segments are all moving */
export function encodeMoves({ lanes, segments, consumers }: LedgerMoves): string {
  const moves: MovesText = [
    LANES.map((lane): LaneText => [lanes[lane].accepted, lanes[lane].removed]),
    [...segments].map(
      ({ lane, first, last, count, bytes, openedAt, endedAt, times }): SegmentText => [
        LANES.indexOf(lane),
        first,
        last,
        count,
        bytes,
        openedAt,
        endedAt,
        times === null ? 0 : [times.low, times.high],
      ],
    ),
    [...consumers].map(
      ({ name, start, cursors, counts }): ConsumerText => [
        name,
        start,
        LANES.map((lane): ConsumerLaneText => {
          const { base, settled, gaps } = counts[lane];
          return [encodeCursor(cursors[lane]), base, settled, gaps];
        }),
      ],
    ),
  ];
  const text = JSON.stringify(moves);
  return text.padEnd(Math.ceil(text.length / STEP) * STEP);
}

/**
 * Bring what was read from the tables up to date.
 * @param text of `encodeMoves`; empty: the tables have it all
 * @returns what the tables do not have, as it is in the content
 * @throws DamageError it is not of `encodeMoves`
 */
export function applyMoves(content: LedgerContent, text: string): LedgerMoves {
  const { lanes } = content;
  if (text === '') return { lanes, segments: [], consumers: [] };
  try {
    const [laneTexts, segmentTexts, consumerTexts] = JSON.parse(text) as MovesText;
    LANES.forEach((lane, i) => {
      const [accepted, removed] = known(laneTexts[i]);
      Object.assign(lanes[lane], { accepted, removed });
    });
    const segments = segmentTexts.map(decodeSegment);
    for (const segment of segments) {
      const isSame = (other: SegmentInfo) => other.lane === segment.lane && other.first === segment.first;
      const at = content.segments.findIndex(isSame);
      if (at < 0) content.segments.push(segment);
      else content.segments[at] = segment;
    }
    content.segments.sort((a, b) => a.first - b.first);
    const consumers = consumerTexts.map(decodeConsumer);
    for (const consumer of consumers) content.consumers.set(consumer.name, consumer);
    return { lanes, segments, consumers };
  } catch (error) {
    throw new DamageError('what moved in the ledger cannot be read', { cause: error });
  }
}

function decodeSegment([at, first, last, count, bytes, openedAt, endedAt, times]: SegmentText): SegmentInfo {
  const [low, high] = times === 0 ? [] : times;
  return {
    lane: known(LANES[at]),
    first,
    last,
    count,
    bytes,
    openedAt,
    endedAt,
    state: 'active',
    times: low === undefined || high === undefined ? null : { low, high },
    thinnedAfter: null,
    sha256: null,
  };
}

function decodeConsumer([name, start, lanes]: ConsumerText): Consumer {
  const each = <T>(of: (text: ConsumerLaneText) => T): Record<Lane, T> => {
    const [critical, normal, bulk] = LANES.map((_, i) => of(known(lanes[i])));
    return { critical: known(critical), normal: known(normal), bulk: known(bulk) };
  };
  const cursors: LaneCursors = each(([cursor]) => decodeCursor(cursor));
  const counts = each(([, base, settled, gaps]): ConsumerCounts => ({ base, settled, gaps }));
  return new Consumer(name, cursors, counts, start);
}

/** `settled`, then first and last of each range above, each less what is before it. */
function encodeCursor({ settled, above }: Cursor): CursorText {
  let before = settled;
  const steps = above.flatMap(({ first, last }) => {
    const step = [first - before, last - first];
    before = last;
    return step;
  });
  return [settled, ...steps];
}

function decodeCursor([settled, ...steps]: CursorText): Cursor {
  const above = [];
  let before = settled;
  for (let i = 0; i + 1 < steps.length; i += 2) {
    const first = before + known(steps[i]);
    before = first + known(steps[i + 1]);
    above.push({ first, last: before });
  }
  return { settled, above };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new DamageError('a part is missing');
  return value;
}
