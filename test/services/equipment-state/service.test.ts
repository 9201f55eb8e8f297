import t from 'tap';
import { eventId, type HeadgateEvent } from '../../../src/model/event.ts';
import { makeTagList } from '../../../src/model/event-codec.ts';
import { Status } from '../../../src/model/quality.ts';
import type { TagList, TelemetryColumns } from '../../../src/model/telemetry.ts';
import { TelemetryReport } from '../../../src/model/telemetry.ts';
import { EQUIPMENT_STATE_SPEC, type EquipmentStateConfig } from '../../../src/services/equipment-state/config.ts';
import equipmentState from '../../../src/services/equipment-state/service.ts';
import { serviceConformance } from '../../conformance/service.ts';
import { startService } from '../../support/service-context.ts';

const ASSET = 'acme/hamburg/line-3/press-7';

function listOf(asset: string, names: readonly string[]): TagList {
  const units = names.map(() => '');
  const types = names.map(() => 'float64' as const);
  return makeTagList({
    source: '/headgate/gw/plc',
    device: 'plc',
    asset,
    group: 'plc_1000ms',
    lane: 'bulk',
    names,
    units,
    types,
  });
}

const LIST = listOf(ASSET, ['speed', 'StateCurrent', 'fault']);
let sequence = 0;

function scan(columns: Partial<TelemetryColumns>, recordedtime?: number, list = LIST): HeadgateEvent<TelemetryReport> {
  const full = {
    indexes: null,
    values: new Float64Array(0),
    statuses: 0,
    timeBase: 1_000,
    timeDeltas: 0 as const,
    ...columns,
  };
  sequence++;
  return {
    id: eventId('j', sequence),
    sequence,
    source: list.source,
    type: 'headgate.telemetry.v1',
    subject: list.asset,
    time: full.timeBase,
    recordedtime: recordedtime ?? full.timeBase,
    lane: 'bulk',
    data: new TelemetryReport(list, full),
  };
}

const PACKML: EquipmentStateConfig = {
  assets: [{ asset: ASSET, state_tag: 'StateCurrent', preset: 'packml', fault_tag: 'fault' }],
};

t.test('conformance', (t) => {
  serviceConformance(t, {
    spec: EQUIPMENT_STATE_SPEC,
    module: equipmentState,
    config: PACKML,
    events: [scan({ values: Float64Array.of(9, 6, 0) })],
  });
  t.end();
});

t.test('reports each change with what it was, for how long and why', async (t) => {
  const context = await startService(equipmentState, PACKML);
  const first = scan({ values: Float64Array.of(9, 6, 0), timeBase: 1_000 });
  await context.deliver(first);
  await context.deliver(scan({ values: Float64Array.of(9, 6, 0), timeBase: 2_000 }));
  await context.deliver(scan({ values: Float64Array.of(9, 6, 3), timeBase: 31_000 }));
  t.same(context.published, [
    {
      type: 'headgate.equipment-state-changed.v1',
      subject: ASSET,
      time: 1_000,
      lane: 'normal',
      cause: first,
      data: {
        state: 'running',
        previous: 'unknown',
        reason: 'StateCurrent is 6 (Execute)',
        since: 1_000,
        durationMs: null,
        evidence: { tag: 'StateCurrent', value: 6 },
      },
    },
    {
      ...context.published[1],
      time: 31_000,
      data: {
        state: 'fault',
        previous: 'running',
        reason: 'fault is 3',
        since: 31_000,
        durationMs: 30_000,
        evidence: { tag: 'fault', value: 3 },
      },
    },
  ]);
  t.same(context.query('states'), [
    { asset: ASSET, state: 'fault', reason: 'fault is 3', since: 31_000, evidence: { tag: 'fault', value: 3 } },
  ]);
});

t.test('Bad quality is unknown at once, with its reason and without a value', async (t) => {
  const context = await startService(equipmentState, PACKML);
  await context.deliver(scan({ values: Float64Array.of(9, 6, 0) }));
  const statuses = Uint32Array.of(0, Status.Bad_NoCommunication, 0);
  await context.deliver(scan({ values: Float64Array.of(9, Number.NaN, 0), statuses, timeBase: 5_000 }));
  t.match(context.published[1]?.data, {
    state: 'unknown',
    previous: 'running',
    reason: 'StateCurrent is Bad_NoCommunication',
    evidence: { value: null },
  });
});

