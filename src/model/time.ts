/** Milliseconds since 1970-01-01T00:00:00Z; may carry a fraction. */
export type EpochMs = number;

/** A duration in milliseconds. */
export type Millis = number;

/**
 * RFC 3339 text of a moment, in UTC with milliseconds.
 * @throws RangeError outside years 0 to 9999 or when not finite
 */
export function toRfc3339(time: EpochMs): string {
  return new Date(time).toISOString();
}
