import type { CurrentTable } from './current-values.ts';
import { FilterIndex } from './filter-index.ts';
import type { RetainedPacket } from './session-store.ts';

/** The current values of the tags whose topics match a filter, as retained packets, formed one at a time. */
export function* currentPackets(table: CurrentTable, filter: string): Generator<RetainedPacket> {
  const one = new FilterIndex<true>();
  one.add(true, filter);
  for (const asset of [...table.assets()]) {
    const { all, byName } = one.matchChildren(`uns/v1/${asset}`);
    if (all.length === 0 && byName.size === 0) continue;
    for (const current of [...table.listsOf(asset)]) {
      const positions =
        all.length > 0 ? current.list.names.keys() : [...byName.keys()].map((name) => current.position(name));
      for (const position of positions) {
        if (position < 0 || !current.has(position)) continue;
        yield {
          cmd: 'publish',
          topic: current.tagTopic(position),
          payload: current.payload(position),
          qos: 0,
          retain: true,
        };
      }
    }
  }
}
