import type { ScanGroup } from '../model/reading.ts';
import { TagSelection, type TagSequence } from '../model/tag-columns.ts';

/** The scan groups of each device: readable tags with the same period, in table order; shortest period first. */
export function scanGroupsOf(tags: TagSequence): ReadonlyMap<string, readonly ScanGroup[]> {
  const devices = new Map<string, Map<number, number[]>>();
  let place = -1;
  for (const tag of tags) {
    place++;
    if (tag.access === 'w') continue;
    const periods = devices.get(tag.device) ?? new Map<number, number[]>();
    devices.set(tag.device, periods);
    const members = periods.get(tag.scanMs);
    if (members === undefined) periods.set(tag.scanMs, [place]);
    else members.push(place);
  }
  return new Map(
    [...devices].map(([device, periods]) => [
      device,
      [...periods]
        .sort(([a], [b]) => a - b)
        .map(
          ([periodMs, members]): ScanGroup => ({
            device,
            periodMs,
            tags: new TagSelection(tags, members),
          }),
        ),
    ]),
  );
}
