import { type EventDraft, GAP_TYPE } from '../model/event.ts';
import type { Lane } from '../model/tag.ts';
import type { StoredGap } from './ledger.ts';

/** `data` of headgate.gap.v1. */
export interface GapData {
  /** Of the gap, in this journal: the event may come twice after a crash, the gap did not. */
  readonly gap: number;
  readonly lane: Lane;
  readonly first: number;
  readonly last: number;
  /** Events that are lost. */
  readonly count: number;
  /** Numbers in the range that no event is known to have had: a hole in the numbers that is no loss. */
  readonly unused: number;
  readonly reason: string;
  /** Events that each consumer lost. */
  readonly consumers: Readonly<Record<string, number>>;
}

/** The lane that is never dropped. */
export const GAP_LANE: Lane = 'critical';

/** The event that tells of a gap. */
export function gapEvent(gap: StoredGap, source: string, subject: string): EventDraft<GapData> {
  const { id, lane, first, last, count, unused, reason, at, consumers } = gap;
  return {
    source,
    type: GAP_TYPE,
    subject,
    time: at,
    lane: GAP_LANE,
    data: { gap: id, lane, first, last, count, unused, reason, consumers },
  };
}
