import type { OpcuaConfig } from '../../../src/drivers/opcua/config.ts';
import { opcua } from '../../../src/drivers/opcua/module.ts';
import type { ScanGroup } from '../../../src/model/reading.ts';
import type { TagDefinition, TagValue } from '../../../src/model/tag.ts';
import type { DeviceState, Driver, TagFault } from '../../../src/ports/driver.ts';
import { livedClock } from '../../support/lived-time.ts';
import { type RecordingObserver, recordingObserver } from '../../support/observer.ts';

/** A tag with everything at its default but what matters. */
export function tag(name: string, address: string, more: Partial<TagDefinition> = {}): TagDefinition {
  return {
    device: 'plc',
    name,
    asset: 'acme/line',
    address,
    type: 'auto',
    byteOrder: 'ABCD',
    bit: null,
    length: null,
    access: 'r',
    scanMs: 100,
    scale: 1,
    offset: 0,
    rawLow: null,
    rawHigh: null,
    engLow: null,
    engHigh: null,
    unit: '',
    deadband: 0,
    deadbandType: 'none',
    lane: 'bulk',
    description: '',
    ...more,
  };
}

interface SeenReading {
  readonly value: TagValue;
  readonly status: number;
  readonly time: number;
}

/** A driver under test and all that it told. */
export interface Harness {
  readonly driver: Driver;
  readonly observer: RecordingObserver;
  readonly states: DeviceState[];
  readonly faults: Map<string, TagFault | null>;
  /** All readings of a tag, oldest first. */
  readings(name: string): readonly SeenReading[];
  last(name: string): SeenReading | undefined;
  readonly batches: { group: ScanGroup; count: number; at: number }[];
}

export interface HarnessOptions {
  readonly config: Partial<OpcuaConfig> & { endpoint: string };
  readonly tags: readonly TagDefinition[];
  readonly dataDir?: string | null;
}

/** Without security unless told otherwise; short deadlines. */
export async function harness({ config, tags, dataDir = null }: HarnessOptions): Promise<Harness> {
  const observer = recordingObserver();
  const states: DeviceState[] = [];
  const faults = new Map<string, TagFault | null>();
  const readings = new Map<string, SeenReading[]>();
  const batches: Harness['batches'] = [];
  const groups = [...Map.groupBy(tags, (one) => one.scanMs)].map(
    ([periodMs, members]): ScanGroup => ({ device: 'plc', periodMs, tags: members }),
  );
  const full: OpcuaConfig = {
    name: 'plc',
    driver: 'opcua',
    security: { policy: 'None', mode: 'None' },
    connect_timeout_ms: 2_000,
    request_timeout_ms: 3_000,
    reconnect_min_ms: 100,
    reconnect_max_ms: 1_000,
    heartbeat_timeout_ms: 1_500,
    ...config,
  };
  const driver = await opcua.create([{ name: 'plc', config: full, groups }], {
    clock: livedClock,
    random: Math.random,
    observer,
    dataDir,
    report: (batch) => {
      batches.push({ group: batch.group, count: batch.count, at: performance.now() });
      for (let at = 0; at < batch.count; at++) {
        const member = batch.group.tags.at(batch.indexes === null ? at : (batch.indexes[at] ?? 0));
        if (member === undefined) throw new Error('index beyond the group');
        const seen = readings.get(member.name) ?? [];
        readings.set(member.name, seen);
        seen.push({
          value: batch.values[at] ?? null,
          status: typeof batch.statuses === 'number' ? batch.statuses : (batch.statuses[at] ?? -1),
          time: typeof batch.times === 'number' ? batch.times : (batch.times[at] ?? -1),
        });
      }
    },
    deviceState: (state) => states.push(state),
    tagFault: (_device, name, fault) => faults.set(name, fault),
  });
  return {
    driver,
    observer,
    states,
    faults,
    batches,
    readings: (name) => readings.get(name) ?? [],
    last: (name) => readings.get(name)?.at(-1),
  };
}
