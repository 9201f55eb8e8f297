import { Status, type StatusCode, severityOf } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';

type Write = (index: number, value: TagValue, status: StatusCode, time: EpochMs) => void;

/**
 * Keeps what was written last and lays the `bad_quality` fault over it: while a tag is in the fault it goes on with the
 * fault's status and no value; when the fault ends, the last real value comes back at once.
 */
export function withBadQuality(tags: readonly TagDefinition[], write: Write) {
  const last = tags.map(() => ({
    value: null as TagValue,
    status: Status.Bad_WaitingForInitialData as StatusCode,
    time: 0,
    isWritten: false,
  }));
  let badTags: ReadonlyMap<string, StatusCode> = new Map();
  const faultOf = (index: number): StatusCode | undefined =>
    badTags.size === 0 ? undefined : (badTags.get(tags[index]?.name ?? '') ?? badTags.get('*'));
  return {
    write(index: number, value: TagValue, status: StatusCode, time: EpochMs): void {
      const entry = last[index];
      if (entry === undefined) return;
      entry.value = value;
      entry.status = status;
      entry.time = time;
      entry.isWritten = true;
      const fault = faultOf(index);
      if (fault === undefined) write(index, value, status, time);
      else write(index, severityOf(fault) === 'bad' ? null : value, fault, time);
    },
    /** @param now source time of the change of status */
    setBadTags(next: ReadonlyMap<string, StatusCode>, now: EpochMs): void {
      const before = tags.map((_tag, index) => faultOf(index));
      badTags = next;
      last.forEach((entry, index) => {
        const fault = faultOf(index);
        if (fault === before[index]) return;
        if (fault !== undefined) write(index, severityOf(fault) === 'bad' ? null : entry.value, fault, now);
        else if (entry.isWritten) write(index, entry.value, entry.status, now);
      });
    },
  };
}
