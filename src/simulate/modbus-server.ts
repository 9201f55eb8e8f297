import type { Socket } from 'node:net';
import type { StatusCode } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { DeviceServer, ServedDevice, ServedProtocol } from './device-server.ts';
import { type DeviceFaults, mergeDeviceFaults, NO_FAULTS } from './faults.ts';
import { Listener } from './listener.ts';
import { MbapSplitter, mbapAnswer, pduOf } from './mbap.ts';
import { answerModbus, exceptionPdu } from './modbus-answer.ts';
import type { LineFraming, SerialPlace } from './modbus-line.ts';
import { LineConnection, SerialListener } from './modbus-line-connection.ts';
import type { ConnectionContext, FaultsOf, Served, ServedUnit } from './modbus-served.ts';
import { ModbusException, type ModbusPoint, ModbusUnit, modbusPointOf } from './modbus-unit.ts';
import { withBadQuality } from './quality-overlay.ts';

interface ModbusDeviceOptions {
  readonly name: string;
  /** Unit of the tags whose address names none. */
  readonly unit: number;
  readonly tags: readonly TagDefinition[];
  /** Reserved registers between two tags, up to so many, read as 0. */
  readonly zeroGap?: number;
  readonly identity?: Readonly<Record<string, string>>;
}

/** How Modbus devices are served. */
export interface ModbusForm {
  /** Over TCP: `tcp` with transaction numbers, `rtu` and `ascii` as serial device servers pass them on. */
  readonly framing: 'tcp' | LineFraming;
  /** Devices on serial ports, by name, in RTU unless `framing` is ascii. */
  readonly serial?: ReadonlyMap<string, SerialPlace>;
}

export interface ModbusServerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly framing: ModbusForm['framing'];
  /** In place of a listening port. */
  readonly serial: SerialPlace | null;
  readonly devices: readonly ModbusDeviceOptions[];
  readonly clock: Clock;
  readonly observer: Observer;
}

/**
 * A Modbus server with one or more units, on a TCP port or a serial one. Requests of a connection are answered in order; a unit id that no device has
 * gets exception 11 over TCP, as a gateway answers for a device that it cannot reach, and nothing on a line.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startModbusServer(options: ModbusServerOptions): Promise<DeviceServer> {
  const { units, writeTo } = makeUnits(options.devices);
  const faults = new Map<string, DeviceFaults>(options.devices.map(({ name }) => [name, NO_FAULTS]));
  const faultsOf: FaultsOf = ({ devices }) =>
    mergeDeviceFaults([...devices].map((name) => faults.get(name) ?? NO_FAULTS));
  const connections = new Set<Served>();
  const context: ConnectionContext = { ...options, units, faultsOf };
  const keep = (connection: Served) => {
    connection.setFrozen([...faults.values()].some((one) => one.isFrozen));
    connections.add(connection);
    return () => connections.delete(connection);
  };
  const { serial, framing } = options;
  const listener =
    serial === null
      ? new Listener(options.host, options.port, options.observer, (socket) => {
          const forget = keep(
            framing === 'tcp' ? new Connection(socket, context) : LineConnection.onSocket(socket, framing, context),
          );
          socket.on('close', forget);
        })
      : new SerialListener(serial, framing === 'ascii' ? 'ascii' : 'rtu', context, keep);
  const devices = options.devices.map((device): ServedDevice => {
    const overlay = withBadQuality(device.tags, writeTo(device.name));
    return {
      name: device.name,
      tags: device.tags,
      write: overlay.write,
      async setFaults(next) {
        overlay.setBadTags(next.badTags, options.clock.now());
        faults.set(device.name, next);
        const all = mergeDeviceFaults([...faults.values()]);
        for (const connection of connections) connection.setFrozen(all.isFrozen);
        if (all.isGone) await listener.close();
        else await listener.open();
      },
    };
  });
  await listener.open();
  return {
    protocol: protocolOf(framing, serial !== null),
    host: options.host,
    get port() {
      return listener.port;
    },
    get url() {
      return serial === null ? `tcp://${options.host}:${listener.port}` : `serial:${serial.path}`;
    },
    devices,
    close: () => listener.close(),
  };
}

/** Spread the tags of the devices over the units that their addresses name. */
function makeUnits(devices: readonly ModbusDeviceOptions[]) {
  const parts = new Map<number, { points: ModbusPoint[]; devices: Set<string>; zeroGap: number; identity: Identity }>();
  const places = new Map<string, { unit: number; index: number }[]>();
  for (const device of devices) {
    const own = device.tags.map((tag) => {
      const point = modbusPointOf(tag, device.unit);
      const known = parts.get(point.unit);
      const part = known ?? { points: [], devices: new Set<string>(), zeroGap: 0, identity: device.identity ?? {} };
      if (known === undefined) parts.set(point.unit, part);
      part.devices.add(device.name);
      part.zeroGap = Math.max(part.zeroGap, device.zeroGap ?? 0);
      return { unit: point.unit, index: part.points.push(point) - 1 };
    });
    places.set(device.name, own);
  }
  const units = new Map<number, ServedUnit>();
  for (const [id, part] of parts) {
    units.set(id, { unit: new ModbusUnit(part.points, part), devices: part.devices });
  }
  const writeTo = (device: string) => {
    const own = (places.get(device) ?? []).map(({ unit, index }) => ({ unit: units.get(unit)?.unit, index }));
    return (index: number, value: TagValue, status: StatusCode) => {
      const place = own[index];
      place?.unit?.write(place.index, value, status);
    };
  };
  return { units, writeTo };
}

type Identity = Readonly<Record<string, string>>;

function protocolOf(framing: ModbusForm['framing'], isSerial: boolean): ServedProtocol {
  if (isSerial) return framing === 'ascii' ? 'modbus-ascii' : 'modbus-rtu';
  return framing === 'tcp' ? 'modbus-tcp' : `modbus-${framing}-tcp`;
}

/** One client's byte stream: whole requests out of it, answers back. */
class Connection implements Served {
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #timers = new Set<Timer>();
  readonly #splitter = new MbapSplitter();

  constructor(socket: Socket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('close', () => {
      for (const timer of this.#timers) timer.cancel();
    });
  }

  setFrozen(isFrozen: boolean): void {
    if (isFrozen) this.#socket.pause();
    else this.#socket.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.#splitter.push(chunk, (frame) => this.#request(frame))) return;
    this.#context.observer.emit('simulate-malformed-request', { bytes: chunk.length });
    this.#socket.destroy();
  }

  #request(adu: Uint8Array): void {
    const unitId = adu[6] ?? 0;
    const pdu = pduOf(adu);
    const served = this.#context.units.get(unitId);
    if (served === undefined) {
      this.#answer(adu, exceptionPdu(pdu[0] ?? 0, ModbusException.GatewayTargetFailed));
      return;
    }
    const faults = this.#context.faultsOf(served);
    if (faults.isUnitDead || served.unit.isSilent) return;
    const answer = () => {
      const { exception } = this.#context.faultsOf(served);
      this.#answer(adu, exception === null ? answerModbus(served.unit, pdu) : exceptionPdu(pdu[0] ?? 0, exception));
    };
    if (faults.delayMs === 0) {
      answer();
      return;
    }
    const timer = this.#context.clock.after(faults.delayMs, () => {
      this.#timers.delete(timer);
      answer();
    });
    this.#timers.add(timer);
  }

  #answer(request: Uint8Array, pdu: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(mbapAnswer(request, pdu));
  }
}
