import type { TagSpan } from './component-spec.ts';

/** A value's place in a device, and the row that it comes from. */
export interface PlacedSpan<R> extends TagSpan {
  readonly row: R;
}

/**
 * Values that share registers without being the same ones: each with the one before it in the device.
 * @param spans of one device, in any order
 */
export function overlapsOf<R>(spans: readonly PlacedSpan<R>[]): [later: PlacedSpan<R>, earlier: PlacedSpan<R>][] {
  const found: [PlacedSpan<R>, PlacedSpan<R>][] = [];
  for (const members of Map.groupBy(spans, ({ space }) => space).values()) {
    let widest: PlacedSpan<R> | null = null;
    for (const span of members.toSorted((a, b) => a.from - b.from || b.count - a.count)) {
      const isSame = widest !== null && widest.from === span.from && widest.count === span.count;
      if (widest !== null && !isSame && span.from < widest.from + widest.count) found.push([span, widest]);
      if (widest === null || span.from + span.count > widest.from + widest.count) widest = span;
    }
  }
  return found;
}
