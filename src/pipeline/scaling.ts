import { Status, type StatusCode } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';

/** How raw values become engineering values: `raw × factor + offset`, then kept within `low … high`. */
export interface Scaling {
  readonly factor: number;
  readonly offset: number;
  readonly low: number;
  readonly high: number;
  /** True when the value stays as it is, of whatever type. */
  readonly isIdentity: boolean;
}

/**
 * The scaling of a tag. raw_low … eng_high, if all four are given, map linearly and clamp; scale and offset then apply to nothing.
 * Only eng_low and eng_high given: scale and offset, then clamp.
 */
export function scalingOf(tag: TagDefinition): Scaling {
  const { rawLow, rawHigh, engLow, engHigh } = tag;
  const isMapped = rawLow !== null && rawHigh !== null && engLow !== null && engHigh !== null && rawHigh !== rawLow;
  const factor = isMapped ? (engHigh - engLow) / (rawHigh - rawLow) : tag.scale;
  const offset = isMapped ? engLow - rawLow * factor : tag.offset;
  const low = Math.min(engLow ?? Number.NEGATIVE_INFINITY, engHigh ?? Number.POSITIVE_INFINITY);
  const high = Math.max(engHigh ?? Number.POSITIVE_INFINITY, engLow ?? Number.NEGATIVE_INFINITY);
  const isUnbounded = low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY;
  return { factor, offset, low, high, isIdentity: factor === 1 && offset === 0 && isUnbounded };
}

/** A value with the quality that scaling left it. */
export interface Scaled {
  readonly value: TagValue;
  readonly status: StatusCode;
}

/**
 * Scale one value that is not a plain number within bounds (the pipeline's loop does those by itself).
 * A value that is clamped and was Good becomes Good_Clamped; NaN and infinities become null with Bad_OutOfRange.
 */
export function scaleValue(scaling: Scaling, raw: TagValue, status: StatusCode): Scaled {
  if (raw === null || typeof raw === 'string' || typeof raw === 'boolean') return { value: raw, status };
  if (typeof raw === 'bigint' && scaling.isIdentity) return { value: raw, status };
  const value = Number(raw) * scaling.factor + scaling.offset;
  if (!Number.isFinite(value)) return { value: null, status: Status.Bad_OutOfRange };
  if (value < scaling.low) return { value: scaling.low, status: clampedStatus(status) };
  if (value > scaling.high) return { value: scaling.high, status: clampedStatus(status) };
  return { value, status };
}

function clampedStatus(status: StatusCode): StatusCode {
  return status === Status.Good ? Status.Good_Clamped : status;
}

/**
 * The raw value that scales to a value; the reverse of scaleValue but for clamping.
 * @returns a bigint only for a bigint that is not scaled
 */
export function unscaleValue(scaling: Scaling, value: number | bigint): number | bigint {
  if (scaling.factor === 1 && scaling.offset === 0) return value;
  return (Number(value) - scaling.offset) / scaling.factor;
}
