import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { Status } from '../model/quality.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { TAG_DEFAULTS } from './fixture.ts';
import type { SimulatedEndpoint } from './line-servers.ts';
import { startModbusServer } from './modbus-server.ts';
import { makeOpcUaServer } from './opcua-endpoint.ts';
import { SensorValues } from './sensor-values.ts';
import { feedSession } from './synthetic-feed.ts';
import { encodeTagTable } from './tag-table.ts';
import { deviceConfig } from './write-configuration.ts';

const NAMESPACE = 'urn:headgate:synthetic';
const REGISTERS_PER_UNIT = 65_536;

export interface SyntheticOptions {
  readonly protocol: 'opcua' | 'modbus-tcp';
  /** How many tags in all, each with a new value every period. */
  readonly tags: number;
  readonly periodMs: Millis;
  /** Over how many devices the tags are spread, each a server with its own port. Default 1. */
  readonly units?: number;
  /** `counting`: up by one each time, so that a reader sees what it missed. `sensors`: see `SensorValues`. Default counting. */
  readonly values?: 'counting' | 'sensors';
  readonly host?: string;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Devices that make up values, for benches. */
export interface SyntheticDevices {
  readonly endpoints: readonly SimulatedEndpoint[];
  readonly tags: readonly TagDefinition[];
  /** Values made so far. OPC UA: only for tags that somebody watches or reads. */
  readonly made: number;
  /** OPC UA: of these, values that a client was too slow to ask for. */
  readonly dropped: number;
  /** Write `devices/*.yaml` and `tags/synthetic.csv`. */
  configuration(directory: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Serve many tags that all change, as cheaply as the libraries allow. Run it in a process of its own: it changes node-opcua's
 * limits for the whole process.
 * - OPC UA: doubles, sampled together at multiples of the sampling interval, which is the source time, and published with the next
 *   publishing interval. Sensors: measured values with 2 to 4 decimals.
 * - Modbus: `int16` holding registers, all new every period; the source time is the reader's. Sensors: counts of the converter.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startSyntheticDevices(options: SyntheticOptions): Promise<SyntheticDevices> {
  const units = Math.max(1, options.units ?? 1);
  const host = options.host ?? '127.0.0.1';
  const tags = proposeTags(options, units);
  const byDevice = Map.groupBy(tags, (tag) => tag.device);
  if (options.protocol === 'modbus-tcp' && Math.ceil(options.tags / units) > REGISTERS_PER_UNIT) {
    throw new RangeError(
      `${options.tags} registers need at least ${Math.ceil(options.tags / REGISTERS_PER_UNIT)} units`,
    );
  }
  const counter = { made: 0, dropped: 0 };
  const servers: Closeable[] = [];
  const endpoints: SimulatedEndpoint[] = [];
  for (const [device, own] of byDevice) {
    const serve = options.protocol === 'opcua' ? serveOpcUa : serveModbus;
    const server = await serve({ ...options, host, device, own, counter, seed: servers.length });
    servers.push(server);
    endpoints.push(server.endpoint);
  }
  return {
    endpoints,
    tags,
    get made() {
      return counter.made;
    },
    get dropped() {
      return counter.dropped;
    },
    async configuration(directory) {
      await mkdir(join(directory, 'devices'), { recursive: true });
      await mkdir(join(directory, 'tags'), { recursive: true });
      for (const endpoint of endpoints) {
        await writeFile(join(directory, 'devices', `${endpoint.device}.yaml`), stringify(deviceConfig(endpoint)));
      }
      await writeFile(join(directory, 'tags', 'synthetic.csv'), encodeTagTable(tags));
    },
    async close() {
      for (const server of servers) await server.close();
    },
  };
}

interface Closeable {
  readonly endpoint: SimulatedEndpoint;
  close(): Promise<void>;
}

interface ServeOptions extends SyntheticOptions {
  readonly host: string;
  readonly device: string;
  readonly own: readonly TagDefinition[];
  /** Of the sensors, another one for each device. */
  readonly seed: number;
  readonly counter: { made: number; dropped: number };
}

function proposeTags(options: SyntheticOptions, units: number): TagDefinition[] {
  const perUnit = Math.ceil(options.tags / units);
  const isOpcUa = options.protocol === 'opcua';
  return Array.from({ length: options.tags }, (_, index): TagDefinition => {
    const unit = Math.floor(index / perUnit);
    const position = index % perUnit;
    return {
      ...TAG_DEFAULTS,
      device: `synthetic-${unit + 1}`,
      name: `v${position}`,
      asset: `synthetic/unit-${unit + 1}`,
      address: isOpcUa ? `ns=2;i=${position + 1}` : `HR:${position}`,
      type: isOpcUa ? 'float64' : 'int16',
      scanMs: options.periodMs,
    };
  });
}

async function serveModbus(options: ServeOptions): Promise<Closeable> {
  const { host, device, own, clock, periodMs, counter, seed } = options;
  const server = await startModbusServer({
    ...options,
    ...{ port: 0, framing: 'tcp', serial: null },
    devices: [{ name: device, unit: 1, tags: own }],
  });
  const [served] = server.devices;
  let timer: Timer | null = null;
  const sensors = new SensorValues(own.length, seed);
  let count = 0;
  const startedAt = clock.monotonic();
  const tick = () => {
    count++;
    const now = clock.now();
    for (let index = 0; index < own.length; index++) {
      const value =
        options.values === 'sensors' ? sensors.counts(index, now / 1000) : ((count + index) & 0xffff) - 0x8000;
      served?.write(index, value, Status.Good, now);
    }
    counter.made += own.length;
    timer = clock.after(Math.max(1, startedAt + count * periodMs - clock.monotonic()), tick);
  };
  tick();
  const { port, url } = server;
  return {
    endpoint: { device, protocol: 'modbus-tcp', host, port, url, unit: 1 },
    async close() {
      timer?.cancel();
      await server.close();
    },
  };
}

async function serveOpcUa(options: ServeOptions): Promise<Closeable> {
  const { host, device, own, clock, periodMs, counter, seed } = options;
  const opcua = await import('node-opcua');
  const { DataType, DataValue, MonitoredItem, StatusCodes, Subscription, Variant } = opcua;
  Subscription.minimumPublishingInterval = Math.min(Subscription.minimumPublishingInterval, periodMs);
  MonitoredItem.minimumSamplingInterval = Math.min(MonitoredItem.minimumSamplingInterval, periodMs);
  const pkiDirectory = await mkdtemp(join(tmpdir(), 'headgate-simulate-'));
  const server = makeOpcUaServer(opcua, {
    host,
    port: 0,
    hasOpenEndpoint: true,
    advertised: null,
    name: device,
    namespaces: ['urn:headgate:simulation', NAMESPACE],
    identity: {},
    pkiDirectory,
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  if (addressSpace === null) throw new Error('node-opcua made no address space');
  const namespace = addressSpace.registerNamespace(NAMESPACE);
  const folder = namespace.addObject({
    organizedBy: addressSpace.rootFolder.objects,
    nodeId: `s=${device}`,
    browseName: device,
  });
  const counts = new Float64Array(own.length);
  const positions = new Map(own.map((tag, index) => [tag.address, index]));
  const sensors = new SensorValues(own.length, seed);
  const next = (position: number, time: EpochMs): number => {
    counter.made++;
    if (options.values === 'sensors') return sensors.measured(position, time / 1000);
    const count = (counts[position] ?? 0) + 1;
    counts[position] = count;
    return count;
  };
  own.forEach((tag, index) => {
    const variable = namespace.addVariable({
      componentOf: folder,
      nodeId: tag.address,
      browseName: tag.name,
      dataType: DataType.Double,
      minimumSamplingInterval: Math.min(50, periodMs),
    });
    // For reads, and for the first value of a subscription.
    const read = () => {
      const now = clock.now();
      const sourceTimestamp = new Date(now);
      const value = new Variant({ dataType: DataType.Double, value: next(index, now) });
      return new DataValue({ value, statusCode: StatusCodes.Good, sourceTimestamp, serverTimestamp: sourceTimestamp });
    };
    variable.bindVariable({ timestamped_get: read }, true);
  });
  server.on('create_session', (session) =>
    feedSession(opcua, session, {
      positionOf: (nodeId) => positions.get(nodeId) ?? -1,
      next,
      now: () => clock.now(),
      dropped: (count) => {
        counter.dropped += count;
      },
    }),
  );
  await server.start();
  const port = server.endpoints[0]?.port ?? 0;
  return {
    endpoint: { device, protocol: 'opcua', host, port, url: `opc.tcp://${host}:${port}`, unit: null },
    async close() {
      await server.shutdown(0);
      await rm(pkiDirectory, { recursive: true, force: true });
    },
  };
}
