import { join } from 'node:path';
import t from 'tap';
import { modbusTcp } from '../../src/drivers/modbus/module.ts';
import { opcua } from '../../src/drivers/opcua/module.ts';
import { Status } from '../../src/model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../../src/model/tag.ts';
import type { DriverContext, DriverModule } from '../../src/ports/driver.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import type { Fixture } from '../../src/simulate/fixture.ts';
import { readFixture } from '../../src/simulate/read-fixture.ts';
import { createRecorder } from '../../src/simulate/recorder.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { deviceConfig } from '../../src/simulate/write-configuration.ts';
import { recordingObserver } from '../support/observer.ts';
import { makeFixture, makeTag, scratch } from './support.ts';

const SCAN_MS = 50;
/** The first value stands until the drivers are connected. */
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
  await record(ORIGINAL, join(directory, 'first'));
  const first = await readFixture(join(directory, 'first'));
  t.same(sequences(first), sequences(ORIGINAL), 'every value and status, in order, before scaling');
  t.same(first.tags, ORIGINAL.tags, 'type, byte order, bit and scaling of every tag');
  await record(first, join(directory, 'second'));
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

/** Serve a fixture once and record what the drivers read of it. */
async function record(fixture: Fixture, directory: string): Promise<void> {
  const clock = systemClock;
  const observer = recordingObserver();
  const { devices, tags } = fixture;
  const common = { devices, tags, clock, observer };
  const recorder = await createRecorder({
    ...common,
    directory,
    name: 'x',
    description: 'x',
    source: 'a test',
    throughDrivers: true,
  });
  const simulation = await startSimulation({ ...common, fixture, speed: 1, loop: false, host: '127.0.0.1' });
  const start = async <C>(module: DriverModule<C>, name: string) => {
    const endpoint = simulation.endpoints.find(({ device }) => device === name);
    if (endpoint === undefined) throw new Error(`${name} is not served`);
    const own: readonly TagDefinition[] = tags.filter(({ device }) => device === name);
    const context: DriverContext = {
      clock,
      random: Math.random,
      observer,
      dataDir: null,
      report: (batch) => recorder.report(batch),
      deviceState: () => undefined,
      tagFault: () => undefined,
    };
    const groups = [{ device: name, periodMs: SCAN_MS, tags: own }];
    // Nothing between the registers is read along: this device refuses it.
    const config = { ...deviceConfig(endpoint), ...(endpoint.protocol === 'modbus-tcp' ? { max_gap: 0 } : {}) };
    const driver = await module.create([{ name, config: config as C, groups }], context);
    await driver.start();
    return driver;
  };
  const drivers = [await start(opcua, 'plc'), await start(modbusTcp, 'unit')];
  await simulation.done;
  await recorder.finish();
  for (const driver of drivers) await driver.stop();
  await simulation.close();
}
