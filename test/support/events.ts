import type { EventDraft } from '../../src/model/event.ts';
import { makeTagList } from '../../src/model/event-codec.ts';
import { type TagList, TelemetryReport } from '../../src/model/telemetry.ts';

/** A small event of no telemetry. */
export function plainEvent(number: number, change: Partial<EventDraft> = {}): EventDraft {
  return {
    source: '/headgate/gw/test',
    type: 'headgate.test-happened.v1',
    subject: 'acme/hamburg/line-1',
    time: 1_700_000_000_000 + number,
    lane: 'normal',
    data: { number },
    ...change,
  };
}

/** A tag list of int16 values. */
export function int16List(device: string, count: number, prefix = 'register'): TagList {
  return makeTagList({
    source: `/headgate/gw/${device}`,
    device,
    asset: `acme/hamburg/line-1/${device}`,
    group: `${device}_1000ms`,
    lane: 'bulk',
    names: Array.from({ length: count }, (_, i) => `${prefix}_${40_001 + i}`),
    units: Array.from({ length: count }, () => ''),
    types: Array.from({ length: count }, () => 'int16' as const),
  });
}

/** A scan report of a whole int16 list. */
export function report(
  list: TagList,
  values: ArrayLike<number>,
  time = 1_700_000_000_000,
): EventDraft<TelemetryReport> {
  const columns = {
    indexes: null,
    values: Int16Array.from(values),
    statuses: 0,
    timeBase: time,
    timeDeltas: 0,
  } as const;
  return {
    source: list.source,
    type: 'headgate.telemetry.v1',
    subject: list.asset,
    partitionkey: `${list.asset}/${list.group}`,
    time,
    lane: list.lane,
    data: new TelemetryReport(list, columns),
  };
}
