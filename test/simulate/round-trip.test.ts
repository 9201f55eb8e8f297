import { join } from 'node:path';
import t, { type Test } from 'tap';
import { modbusTcp } from '../../src/drivers/modbus/module.ts';
import { opcua } from '../../src/drivers/opcua/module.ts';
import { Status } from '../../src/model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../../src/model/tag.ts';
import type { DriverModule } from '../../src/ports/driver.ts';
import type { Fixture } from '../../src/simulate/fixture.ts';
import { readFixture } from '../../src/simulate/read-fixture.ts';
import { createRecorder } from '../../src/simulate/recorder.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { deviceConfig } from '../../src/simulate/write-configuration.ts';
import { DriverWitness } from '../conformance/driver.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { livedClock } from '../support/lived-time.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { makeFixture, makeTag, scratch } from './support.ts';

const SCAN_MS = 50;
const STEPS_MS = [0, 1200, 1500];
const DURATION_MS = 1800;

type Held = TagValue | readonly [TagValue, number];

function row(
  device: string,
  [name, address, type]: readonly [string, string, DataType],
  held: readonly Held[],
  more = {},
) {
  const tag = makeTag({ device, name, address, type, scanMs: SCAN_MS, ...more });
  const readings = held.map((one, step) => {
    const [value, status] = Array.isArray(one) ? (one as [TagValue, number]) : [one as TagValue, 0];
    return [STEPS_MS[step] ?? 0, value, status] as const;
  });
  return [tag, ...readings] as const;
}

const Float = Math.fround;
const ORIGINAL = makeFixture(
  [
    { name: 'plc', protocol: 'opcua', namespaces: ['urn:plc', 'urn:plc:x'] },
    { name: 'unit', protocol: 'modbus-tcp', unit: 3 },
  ],
  [
    row(
      'plc',
      ['speed', 'ns=2;s=Speed', 'float32'],
      [Float(1.1), [Float(2.2), Status.Uncertain], [null, Status.Bad_SensorFailure]],
    ),
    row('plc', ['total', 'nsu=urn:plc:x;i=7', 'uint64'], [5, 2n ** 60n, 2n ** 63n + 1n]),
    row('plc', ['leak', 'ns=1;i=1', 'uint16'], [false, true, false], { bit: 3 }),
    row('plc', ['mode', '/Objects/2:Pump/2:Mode', 'string'], ['AUTO', 'läuft!', 'x, "y"']),
    row('plc', ['temperature', 'ns=2;s=Temperature', 'int32'], [-5, 7, 8]),
    row('unit', ['f', '40001', 'float32'], [1.5, Float(-0.1), 3], { byteOrder: 'CDAB' }),
    row('unit', ['d', '30001', 'float64'], [0.1, 1e300, -5.5], { byteOrder: 'DCBA' }),
    row('unit', ['n', '40010#BADC', 'int32'], [-1, 123_456, -2_147_483_648]),
    row('unit', ['u', '40020', 'uint64'], [5, 2n ** 63n, 2n ** 60n + 1n], { byteOrder: 'CDAB' }),
    row('unit', ['i8', '40030', 'int8'], [-1, 7, -128]),
    row('unit', ['b3', '40031', 'uint16'], [true, false, true], { bit: 3 }),
    row('unit', ['b9', '40031', 'uint16'], [false, true, true], { bit: 9 }),
    row('unit', ['text', '40040.10', 'string'], ['PO-1', 'Größe', 'x']),
    row('unit', ['coil', 'CO:5', 'bool'], [true, false, true]),
    row('unit', ['raw', '40060', 'int16'], [-100, 100, 5], { scale: 0.1, offset: 7 }),
    row('unit', ['broken', 'DI:9', 'bool'], [true, [null, Status.Bad_DeviceFailure], false]),
  ],
  DURATION_MS,
);

t.test('what is simulated and recorded through the drivers is what was recorded before', async (t) => {
  const directory = await scratch(t);
  await record(t, ORIGINAL, join(directory, 'first'));
  const first = await readFixture(join(directory, 'first'));
  t.same(sequences(first), sequences(ORIGINAL), 'every value and status, in order, before scaling');
  t.same(first.tags, ORIGINAL.tags, 'type, byte order, bit and scaling of every tag');
  await record(t, first, join(directory, 'second'));
  t.same(sequences(await readFixture(join(directory, 'second'))), sequences(ORIGINAL), 'and again from the recording');
});

