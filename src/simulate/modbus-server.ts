import type { Socket } from 'node:net';
import type { TagDefinition } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { DeviceServer, ServedDevice } from './device-server.ts';
import { type DeviceFaults, NO_FAULTS } from './faults.ts';
import { Listener } from './listener.ts';
import { answerModbus, exceptionPdu } from './modbus-answer.ts';
import { ModbusException, ModbusUnit } from './modbus-unit.ts';
import { withBadQuality } from './quality-overlay.ts';

const HEADER_BYTES = 7;
/** Unit id and protocol data unit. Source: Modbus Messaging on TCP/IP V1.0b §3.1.3. */
const MAX_LENGTH = 254;

export interface ModbusDeviceOptions {
  readonly name: string;
  readonly unit: number;
  readonly tags: readonly TagDefinition[];
  readonly isOneBased?: boolean;
  readonly identity?: Readonly<Record<string, string>>;
}

export interface ModbusServerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  readonly devices: readonly ModbusDeviceOptions[];
  readonly clock: Clock;
  readonly observer: Observer;
}

interface Served {
  readonly unit: ModbusUnit;
  readonly device: ServedDevice;
  faults: DeviceFaults;
}

/**
 * A Modbus TCP server with one or more units. Requests of a connection are answered in order; a unit id that no device has
 * gets exception 11, as a gateway answers for a device that it cannot reach.
 * @throws SIMULATE_PORT_TAKEN, SIMULATE_ADDRESS_UNSERVABLE
 */
export async function startModbusServer(options: ModbusServerOptions): Promise<DeviceServer> {
  const units = new Map<number, Served>();
  const sockets = new Set<Connection>();
  const listener = new Listener(options.host, options.port, options.observer, (socket) => {
    const connection = new Connection(socket, { units, clock: options.clock, observer: options.observer });
    sockets.add(connection);
    socket.on('close', () => sockets.delete(connection));
  });
  const applyFaults = async (): Promise<void> => {
    const all = [...units.values()];
    if (all.some((one) => one.faults.isGone)) await listener.close();
    else await listener.open();
    const isFrozen = all.some((one) => one.faults.isFrozen);
    for (const connection of sockets) connection.setFrozen(isFrozen);
  };
  for (const device of options.devices) {
    const unit = new ModbusUnit({ ...device, device: device.name });
    const overlay = withBadQuality(device.tags, (index, value, status) => unit.write(index, value, status));
    const served: Served = {
      unit,
      faults: NO_FAULTS,
      device: {
        name: device.name,
        tags: device.tags,
        write: overlay.write,
        async setFaults(faults) {
          served.faults = faults;
          overlay.setBadTags(faults.badTags, options.clock.now());
          await applyFaults();
        },
      },
    };
    units.set(device.unit, served);
  }
  await listener.open();
  return {
    protocol: 'modbus-tcp',
    host: options.host,
    get port() {
      return listener.port;
    },
    get url() {
      return `tcp://${options.host}:${listener.port}`;
    },
    devices: [...units.values()].map((one) => one.device),
    close: () => listener.close(),
  };
}

/** One client's byte stream: whole requests out of it, answers back. */
class Connection {
  readonly #socket: Socket;
  readonly #context: {
    readonly units: ReadonlyMap<number, Served>;
    readonly clock: Clock;
    readonly observer: Observer;
  };
  readonly #timers = new Set<Timer>();
  #pending: Buffer = Buffer.alloc(0);

  constructor(
    socket: Socket,
    context: { readonly units: ReadonlyMap<number, Served>; readonly clock: Clock; readonly observer: Observer },
  ) {
    this.#socket = socket;
    this.#context = context;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    if ([...context.units.values()].some((one) => one.faults.isFrozen)) socket.pause();
    socket.on('close', () => {
      for (const timer of this.#timers) timer.cancel();
    });
  }

  setFrozen(isFrozen: boolean): void {
    if (isFrozen) this.#socket.pause();
    else this.#socket.resume();
  }

  #receive(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    let at = 0;
    while (this.#pending.length - at >= HEADER_BYTES) {
      const length = this.#pending.readUInt16BE(at + 4);
      if (this.#pending.readUInt16BE(at + 2) !== 0 || length < 2 || length > MAX_LENGTH) {
        this.#context.observer.emit('simulate-malformed-request', { length });
        this.#socket.destroy();
        return;
      }
      if (this.#pending.length - at < 6 + length) break;
      this.#request(this.#pending.subarray(at, at + 6 + length));
      at += 6 + length;
    }
    this.#pending = Buffer.from(this.#pending.subarray(at));
  }

  #request(adu: Buffer): void {
    const unitId = adu[6] ?? 0;
    const pdu = adu.subarray(HEADER_BYTES);
    const served = this.#context.units.get(unitId);
    if (served === undefined) {
      this.#answer(adu, exceptionPdu(pdu[0] ?? 0, ModbusException.GatewayTargetFailed));
      return;
    }
    const { faults } = served;
    if (faults.isUnitDead || served.unit.isSilent) return;
    const answer = () => {
      const { exception } = served.faults;
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

  #answer(request: Buffer, pdu: Buffer): void {
    if (this.#socket.destroyed) return;
    const adu = Buffer.allocUnsafe(HEADER_BYTES + pdu.length);
    request.copy(adu, 0, 0, 4);
    adu.writeUInt16BE(pdu.length + 1, 4);
    adu[6] = request[6] ?? 0;
    pdu.copy(adu, HEADER_BYTES);
    this.#socket.write(adu);
  }
}