t.test('a report of changes only updates what it names; samples of one time are judged together', async (t) => {
  const context = await startService(equipmentState, PACKML);
  await context.deliver(scan({ values: Float64Array.of(9, 4, 0) }));
  await context.deliver(scan({ indexes: Uint16Array.of(0), values: Float64Array.of(10), timeBase: 2_000 }));
  t.equal(context.published.length, 1, 'another tag says nothing of the state');
  await context.deliver(scan({ indexes: Uint16Array.of(1, 2), values: Float64Array.of(6, 1), timeBase: 3_000 }));
  t.same(
    context.published.slice(1).map(({ data }) => (data as { state: string }).state),
    ['fault'],
    'not running in between',
  );
  await context.deliver(
    scan({
      indexes: Uint16Array.of(2, 1, 1),
      values: Float64Array.of(0, 4, 6),
      timeBase: 4_000,
      timeDeltas: Uint8Array.of(0, 10, 20),
    }),
  );
  t.same(
    context.published.slice(2).map(({ data, time }) => [(data as { state: string }).state, time]),
    [
      ['running', 4_000],
      ['idle', 4_010],
      ['running', 4_020],
    ],
  );
});

t.test('a restart goes on from what was known and repeats nothing', async (t) => {
  const kept = new Map<string, unknown>();
  const before = await startService(equipmentState, PACKML, kept);
  await before.deliver(scan({ values: Float64Array.of(9, 6, 0), timeBase: 1_000 }));
  const after = await startService(equipmentState, PACKML, kept);
  t.match(after.query('states'), [{ state: 'running', since: 1_000 }]);
  await after.deliver(scan({ indexes: Uint16Array.of(1), values: Float64Array.of(6), timeBase: 2_000 }));
  t.equal(after.published.length, 0);
  await after.deliver(scan({ indexes: Uint16Array.of(1), values: Float64Array.of(4), timeBase: 11_000 }));
  t.match(after.published[0]?.data, { state: 'idle', previous: 'running', durationMs: 10_000 });
});

t.test('an asset that left the configuration leaves the store', async (t) => {
  const kept = new Map<string, unknown>();
  const before = await startService(equipmentState, PACKML, kept);
  await before.deliver(scan({ values: Float64Array.of(9, 6, 0) }));
  t.equal(kept.size, 1);
  await startService(equipmentState, { assets: [] }, kept);
  t.equal(kept.size, 0);
});

t.test('a dwell ripens by the clock when the tag says nothing more', async (t) => {
  const context = await startService(equipmentState, {
    assets: [{ asset: ASSET, running_tag: 'speed', running_above: 5, min_dwell_ms: 2_000 }],
  });
  const now = context.clock.now();
  await context.deliver(scan({ values: Float64Array.of(0, 0, 0), timeBase: now - 60_000 }, now));
  await context.deliver(scan({ values: Float64Array.of(9, 0, 0), timeBase: now - 50_000 }, now));
  await context.pass(1_999);
  t.equal(context.published.length, 1);
  await context.pass(1);
  t.match(context.published[1], { time: now - 50_000, data: { state: 'running', durationMs: 10_000 } });
});

t.test('a source clock that steps back gives no negative duration', async (t) => {
  const context = await startService(equipmentState, PACKML);
  await context.deliver(scan({ values: Float64Array.of(9, 6, 0), timeBase: 100_000 }));
  await context.deliver(scan({ values: Float64Array.of(9, 4, 0), timeBase: 40_000 }));
  t.match(context.published[1]?.data, { state: 'idle', durationMs: 0 });
});

t.test('a bit of a 64-bit value is text in the event', async (t) => {
  const list = listOf(ASSET, ['word']);
  const context = await startService(equipmentState, {
    assets: [{ asset: ASSET, running_tag: 'word', fault_tag: 'word', fault_bit: 60 }],
  });
  await context.deliver(scan({ values: [2n ** 60n] }, undefined, list));
  t.match(context.published[0]?.data, { state: 'fault', evidence: { value: '1152921504606846976' } });
});

t.test('after a restart with another fault tag, the reading of the old one counts no more', async (t) => {
  const values = new Map<string, unknown>();
  const before = await startService(equipmentState, PACKML, values);
  await before.deliver(scan({ values: Float64Array.of(9, 6, 3) }));
  t.match(before.published.at(-1)?.data, { state: 'fault' });
  const changed: EquipmentStateConfig = {
    assets: [{ asset: ASSET, state_tag: 'StateCurrent', preset: 'packml', fault_tag: 'speed' }],
  };
  const after = await startService(equipmentState, changed, values);
  await after.deliver(scan({ indexes: Uint16Array.of(1), values: Float64Array.of(6), timeBase: 9_000 }));
  t.match(after.published.at(-1)?.data, { state: 'unknown', reason: 'no reading of speed yet' });
});
