import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { Status, type StatusCode } from '../model/quality.ts';
import type { Reading, ReadingBatch, ScanGroup } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random, Timer } from '../ports/clock.ts';
import type {
  DeviceState,
  Driver,
  DriverContext,
  DriverDevice,
  DriverModule,
  DriverStats,
  ReadExplanation,
  TagFault,
  TagWrite,
  TappedFrame,
  WriteOptions,
} from '../ports/driver.ts';
import { FrameTaps } from './frame-taps.ts';

/** A driver that could not even be made is tried again after this time. */
const CREATE_AGAIN_MS = 30_000;
const STOP_DEADLINE_MS = 2_500;

interface SupervisedDevice {
  readonly name: string;
  readonly driver: string;
  readonly config: unknown;
}

export interface DeviceSupervisorOptions {
  readonly devices: readonly SupervisedDevice[];
  readonly groups: ReadonlyMap<string, readonly ScanGroup[]>;
  readonly modules: readonly DriverModule[];
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly dataDir: string;
  readonly report: (batch: ReadingBatch) => void;
  /** Told of every change between connected and not. */
  readonly onState: (state: DeviceState) => void;
}

/** A device as `status` and `device list` show it. */
export interface DeviceReport {
  readonly name: string;
  readonly driver: string;
  readonly state: DeviceState;
  readonly stats: DriverStats | null;
  readonly tags: number;
}

/** One connection: the devices that share it and the driver that serves them, once there is one. */
interface Connection {
  readonly module: DriverModule;
  readonly devices: readonly DriverDevice[];
  driver: Driver | null;
  retry: Timer | null;
}

/** Makes, watches and stops a driver for each connection; one that fails leaves the others alone. */
export class DeviceSupervisor {
  readonly #options: DeviceSupervisorOptions;
  readonly #connections: readonly Connection[];
  readonly #byDevice = new Map<string, Connection>();
  readonly #states = new Map<string, DeviceState>();
  readonly #faults = new Map<string, TagFault>();
  readonly #taps = new FrameTaps();
  #isStopped = false;

  constructor(options: DeviceSupervisorOptions) {
    this.#options = options;
    this.#connections = connectionsOf(options);
    for (const connection of this.#connections) {
      for (const { name } of connection.devices) this.#byDevice.set(name, connection);
    }
    const since = options.clock.now();
    for (const { name } of options.devices) {
      this.#states.set(name, { device: name, state: 'connecting', reason: 'starting', since });
    }
  }

