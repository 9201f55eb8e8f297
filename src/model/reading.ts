import type { StatusCode } from './quality.ts';
import type { TagValue } from './tag.ts';
import type { TagSequence } from './tag-columns.ts';
import type { EpochMs, Millis } from './time.ts';

/** One value with its quality and source time. */
export interface Reading {
  readonly value: TagValue;
  readonly status: StatusCode;
  readonly time: EpochMs;
}

/** The tags of one device with the same period: read together, reported together. `index` in it names a tag for its life. */
export interface ScanGroup {
  readonly device: string;
  readonly periodMs: Millis;
  readonly tags: TagSequence;
}

/**
 * What a driver hands to the pipeline: the readings of one scan, or of one OPC UA notification, as columns.
 * The receiver uses it before it returns and keeps nothing of it, so a driver may reuse the arrays.
 */
export interface ReadingBatch {
  readonly group: ScanGroup;
  /** How many readings: the arrays may be longer. */
  readonly count: number;
  /** Position in `group.tags` of each reading; null: the readings are `group.tags[0 … count-1]`. */
  readonly indexes: ArrayLike<number> | null;
  /** Raw values as decoded, before scaling; null where the status is Bad. */
  readonly values: ArrayLike<TagValue>;
  /** One StatusCode for all, or one each. */
  readonly statuses: StatusCode | ArrayLike<StatusCode>;
  /** One source time for all, or one each. */
  readonly times: EpochMs | ArrayLike<EpochMs>;
}
