import { Status, type StatusCode } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';

/** How raw values become engineering values: `raw × factor + offset`, then kept within `low … high`. */
export interface Scaling {
  readonly factor: number;
  readonly offset: number;
  readonly low: number;
  readonly high: number;
  /** Raw value at `root.from`, square root of the place up to `root.from + root.span`, instead of `factor`; null: linear. */
  readonly root: { readonly from: number; readonly span: number; readonly low: number; readonly rise: number } | null;
  /** The text of each number of an enumeration; null: numbers stay numbers. */
  readonly texts: Readonly<Record<string, string>> | null;
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
  const root =
    tag.curve === 'sqrt' && isMapped
      ? { from: rawLow, span: rawHigh - rawLow, low: engLow, rise: engHigh - engLow }
      : null;
  const texts = tag.texts ?? null;
  const isIdentity = factor === 1 && offset === 0 && isUnbounded && root === null && texts === null;
  return { factor, offset, low, high, root, texts, isIdentity };
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
  if (raw === null || typeof raw === 'string') return { value: raw, status };
  if (scaling.texts !== null) return textOf(scaling.texts, raw, status);
  if (typeof raw === 'boolean') return { value: raw, status };
  if (typeof raw === 'bigint' && scaling.isIdentity) return { value: raw, status };
  const value = engineeringValue(scaling, Number(raw));
  if (!Number.isFinite(value)) return { value: null, status: Status.Bad_OutOfRange };
  if (value < scaling.low) return { value: scaling.low, status: clampedStatus(status) };
  if (value > scaling.high) return { value: scaling.high, status: clampedStatus(status) };
  return { value, status };
}

/** A raw value below the range of a square root counts as its beginning. */
function engineeringValue({ root, factor, offset }: Scaling, raw: number): number {
  if (root === null) return raw * factor + offset;
  return root.low + root.rise * Math.sqrt(Math.max(0, (raw - root.from) / root.span));
}

/** The text for a number or a bit; one without a text stays as it is, in digits, and is Uncertain. */
function textOf(texts: Readonly<Record<string, string>>, raw: number | bigint | boolean, status: StatusCode): Scaled {
  const key = String(Number(raw));
  if (Object.hasOwn(texts, key)) return { value: texts[key] ?? key, status };
  return { value: key, status: status === Status.Good ? Status.Uncertain : status };
}

function clampedStatus(status: StatusCode): StatusCode {
  return status === Status.Good ? Status.Good_Clamped : status;
}

/**
 * The raw value that scales to a value; the reverse of scaleValue but for clamping.
 * @returns a bigint only for a bigint that is not scaled
 */
export function unscaleValue(scaling: Scaling, value: number | bigint): number | bigint {
  const { root } = scaling;
  if (root !== null) return root.from + root.span * ((Number(value) - root.low) / root.rise) ** 2;
  if (scaling.factor === 1 && scaling.offset === 0) return value;
  return (Number(value) - scaling.offset) / scaling.factor;
}
