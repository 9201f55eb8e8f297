import type { TagDefinition } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { type CsvProtocol, readCsvFixture } from './csv-fixture.ts';
import type { Fault, FaultPlan } from './faults.ts';
import type { Fixture } from './fixture.ts';
import { type LineServers, type SimulatedEndpoint, startLineServers } from './line-servers.ts';
import type { ModbusForm } from './modbus-server.ts';
import { type Deliver, Playback } from './playback.ts';
import { readFixture } from './read-fixture.ts';
import { writeConfiguration } from './write-configuration.ts';

/** Served values change at most this often; faster recordings are delivered several readings at a time. */
const MIN_TICK_MS = 5;

export interface SimulationOptions {
  /** A fixture folder or a .csv file; or what was read of one. */
  readonly fixture: string | Fixture;
  /** Line time per wall time: 1 is real time, 10 ten times faster. */
  readonly speed: number;
  /** Begin again at the end. */
  readonly loop: boolean;
  /** Address to listen on. */
  readonly host: string;
  /** Port by device name, 0 for any; default: any. `preferred` takes those of the fixture. */
  readonly ports?: Readonly<Record<string, number>> | 'preferred';
  readonly faults?: FaultPlan;
  /** How Modbus devices are served; left out: Modbus TCP. */
  readonly modbus?: ModbusForm;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** A running simulation. */
export interface Simulation {
  readonly fixture: Fixture;
  readonly endpoints: readonly SimulatedEndpoint[];
  /** The tags with the scan periods that fit the speed. */
  readonly tags: readonly TagDefinition[];
  /** Line time since the beginning of the recording. */
  readonly positionMs: Millis;
  /** Write `devices/*.yaml` and `tags/*.csv` that point a gateway at the simulated devices. */
  configuration(directory: string): Promise<void>;
  /** Begin a fault; returns how to end it. @throws SIMULATE_FAULT_INVALID */
  inject(fault: Fault): () => Promise<void>;
  /** Resolves when the recording has been served to its end (never when it loops) or the simulation is closed. */
  readonly done: Promise<void>;
  close(): Promise<void>;
}

/**
 * Serve a recorded line as real OPC UA and Modbus TCP servers. At the end, without `loop`, the last values stay served until
 * `close`.
 * @throws FIXTURE_NOT_FOUND, FIXTURE_INVALID, CSV_UNREADABLE, SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE, SIMULATE_FAULT_INVALID
 */
export async function startSimulation(options: SimulationOptions): Promise<Simulation> {
  const { clock, observer, speed } = options;
  if (!(speed > 0) || !Number.isFinite(speed)) throw new RangeError(`speed must be above 0, not ${speed}`);
  const fixture = typeof options.fixture === 'string' ? await loadFixture(options.fixture) : options.fixture;
  const durationMs = fixture.manifest.recorded.duration_ms;
  const servers = await startLineServers({
    devices: fixture.devices,
    tags: fixture.tags,
    host: options.host,
    ports: options.ports === 'preferred' ? preferredPorts(fixture) : (options.ports ?? {}),
    ...(options.modbus === undefined ? {} : { modbus: options.modbus }),
    clock,
    observer,
  });
  const deliver = delivery(fixture, servers);
  const playback = new Playback(fixture.series, { durationMs, speed, startedAt: clock.now() });
  playback.prime(deliver);
  for (const fault of options.faults ?? []) {
    try {
      servers.inject(fault);
    } catch (error) {
      await servers.close();
      throw error;
    }
  }
  let timer: Timer | null = null;
  let finish: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const tick = () => {
    const now = clock.now();
    playback.advance(now, deliver);
    const due = playback.nextDue(now);
    if (due !== null) {
      timer = clock.after(Math.max(MIN_TICK_MS, due - now), tick);
    } else if (options.loop) {
      playback.rewind();
      observer.emit('simulate-looped', { fixture: fixture.manifest.name, loops: playback.loops });
      timer = clock.after(MIN_TICK_MS, tick);
    } else {
      timer = null;
      observer.emit('simulate-ended', { fixture: fixture.manifest.name });
      finish();
    }
  };
  tick();
  observer.emit('simulate-started', { fixture: fixture.manifest.name, devices: fixture.devices.length, speed });
  const tags = fixture.tags.map((tag) => ({ ...tag, scanMs: scanAt(tag.scanMs, speed) }));
  return {
    fixture,
    endpoints: servers.endpoints,
    tags,
    get positionMs() {
      return playback.positionMs(clock.now());
    },
    configuration: (directory) => writeConfiguration(directory, { fixture, tags, endpoints: servers.endpoints }),
    inject: (fault) => servers.inject(fault),
    done,
    async close() {
      timer?.cancel();
      finish();
      await servers.close();
    },
  };
}

/**
 * A fixture folder, or a historian's CSV file (`.csv`, `.tsv`, `.txt`, also with `.gz`) as a fixture.
 * @throws FIXTURE_NOT_FOUND, FIXTURE_INVALID, CSV_UNREADABLE
 */
export function loadFixture(path: string, options: { readonly protocol?: CsvProtocol } = {}): Promise<Fixture> {
  return /\.(csv|tsv|txt)(\.gz)?$/i.test(path) ? readCsvFixture(path, options) : readFixture(path);
}

/** At a higher speed a tag must be read more often to see all of the recording; no faster than every 50 ms. */
function scanAt(scanMs: Millis, speed: number): Millis {
  return Math.max(50, Math.round(scanMs / speed));
}

function preferredPorts(fixture: Fixture): Record<string, number> {
  return Object.fromEntries(fixture.devices.map((device) => [device.name, device.port ?? 0]));
}

/** From a position in a series to the device and tag that serve it. */
function delivery(fixture: Fixture, servers: LineServers): Deliver {
  const targets = fixture.series.map((series) => {
    const device = servers.device(series.device);
    const positionOf = new Map(device?.tags.map((tag, index) => [tag, index]));
    const positions = series.tags.map((tag) => positionOf.get(tag) ?? -1);
    return { device, positions };
  });
  return (series, tag, { value, status, time }) => {
    const target = targets[series];
    const index = target?.positions[tag] ?? -1;
    if (index >= 0) target?.device?.write(index, value, status, time);
  };
}