  /** Start every connection; resolves when all have begun, waits for no device. */
  async start(): Promise<void> {
    await Promise.all(this.#connections.map((connection) => this.#startConnection(connection)));
  }

  /** Stop all drivers at once; nothing is reported afterwards. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(
      this.#connections.map(async ({ driver, retry }) => {
        retry?.cancel();
        if (driver !== null) await this.#stopWithin(driver);
      }),
    );
  }

  list(): DeviceReport[] {
    const stats = new Map<string, DriverStats>();
    for (const { driver } of this.#connections) for (const row of driver?.stats() ?? []) stats.set(row.device, row);
    return this.#options.devices.map(({ name, driver }) => ({
      name,
      driver,
      state: this.#states.get(name) as DeviceState,
      stats: stats.get(name) ?? null,
      tags: (this.#options.groups.get(name) ?? []).reduce((sum, group) => sum + group.tags.length, 0),
    }));
  }

  /** Tags that their device refuses. */
  faults(): readonly TagFault[] {
    return [...this.#faults.values()];
  }

  /** Read tags of one device now. @returns Bad_NotConnected for all when the device has no driver */
  async readNow(device: string, tags: readonly TagDefinition[]): Promise<readonly Reading[]> {
    const driver = this.#byDevice.get(device)?.driver ?? null;
    if (driver !== null) return driver.readNow(device, tags);
    const time = this.#options.clock.now();
    return tags.map(() => ({ value: null, status: Status.Bad_NotConnected, time }));
  }

  /** Read one tag now and say how; a driver that has nothing to tell just reads. @returns Bad_NotConnected when the device has no driver */
  async explainNow(tag: TagDefinition): Promise<ReadExplanation> {
    const driver = this.#byDevice.get(tag.device)?.driver ?? null;
    if (driver?.explainNow !== undefined) return driver.explainNow(tag.device, tag);
    const [reading] = await this.readNow(tag.device, [tag]);
    const nothing: Reading = { value: null, status: Status.Bad_NotConnected, time: this.#options.clock.now() };
    return { steps: [{ what: 'address', shows: tag.address }], reading: reading ?? nothing };
  }

  /**
   * Write to one device now, by the rules of `Driver.writeNow`.
   * @returns Bad_NotConnected for all when the device has no driver, Bad_NotSupported when its kind cannot be written
   */
  async writeNow(device: string, writes: readonly TagWrite[], options: WriteOptions): Promise<readonly StatusCode[]> {
    const driver = this.#byDevice.get(device)?.driver ?? null;
    if (driver === null) return writes.map(() => Status.Bad_NotConnected);
    if (driver.writeNow === undefined) return writes.map(() => Status.Bad_NotSupported);
    return driver.writeNow(device, writes, options);
  }

  /**
   * Hear the frames on the wires of some devices, and of whatever shares them, from now on; returns the end of it.
   * @param devices none: of all
   * @throws RUNTIME_DEVICE_UNKNOWN, RUNTIME_NO_FRAMES a device has no wire with frames, CONTROL_BUSY
   */
  recordFrames(devices: readonly string[], onFrame: (frame: TappedFrame) => void): () => void {
    const named = devices.length === 0 ? this.#options.devices.map(({ name }) => name) : devices;
    const links = named.flatMap((device) => {
      const connection = this.#byDevice.get(device);
      if (connection === undefined) throw new HeadgateError('RUNTIME_DEVICE_UNKNOWN', { device });
      const { module } = connection;
      const config = connection.devices.find(({ name }) => name === device)?.config;
      if (module.hasFrames === true) return [module.connectionKey(config)];
      if (devices.length === 0) return [];
      throw new HeadgateError('RUNTIME_NO_FRAMES', { device, driver: module.kind });
    });
    return this.#taps.open(new Set(links), onFrame);
  }

  async #startConnection(connection: Connection): Promise<void> {
    const names = connection.devices.map(({ name }) => name).join(',');
    try {
      const driver = await connection.module.create(connection.devices, this.#contextFor());
      connection.driver = driver;
      if (this.#isStopped) return await this.#stopWithin(driver);
      await driver.start();
    } catch (error) {
      if (this.#isStopped) return;
      const reason = messageOf(error);
      this.#options.observer.emit('driver-start-failed', { devices: names, reason });
      this.#reportUnusable(connection, reason);
      connection.retry = this.#options.clock.after(CREATE_AGAIN_MS, () => void this.#restart(connection));
    }
  }

  async #restart(connection: Connection): Promise<void> {
    const { driver } = connection;
    connection.driver = null;
    if (driver !== null) await this.#stopWithin(driver);
    if (!this.#isStopped) await this.#startConnection(connection);
  }

  #contextFor(): DriverContext {
    const { clock, random, observer, dataDir, report } = this.#options;
    return {
      clock,
      random,
      observer,
      dataDir,
      frames: this.#taps,
      report: (batch) => {
        if (!this.#isStopped) report(batch);
      },
      deviceState: (state) => this.#setState(state),
      tagFault: (device, tag, fault) => {
        const key = `${device}/${tag}`;
        if (fault === null) this.#faults.delete(key);
        else this.#faults.set(key, fault);
      },
    };
  }

  #setState(state: DeviceState): void {
    const before = this.#states.get(state.device);
    this.#states.set(state.device, state);
    const wasConnected = before?.state === 'connected';
    const isConnected = state.state === 'connected';
    const isFirstFailure = before?.reason === 'starting' && state.state === 'disconnected';
    if (!this.#isStopped && (wasConnected !== isConnected || isFirstFailure)) this.#options.onState(state);
  }

  #reportUnusable(connection: Connection, reason: string): void {
    const now = this.#options.clock.now();
    for (const { name, groups } of connection.devices) {
      this.#setState({ device: name, state: 'disconnected', reason, since: now });
      for (const group of groups) {
        const values = new Array<null>(group.tags.length).fill(null);
        const statuses = Status.Bad_ConfigurationError;
        this.#options.report({ group, count: values.length, indexes: null, values, statuses, times: now });
      }
    }
  }

  async #stopWithin(driver: Driver): Promise<void> {
    const { clock, observer } = this.#options;
    let timer: Timer | undefined;
    const deadline = new Promise<'late'>((resolve) => {
      timer = clock.after(STOP_DEADLINE_MS, () => resolve('late'));
    });
    try {
      if ((await Promise.race([driver.stop(), deadline])) === 'late') observer.emit('driver-stop-late', {});
    } catch (error) {
      observer.emit('driver-stop-late', { reason: messageOf(error) });
    } finally {
      timer?.cancel();
    }
  }
}

function connectionsOf({ devices, groups, modules }: DeviceSupervisorOptions): Connection[] {
  const byKey = new Map<string, { module: DriverModule; devices: DriverDevice[] }>();
  for (const { name, driver, config } of devices) {
    const module = modules.find(({ kind }) => kind === driver);
    if (module === undefined) continue;
    const key = `${driver} ${module.connectionKey(config)}`;
    const entry = byKey.get(key) ?? { module, devices: [] };
    byKey.set(key, entry);
    entry.devices.push({ name, config, groups: groups.get(name) ?? [] });
  }
  return [...byKey.values()].map((entry) => ({ ...entry, driver: null, retry: null }));
}
