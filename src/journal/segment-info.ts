import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';

/** Source times of the events of a segment, both inclusive. */
export interface TimeRange {
  readonly low: EpochMs;
  readonly high: EpochMs;
}

/** What the manifest knows of a segment, so that nothing has to be counted at start. */
export interface SegmentInfo {
  readonly lane: Lane;
  /** Names the file; at most the sequence of its first event. */
  readonly first: number;
  /** Sequence of its last event; first - 1 while it is empty. */
  last: number;
  count: number;
  bytes: number;
  openedAt: EpochMs;
  /** When its last event was accepted. */
  endedAt: EpochMs;
  state: 'active' | 'sealed' | 'dropping';
  /** Of its events; null while it is empty, or unknown: then it must be searched. */
  times: TimeRange | null;
  /** Thinned events of it were to be committed right after this sequence; null: none were. */
  thinnedAfter: number | null;
  /** Hexadecimal, of the sealed file; null until it is computed. */
  sha256: string | null;
}

/** A segment takes no event so far above its first: its name tells what numbers it may hold when nothing else can. */
export const MAX_SEGMENT_SPAN = 5_000_000;

/** One that no event is known of yet, whose first will have this sequence or a later one. */
export function emptySegment(lane: Lane, first: number, now: EpochMs): SegmentInfo {
  return {
    lane,
    first,
    last: first - 1,
    count: 0,
    bytes: 0,
    openedAt: now,
    endedAt: now,
    state: 'active',
    times: null,
    thinnedAfter: null,
    sha256: null,
  };
}

/** The range that spans both. */
export function spanning(a: TimeRange | null, b: TimeRange | null): TimeRange | null {
  if (a === null || b === null) return a ?? b;
  return { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) };
}

/** Path below the journal's directory. */
export function segmentPath(segment: { readonly lane: Lane; readonly first: number }): string {
  return `${segment.lane}/${String(segment.first).padStart(12, '0')}.db`;
}

/** The first sequence that the name of a segment in quarantine/ says; null if it is something else. */
export function firstOfAsideName(name: string): number | null {
  const match = /^[a-z]+-(\d{12,16})(\.\d+)?\.db$/.exec(name);
  return match === null ? null : Number(match[1]);
}

/** The first sequence that a file name says; null if it is no segment's name. */
export function firstOfFileName(name: string): number | null {
  const match = /^(\d{12,16})\.db$/.exec(name);
  return match === null ? null : Number(match[1]);
}