/** The values and statuses of each tag, without repeats, and without what was said before the device had any. */
function sequences(fixture: Fixture): Record<string, [TagValue, number][]> {
  const all: Record<string, [TagValue, number][]> = {};
  for (const series of fixture.series) {
    for (const { tag, value, status } of series.readings()) {
      const name = series.tags[tag]?.name ?? '';
      const own = all[name] ?? [];
      all[name] = own;
      const last = own.at(-1);
      const isBefore = last === undefined && value === null;
      if (!isBefore && (last === undefined || last[0] !== value || last[1] !== status)) own.push([value, status]);
    }
  }
  return all;
}

/** A moment at which a tag begins to show something else. */
interface Change {
  readonly atMs: number;
  readonly name: string;
  readonly value: TagValue;
  readonly status: number;
}

/** All changes of a fixture, by time, without what was said before the device had any value. */
function changesOf(fixture: Fixture): Change[] {
  const changes: Change[] = [];
  for (const series of fixture.series) {
    const shown = new Map<string, Change>();
    for (const { tag, atMs, value, status } of series.readings()) {
      const change = { atMs: Math.max(0, atMs), name: series.tags[tag]?.name ?? '', value, status };
      const before = shown.get(change.name);
      if (before === undefined && value === null) continue;
      shown.set(change.name, change);
      if (before?.value !== value || before.status !== status) changes.push(change);
    }
  }
  return changes.sort((a, b) => a.atMs - b.atMs);
}

/** Tells whether the drivers have reported a change, each after the one before it of its tag. */
function sightOf(witness: DriverWitness): (change: Change) => boolean {
  const seenUpTo = new Map<string, number>();
  return ({ name, value, status }) => {
    const after = seenUpTo.get(name) ?? 0;
    const at = witness.history.findIndex(
      ({ tag, reading }, i) =>
        i >= after && tag === name && reading.value === value && (value === null || reading.status === status),
    );
    if (at >= 0) seenUpTo.set(name, at + 1);
    return at >= 0;
  };
}

/** Serve a fixture once and record what the drivers read of it. The line, and with it the day, goes on when they have seen all that it shows. */
async function record(t: Test, fixture: Fixture, directory: string): Promise<void> {
  const observer = recordingObserver();
  const { devices, tags } = fixture;
  const line = new FakeClock(Date.now());
  const clock = { ...livedClock, now: () => line.now() };
  const common = { devices, tags, clock, observer };
  const recorder = await createRecorder({
    ...common,
    directory,
    name: 'x',
    description: 'x',
    source: 'a test',
    throughDrivers: true,
  });
  const simulation = await startSimulation({
    ...{ ...common, clock: line, fixture, speed: 1, loop: false, host: '127.0.0.1' },
  });
  t.teardown(() => simulation.close());
  const witness = new DriverWitness();
  let goOn = () => {};
  witness.onReport = (batch) => {
    recorder.report(batch);
    // Between two scans: what is read before the line goes on has no time of after it, nor the other way round.
    if (batch.group.device === 'unit') goOn();
  };
  const start = async <C>(module: DriverModule<C>, name: string) => {
    const endpoint = simulation.endpoints.find(({ device }) => device === name);
    if (endpoint === undefined) throw new Error(`${name} is not served`);
    const own: readonly TagDefinition[] = tags.filter(({ device }) => device === name);
    const groups = [{ device: name, periodMs: SCAN_MS, tags: own }];
    // Nothing between the registers is read along: this device refuses it.
    const config = { ...deviceConfig(endpoint), ...(endpoint.protocol === 'modbus-tcp' ? { max_gap: 0 } : {}) };
    const driver = await witness.create(module, [{ name, config: config as C, groups }], clock);
    t.teardown(() => driver.stop());
    await driver.start();
  };
  await start(opcua, 'plc');
  await start(modbusTcp, 'unit');
  const isSeen = sightOf(witness);
  for (const change of changesOf(fixture)) {
    const byMs = change.atMs - simulation.positionMs;
    if (byMs > 0) {
      await new Promise<void>((resolve) => {
        goOn = () => {
          goOn = () => {};
          void line.advance(byMs).then(resolve);
        };
      });
    }
    await until(() => isSeen(change), { what: `${change.name} as the line shows it at ${change.atMs} ms` });
  }
  await recorder.finish();
}
