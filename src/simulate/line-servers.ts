import type { TagDefinition } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { DeviceServer, ServedDevice, ServedProtocol } from './device-server.ts';
import { checkFault, type Fault, mergeFaults } from './faults.ts';
import type { FixtureDevice } from './fixture-manifest.ts';
import { type ModbusForm, startModbusServer } from './modbus-server.ts';
import { startOpcUaServer } from './opcua-server.ts';

export interface LineServersOptions {
  readonly devices: readonly FixtureDevice[];
  readonly tags: readonly TagDefinition[];
  readonly host: string;
  /** Port by device name; 0: any. Devices of one protocol on one port other than 0 share a server. */
  readonly ports: Readonly<Record<string, number>>;
  /** How Modbus devices are served; left out: Modbus TCP. */
  readonly modbus?: ModbusForm;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** Where a device is served. */
export interface SimulatedEndpoint {
  readonly device: string;
  readonly protocol: ServedProtocol;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  /** Modbus unit id; null for OPC UA. */
  readonly unit: number | null;
  /** Of a serial port, whose characters are 8N1. */
  readonly baudRate?: number;
}

/** A line's devices as real servers, to write values into, whatever makes the values. */
export interface LineServers {
  readonly endpoints: readonly SimulatedEndpoint[];
  device(name: string): ServedDevice | undefined;
  /** Begin a fault now or at its time; returns how to end it before its time. @throws SIMULATE_FAULT_INVALID */
  inject(fault: Fault): () => Promise<void>;
  close(): Promise<void>;
}

/**
 * Start a server for each device, or for each group of devices on one port.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startLineServers(options: LineServersOptions): Promise<LineServers> {
  const { clock, observer, host } = options;
  const servers: DeviceServer[] = [];
  const close = async () => {
    for (const server of servers) await server.close();
  };
  try {
    for (const { port, devices } of groupByPort(options))
      servers.push(await startServer({ ...options, port, devices }));
  } catch (error) {
    await close();
    throw error;
  }
  const served = new Map<string, ServedDevice>();
  const endpoints: SimulatedEndpoint[] = [];
  for (const device of options.devices) {
    const server = servers.find((one) => one.devices.some(({ name }) => name === device.name));
    const found = server?.devices.find(({ name }) => name === device.name);
    if (server === undefined || found === undefined) continue;
    served.set(device.name, found);
    const { protocol, port, url } = server;
    const unit = protocol === 'opcua' ? null : (device.unit ?? 1);
    const baudRate = options.modbus?.serial?.get(device.name)?.baudRate;
    endpoints.push({
      ...{ device: device.name, protocol, host, port, url, unit },
      ...(baudRate === undefined ? {} : { baudRate }),
    });
  }
  const protocols = new Map(options.devices.map((device) => [device.name, device.protocol]));
  const active = new Map<string, Set<Fault>>(options.devices.map((device) => [device.name, new Set()]));
  const timers = new Set<Timer>();
  const later = (delayMs: Millis, act: () => void) => {
    const timer = clock.after(delayMs, () => {
      timers.delete(timer);
      act();
    });
    timers.add(timer);
  };
  const change = async (fault: Fault, isActive: boolean): Promise<void> => {
    const hit = fault.device === '*' ? [...active.keys()] : [fault.device];
    let isChanged = false;
    for (const name of hit) {
      const faults = active.get(name);
      if (faults === undefined || faults.has(fault) === isActive) continue;
      isChanged = true;
      if (isActive) faults.add(fault);
      else faults.delete(fault);
      await served.get(name)?.setFaults(mergeFaults([...faults]));
    }
    const fields = { device: fault.device, kind: fault.kind };
    if (isChanged) observer.emit(isActive ? 'simulate-fault-began' : 'simulate-fault-ended', fields);
  };
  const changeLater = (fault: Fault, isActive: boolean) => {
    change(fault, isActive).catch((error: unknown) => {
      observer.emit('simulate-fault-failed', { device: fault.device, kind: fault.kind, error: String(error) });
    });
  };
  return {
    endpoints,
    device: (name) => served.get(name),
    inject(given) {
      checkFault(given, protocols);
      // An object of its own: the same fault may be active twice.
      const fault: Fault = { ...given };
      const fromMs = fault.from_ms ?? 0;
      let isOver = false;
      const begin = () => {
        if (isOver) return;
        changeLater(fault, true);
        if (fault.duration_ms !== undefined) later(fault.duration_ms, () => changeLater(fault, false));
      };
      if (fromMs === 0) begin();
      else later(fromMs, begin);
      return async () => {
        isOver = true;
        await change(fault, false);
      };
    },
    async close() {
      for (const timer of timers) timer.cancel();
      await close();
    },
  };
}

function groupByPort(options: LineServersOptions): { port: number; devices: FixtureDevice[] }[] {
  const groups = new Map<string, { port: number; devices: FixtureDevice[] }>();
  for (const device of options.devices) {
    const shared = device.port ?? 0;
    const port = options.ports[device.name] ?? 0;
    // Devices that share a preferred port share a server, whatever port it really gets.
    const serial = options.modbus?.serial?.get(device.name);
    const place = serial === undefined ? (shared === 0 ? device.name : shared) : serial.path;
    const key = `${device.protocol} ${place}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { port, devices: [device] });
    else group.devices.push(device);
  }
  return [...groups.values()];
}

function startServer(
  options: LineServersOptions & { readonly port: number; readonly devices: readonly FixtureDevice[] },
): Promise<DeviceServer> {
  const { host, port, clock, observer } = options;
  const [first] = options.devices;
  const tagsOf = (device: FixtureDevice) => options.tags.filter((tag) => tag.device === device.name);
  if (first?.protocol === 'opcua') {
    return startOpcUaServer({
      host,
      port,
      clock,
      observer,
      devices: options.devices.map((device) => ({ name: device.name, tags: tagsOf(device) })),
      namespaces: first.namespaces ?? [],
      identity: first.identity ?? {},
    });
  }
  return startModbusServer({
    host,
    port,
    clock,
    observer,
    framing: options.modbus?.framing ?? 'tcp',
    serial: options.modbus?.serial?.get(first?.name ?? '') ?? null,
    devices: options.devices.map((device) => ({
      name: device.name,
      unit: device.unit ?? 1,
      tags: tagsOf(device),
      zeroGap: device.zero_gap ?? 0,
      identity: device.identity ?? {},
    })),
  });
}
