import type { HeadgateError } from '../errors/headgate-error.ts';
import { eventId, type HeadgateEvent } from '../model/event.ts';
import type { EpochMs } from '../model/time.ts';
import type { CommittedEvent } from '../ports/journal.ts';
import type { QueuedEvent } from './commit-packer.ts';

/** One append, waiting for its commit. */
export interface Append {
  readonly events: readonly QueuedEvent[];
  /** Of its events, encoded. */
  readonly bytes: number;
  resolve(events: readonly HeadgateEvent[]): void;
  reject(error: HeadgateError): void;
}

/** Appends that went to the worker together. */
export interface Group {
  readonly appends: readonly Append[];
  /** When they were accepted, if they are. */
  readonly recorded: EpochMs;
}

/** The events of a group as they are stored, numbered from `first`. */
export function committedEvents({ appends, recorded }: Group, journalId: string, first: number): CommittedEvent[] {
  const committed: CommittedEvent[] = [];
  let sequence = first;
  for (const append of appends) {
    for (const { draft, bytes, list } of append.events) {
      const event = { ...draft, id: eventId(journalId, sequence), sequence, recordedtime: recorded };
      committed.push({ sequence, lane: draft.lane, recordedtime: recorded, bytes, list, event });
      sequence++;
    }
  }
  return committed;
}

/** Tell each append of a group that it is accepted. @param committed the group's events, all of them */
export function resolveAppends({ appends }: Group, committed: readonly CommittedEvent[]): void {
  let begin = 0;
  for (const append of appends) {
    const first = begin;
    begin += append.events.length;
    append.resolve(append.events.map((_, i) => (committed[first + i] as CommittedEvent).event));
  }
}
