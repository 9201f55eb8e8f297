import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import type { StreamCount } from './ledger.ts';
import type { StoredRecord } from './record.ts';
import type { TimeRange } from './segment-info.ts';
import type { SelectBounds } from './select-step.ts';

/** The events of a segment as they are read; one implementation for each format. Throws what SQLite throws, and DamageError. */
export interface SegmentEvents {
  /**
   * The events of a closed range, in order, one at a time; end the iteration before anything else is asked of this segment.
   * @throws DamageError an event that is not as it was written
   */
  read(first: number, last: number): Generator<StoredRecord, void, void>;
  /** The matching events of a closed range, in order, until one more than the bounds allow. @throws DamageError */
  select(range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[];
  /** Source times from a sequence on, or of somewhat more; null if there is no event. */
  times(first: number): TimeRange | null;
  /** How many events are in a closed range. */
  count(first: number, last: number): number;
  /** The events of a closed range by stream, in any order. */
  tally(first: number, last: number): StreamCount[];
  /** First and last sequence, 0 when empty, and the time that the last was recorded. */
  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs };
}
