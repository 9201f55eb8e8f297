import type { Lane } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { SegmentInfo } from './segment-info.ts';

/** Why a segment goes; `settled` costs nobody anything. */
type DropReason = 'settled' | 'age' | 'quota' | 'disk';

/** What the plan is made from. */
export interface RetentionState {
  /** In any order. */
  readonly segments: readonly SegmentInfo[];
  readonly now: EpochMs;
  readonly usedBytes: number;
  readonly quotaBytes: number;
  readonly freeBytes: number;
  readonly minFreeBytes: number;
  /** The age at which a segment goes, settled or not; 0: never by age. */
  maxAgeMs(segment: SegmentInfo): Millis;
  /** Bytes that a lane may take. */
  maxBytes(lane: Lane): number;
  readonly retainSettledMs: Millis;
  /** True when every known consumer has settled all of it; false when no consumer is known. */
  isSettled(segment: SegmentInfo): boolean;
}

interface Drop {
  readonly segment: SegmentInfo;
  readonly reason: DropReason;
}

export interface RetentionPlan {
  readonly drops: readonly Drop[];
  /** Set when quota or disk would still be exceeded: nothing more may be dropped. */
  readonly blockedBy: 'quota' | 'disk' | null;
}

const VICTIM_LANES: readonly Lane[] = ['bulk', 'normal'];

/**
 * Which segments go, in order. Settled ones when their time is over; any by the age limit of what is in it, and the oldest of a lane that takes more than its share; under pressure the oldest settled
 * ones, then the oldest bulk, then the oldest normal, the active segment last in its lane; never critical ones that somebody waits for.
 */
export function planRetention(state: RetentionState): RetentionPlan {
  const drops: Drop[] = [];
  let used = state.usedBytes;
  let free = state.freeBytes;
  const drop = (segment: SegmentInfo, reason: DropReason) => {
    drops.push({ segment, reason });
    used -= segment.bytes;
    free += segment.bytes;
  };
  const oldestFirst = [...state.segments].sort((a, b) => a.first - b.first);
  const rest: SegmentInfo[] = [];
  for (const segment of oldestFirst) {
    const age = state.now - segment.endedAt;
    const maxAge = segment.state === 'active' ? 0 : state.maxAgeMs(segment);
    if (segment.state === 'active') rest.push(segment);
    else if (age >= state.retainSettledMs && state.isSettled(segment)) drop(segment, 'settled');
    else if (maxAge > 0 && age >= maxAge) drop(segment, state.isSettled(segment) ? 'settled' : 'age');
    else rest.push(segment);
  }
  for (const lane of VICTIM_LANES) {
    let bytes = rest.reduce((sum, segment) => sum + (segment.lane === lane ? segment.bytes : 0), 0);
    for (const segment of rest.filter((one) => one.lane === lane && one.state === 'sealed')) {
      if (bytes <= state.maxBytes(lane)) break;
      bytes -= segment.bytes;
      rest.splice(rest.indexOf(segment), 1);
      drop(segment, state.isSettled(segment) ? 'settled' : 'quota');
    }
  }
  const pressure = () => (used > state.quotaBytes ? 'quota' : free < state.minFreeBytes ? 'disk' : null);
  if (pressure() === null) return { drops, blockedBy: null };

  const settled = rest.filter((segment) => segment.state === 'sealed' && state.isSettled(segment));
  const owed = rest.filter((segment) => segment.count > 0 && !settled.includes(segment));
  const victims = [...settled, ...VICTIM_LANES.flatMap((lane) => owed.filter((segment) => segment.lane === lane))];
  for (const segment of victims) {
    const reason = pressure();
    if (reason === null) break;
    drop(segment, segment.state === 'sealed' && state.isSettled(segment) ? 'settled' : reason);
  }
  return { drops, blockedBy: pressure() };
}
