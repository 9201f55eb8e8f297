import { LANES, type Lane } from '../model/tag.ts';
import type { EventSelection, PageRequest, SequenceRange } from '../ports/journal.ts';
import type { StoredRecord } from './record.ts';
import type { SegmentInfo } from './segment-info.ts';

/** Rows of one lane that a step looks at, about: a millisecond of work. */
const STEP_ROWS = 2000;

/** Where a selection stops; the last record may be the one that passed the bound. */
export type SelectBounds = Pick<PageRequest, 'maxEvents' | 'maxBytes'>;

/** Segments to select from. */
export interface SelectSource {
  /** Oldest first. */
  lane(lane: Lane): readonly SegmentInfo[];
  /** The matching events of a closed range of one segment, in order, until a bound is passed; at least one if there is one. */
  select(segment: SegmentInfo, range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[];
}

/** What a step found; `through`: how far it got. */
export interface SelectedSlice {
  readonly records: StoredRecord[];
  readonly through: number;
}

/**
 * One bounded step of a search: the matching events of the next stretch of sequences, over the lanes asked for. Segments outside of the
 * time asked for are passed over by the manifest alone, without being opened. The stretch is as long as the fullest lane allows.
 */
export function selectStep(
  source: SelectSource,
  request: PageRequest,
  where: EventSelection,
  lastSequence: number,
): SelectedSlice {
  const { after, maxEvents, maxBytes } = request;
  const until = Math.min(request.until, lastSequence);
  if (after >= until) return { records: [], through: Math.max(after, until) };
  const lanes = request.lanes ?? LANES;
  let through = Math.min(until, ...lanes.map((lane) => stretch(source.lane(lane), after, where)));
  const found: StoredRecord[] = [];
  for (const segment of lanes.flatMap((lane) => source.lane(lane))) {
    if (segment.last <= after || segment.first > through || !mayHold(segment, where)) continue;
    const records = source.select(segment, { first: after + 1, last: through }, where, { maxEvents, maxBytes });
    found.push(...records);
    // It stopped at a bound: beyond its last nobody looked.
    if (isOver(records, { maxEvents, maxBytes })) through = records.at(-1)?.sequence ?? through;
  }
  const inOrder = found.filter(({ sequence }) => sequence <= through).sort((a, b) => a.sequence - b.sequence);
  const count = countWithin(inOrder, { maxEvents, maxBytes });
  if (count === inOrder.length) return { records: inOrder, through };
  const records = inOrder.slice(0, count);
  return { records, through: records.at(-1)?.sequence ?? after };
}

/** Segments that the next step of a reading or a search may open: of each lane the next one, for a reading also the one behind it. */
export function segmentsAhead(
  source: Pick<SelectSource, 'lane'>,
  { after, until, lanes = LANES, where }: PageRequest,
): SegmentInfo[] {
  const isAhead = (segment: SegmentInfo) =>
    segment.last > after && segment.first <= until && mayHold(segment, where ?? {});
  return lanes.flatMap((lane) =>
    source
      .lane(lane)
      .filter(isAhead)
      .slice(0, where === undefined ? 2 : 1),
  );
}

/** True when a selection may have stopped early. */
function isOver(records: readonly StoredRecord[], { maxEvents, maxBytes }: SelectBounds): boolean {
  return records.length > maxEvents || records.reduce((sum, { payload }) => sum + payload.length, 0) > maxBytes;
}

/** How many of the first stay within the bounds; at least one. */
function countWithin(records: readonly StoredRecord[], { maxEvents, maxBytes }: SelectBounds): number {
  let bytes = 0;
  const beyond = records.findIndex((record, i) => {
    bytes += record.payload.length;
    return i > 0 && (i >= maxEvents || bytes > maxBytes);
  });
  return beyond < 0 ? records.length : beyond;
}

/** False: by the manifest nothing in it can match. */
function mayHold(segment: SegmentInfo, { from, to }: EventSelection): boolean {
  if (segment.count === 0) return false;
  const { times } = segment;
  if (times === null) return true;
  return (from === undefined || times.high >= from) && (to === undefined || times.low < to);
}

/** How far a lane can be searched in one step. */
function stretch(segments: readonly SegmentInfo[], after: number, where: EventSelection): number {
  for (const segment of segments) {
    if (segment.last <= after || !mayHold(segment, where)) continue;
    const start = Math.max(after, segment.first - 1);
    const width = Math.ceil((STEP_ROWS * (segment.last - segment.first + 1)) / segment.count);
    return Math.min(start + width, segment.last);
  }
  return Number.MAX_SAFE_INTEGER;
}
