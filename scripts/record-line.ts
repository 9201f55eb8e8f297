/**
 * Makes the repository's recorded line: serves the model of scripts/model-line.ts as OPC UA and Modbus TCP servers, reads them
 * by the real drivers over real connections, and records what the drivers report.
 *
 *   node scripts/record-line.ts DIRECTORY [--speed 4] [--duration-ms 2160000]
 *
 * At speed 4 a second of line time lasts 250 ms; source times are kept in line time. Two faults happen on the way: the
 * controller is restarted during the planned standstill, and the meter falls silent for a while.
 */
import { parseArgs } from 'node:util';
import { modbusTcp } from '../src/drivers/modbus/module.ts';
import { opcua } from '../src/drivers/opcua/module.ts';
import type { ScanGroup } from '../src/model/reading.ts';
import type { TagDefinition } from '../src/model/tag.ts';
import { createObserver } from '../src/observe/observer.ts';
import type { Clock } from '../src/ports/clock.ts';
import type { Driver, DriverContext, DriverDevice, DriverModule } from '../src/ports/driver.ts';
import { systemClock } from '../src/ports/system-clock.ts';
import type { SimulatedEndpoint } from '../src/simulate/line-servers.ts';
import { startLive } from '../src/simulate/live.ts';
import { createRecorder } from '../src/simulate/recorder.ts';
import { deviceConfig } from '../src/simulate/write-configuration.ts';
import { acceleratedClock } from './accelerated-clock.ts';
import { MODEL_DEVICES, MODEL_TAGS } from './model-line.table.ts';
import { LineModel, MODEL_DURATION_MS } from './model-line.ts';
import { seededRandom } from './random.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { speed: { type: 'string', default: '4' }, 'duration-ms': { type: 'string' } },
});
const [directory] = positionals;
if (directory === undefined) throw new Error('name the directory to record into');
const speed = Number(values.speed);
const durationMs = Number(values['duration-ms'] ?? MODEL_DURATION_MS);

const clock = acceleratedClock(speed, Date.now());
const { observer } = createObserver({
  write: (line) => process.stderr.write(`${line}\n`),
  now: () => clock.now(),
  level: 'info',
  format: 'text',
});
const model = new LineModel(seededRandom(7), durationMs);
const line = await startLive({
  devices: MODEL_DEVICES,
  tags: MODEL_TAGS,
  host: '127.0.0.1',
  ports: {},
  clock,
  observer,
  stepMs: 100,
  source: {
    stepTo: (atMs) => {
      model.stepTo(atMs);
      return (position) => model.reading(MODEL_TAGS[position]?.device ?? '', MODEL_TAGS[position]?.name ?? '');
    },
  },
});
line.inject({ device: 'plc-1', kind: 'gone', from_ms: 0.408 * durationMs, duration_ms: 20_000 });
line.inject({ device: 'meter-1', kind: 'unit_dead', from_ms: 0.47 * durationMs, duration_ms: 25_000 });

const recorder = await createRecorder({
  directory,
  name: 'line',
  description:
    'A cooling pump whose bearing wears out, the tank it feeds from, an energy meter (Eastron SDM630) and a press with PackML ' +
    'states. The pump stands still at the start and once on the way; one temperature sensor breaks for a while, the flow ' +
    'meter is uncertain for a while, the controller is restarted during the standstill, the meter falls silent once.',
  source:
    `The model scripts/model-line.ts (physics with time-compressed wear; no real equipment), served as OPC UA and Modbus TCP ` +
    `and read through the real drivers over real connections, at ${speed} times line speed. Source times are line time.`,
  throughDrivers: true,
  speed,
  devices: MODEL_DEVICES.map((device) => ({ ...device, deviceConfig: recordedConfig(device.name) })),
  tags: MODEL_TAGS,
  clock,
  observer,
});

const drivers: Driver[] = [];
// Servers sample and publish by the wall clock: the scan periods that they are asked for are shortened, and the driver's own
// deadlines stay in wall time, while its time of day is line time.
const opcuaClock: Clock = { ...systemClock, now: () => clock.now() };
drivers.push(await startDriver(opcua, { names: ['plc-1'], clock: opcuaClock, scanDivisor: speed }));
drivers.push(await startDriver(modbusTcp, { names: ['meter-1', 'press-1'], clock, scanDivisor: 1 }));

await new Promise<void>((resolve) => {
  const report = () => {
    process.stderr.write(`${Math.round(model.wear * 100)} % worn, ${recorder.readings} readings\n`);
    if (clock.monotonic() >= durationMs) resolve();
    else clock.after(Math.min(60_000, durationMs - clock.monotonic()), report);
  };
  report();
});
const summary = await recorder.finish();
for (const driver of drivers) await driver.stop();
await line.close();
process.stdout.write(`${JSON.stringify(summary)}\n`);

async function startDriver<C>(
  module: DriverModule<C>,
  options: { readonly names: readonly string[]; readonly clock: Clock; readonly scanDivisor: number },
): Promise<Driver> {
  const devices = options.names.map((name): DriverDevice<C> => {
    const endpoint = line.endpoints.find(({ device }) => device === name);
    if (endpoint === undefined) throw new Error(`${name} is not served`);
    return { name, config: { ...connectConfig(endpoint) } as C, groups: groupsOf(name, options.scanDivisor) };
  });
  const context: DriverContext = {
    clock: options.clock,
    random: seededRandom(11),
    observer,
    dataDir: null,
    report: (batch) => recorder.report(batch),
    deviceState: ({ device, state, reason }) => process.stderr.write(`${device} ${state} ${reason ?? ''}\n`),
    tagFault: (device, tag, fault) => process.stderr.write(`${device} ${tag} ${fault?.reason ?? 'good again'}\n`),
  };
  const driver = await module.create(devices, context);
  await driver.start();
  return driver;
}

function groupsOf(device: string, divisor: number): ScanGroup[] {
  const byPeriod = Map.groupBy(
    MODEL_TAGS.filter((tag) => tag.device === device),
    (tag: TagDefinition) => tag.scanMs,
  );
  return [...byPeriod].map(([scanMs, tags]) => {
    const periodMs = scanMs / divisor;
    return { device, periodMs, tags: tags.map((tag) => ({ ...tag, scanMs: periodMs })) };
  });
}

/** Deadlines in line time are generous: a busy machine at several times the speed is not a slow device. */
function connectConfig(endpoint: SimulatedEndpoint): Readonly<Record<string, unknown>> {
  const base = deviceConfig(endpoint);
  return endpoint.protocol === 'opcua'
    ? { ...base, queue_size: 10, reconnect_min_ms: 250, reconnect_max_ms: 1000 }
    : { ...base, timeout_ms: 2000 };
}

/** The device file as a gateway on the site would have it. */
function recordedConfig(name: string): Readonly<Record<string, unknown>> {
  const device = MODEL_DEVICES.find((one) => one.name === name);
  if (device === undefined) throw new Error(`${name} is no device of the model`);
  const { protocol, port = 0, unit } = device;
  const host = '127.0.0.1';
  return deviceConfig({ device: name, protocol, host, port, url: `opc.tcp://${host}:${port}`, unit: unit ?? null });
}
