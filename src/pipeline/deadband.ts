import type { TagDefinition } from '../model/tag.ts';

/** A percent deadband of a tag without a range: relative to the value last reported. */
export interface Deadband {
  /** Smallest change that is not reported: absolute, in engineering units. -1: every reading is reported. */
  readonly width: number;
  /** Smallest unreported change as a share of the last reported value; 0 unless percent without a range. */
  readonly share: number;
}

/**
 * The deadband of a tag. `percent` is of the engineering range (OPC 10000-8 §6.2), and without a range of the last reported value.
 * `absolute` 0 reports every change; `none` every reading.
 */
export function deadbandOf(tag: TagDefinition): Deadband {
  if (tag.deadbandType === 'none') return { width: -1, share: 0 };
  if (tag.deadbandType === 'absolute') return { width: tag.deadband, share: 0 };
  if (tag.engLow !== null && tag.engHigh !== null) {
    return { width: (tag.deadband / 100) * Math.abs(tag.engHigh - tag.engLow), share: 0 };
  }
  return { width: 0, share: tag.deadband / 100 };
}
