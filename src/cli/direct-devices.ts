import type { Configuration, DeviceConfiguration } from '../config/configuration.ts';
import { driverModules } from '../drivers/registry.ts';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { ReadingBatch } from '../model/reading.ts';
import { createObserver } from '../observe/observer.ts';
import type { DeviceState, Driver, DriverModule, TappedFrame } from '../ports/driver.ts';
import { systemClock } from '../ports/system-clock.ts';
import { scanGroupsOf } from '../runtime/scan-groups.ts';
import type { CliContext } from './cli-context.ts';

/** Devices connected without the daemon, each group that shares a connection by one driver. */
export interface DirectDevices {
  /** The driver that serves a device. @throws CLI_DEVICE_FAILED it could not be made */
  driverOf(device: string): Driver;
  close(): Promise<void>;
}

export interface DirectOptions {
  readonly devices: readonly DeviceConfiguration[];
  /** Poll as the daemon does, for recording; else only what is asked for is read. */
  readonly isPolling: boolean;
  readonly report?: (batch: ReadingBatch) => void;
  readonly onState?: (state: DeviceState) => void;
  /** Hear of every frame on the wires. */
  readonly onFrame?: (frame: TappedFrame) => void;
}

/** Connect devices of a configuration through their real drivers. One that cannot be made leaves the others alone. */
export async function openDevices(
  context: CliContext,
  configuration: Configuration,
  options: DirectOptions,
): Promise<DirectDevices> {
  const { observer } = createObserver({
    write: (line) => context.err(`${line}\n`),
    now: () => Date.now(),
    level: context.environment['HEADGATE_DEBUG'] === undefined ? 'error' : 'debug',
    format: 'text',
  });
  const groups = scanGroupsOf(configuration.tags);
  const drivers = new Map<string, Driver | HeadgateError>();
  const opened: Driver[] = [];
  for (const [module, devices] of byConnection(options.devices)) {
    const served = devices.map(({ name, config }) => ({
      name,
      config,
      groups: options.isPolling ? (groups.get(name) ?? []) : [],
    }));
    try {
      const driver = await module.create(served, {
        clock: systemClock,
        random: Math.random,
        observer,
        dataDir: null,
        report: (batch) => options.report?.(batch),
        deviceState: (state) => options.onState?.(state),
        tagFault: () => undefined,
        ...(options.onFrame === undefined ? {} : { frames: { take: options.onFrame } }),
      });
      opened.push(driver);
      for (const { name } of devices) drivers.set(name, driver);
      await driver.start();
    } catch (cause) {
      for (const { name } of devices) drivers.set(name, failed(name, cause));
    }
  }
  return {
    driverOf: (device) => {
      const driver = drivers.get(device);
      if (driver === undefined || driver instanceof HeadgateError) throw driver ?? failed(device, 'no such device');
      return driver;
    },
    close: async () => {
      await Promise.allSettled(opened.map((driver) => driver.stop()));
    },
  };
}

function byConnection(devices: readonly DeviceConfiguration[]): (readonly [DriverModule, DeviceConfiguration[]])[] {
  const connections = new Map<string, readonly [DriverModule, DeviceConfiguration[]]>();
  for (const device of devices) {
    const module = driverModules.find(({ kind }) => kind === device.driver);
    if (module === undefined) continue;
    const key = `${module.kind} ${module.connectionKey(device.config)}`;
    const known = connections.get(key);
    if (known === undefined) connections.set(key, [module, [device]]);
    else known[1].push(device);
  }
  return [...connections.values()];
}

function failed(device: string, cause: unknown): HeadgateError {
  return new HeadgateError('CLI_DEVICE_FAILED', { device, reason: messageOf(cause) }, cause);
}
