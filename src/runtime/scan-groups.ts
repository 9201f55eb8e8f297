import type { ScanGroup } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';

/** The scan groups of each device: readable tags with the same period, in table order; shortest period first. */
export function scanGroupsOf(tags: readonly TagDefinition[]): ReadonlyMap<string, readonly ScanGroup[]> {
  const devices = new Map<string, Map<number, TagDefinition[]>>();
  for (const tag of tags) {
    if (tag.access === 'w') continue;
    const periods = devices.get(tag.device) ?? new Map<number, TagDefinition[]>();
    devices.set(tag.device, periods);
    const members = periods.get(tag.scanMs);
    if (members === undefined) periods.set(tag.scanMs, [tag]);
    else members.push(tag);
  }
  return new Map(
    [...devices].map(([device, periods]) => [
      device,
      [...periods]
        .sort(([a], [b]) => a - b)
        .map(([periodMs, members]): ScanGroup => ({ device, periodMs, tags: members })),
    ]),
  );
}
