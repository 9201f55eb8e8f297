import type { EventDraft } from '../model/event.ts';
import type { EpochMs } from '../model/time.ts';

/** Events that were offered and not accepted while the disk took none. */
export const REFUSED_TYPE = 'headgate.journal-refused.v1';

/** `data` of headgate.journal-refused.v1. */
export interface RefusedData {
  /** Events refused. What the equipment said is lost; a publisher that got no acknowledgement may have offered its events again. */
  readonly count: number;
  readonly since: EpochMs;
  readonly until: EpochMs;
  readonly reason: string;
}

/** The event that tells of a time without acceptance, once there is room again; in the lane that is never dropped. */
export function refusedEvent(data: RefusedData, source: string, subject: string): EventDraft<RefusedData> {
  return { source, type: REFUSED_TYPE, subject, time: data.until, lane: 'critical', data };
}
