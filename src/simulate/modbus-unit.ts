import { HeadgateError } from '../errors/headgate-error.ts';
import { Status, type StatusCode, severityOf } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import { type ModbusArea, type ModbusPoint, parseModbusAddress } from './modbus-address.ts';
import { registerCount, writeBit, writeRegisters } from './register-codec.ts';

/** Exception codes. Source: Modbus Application Protocol V1.1b3 §7. */
export const ModbusException = {
  IllegalFunction: 1,
  IllegalDataAddress: 2,
  IllegalDataValue: 3,
  ServerDeviceFailure: 4,
  GatewayTargetFailed: 11,
} as const;

const AREA_SIZE = 65_536;

/** What drivers report when a device does not answer. */
const LOST: ReadonlySet<StatusCode> = new Set([
  Status.Bad_NoCommunication,
  Status.Bad_NotConnected,
  Status.Bad_CommunicationError,
  Status.Bad_Timeout,
]);

/** One data area: registers or bits in one array; 0 in `state` is an address that the device does not have. */
interface AreaImage {
  readonly values: Uint16Array;
  /** 0 not mapped, 1 readable, 2 a tag here is Bad: reading answers exception 4. */
  readonly state: Uint8Array;
}

/** The memory of one Modbus unit: the registers and bits that its tags stand in, and nothing else. */
export class ModbusUnit {
  readonly device: string;
  readonly unit: number;
  readonly identity: Readonly<Record<string, string>>;
  readonly #areas = new Map<ModbusArea, AreaImage>();
  readonly #points: readonly {
    readonly tag: TagDefinition;
    readonly point: ModbusPoint;
    readonly bit: number | null;
  }[];
  readonly #isBad: Uint8Array;
  readonly #isLost: Uint8Array;
  /** Positions of the tags that begin at an address together. */
  readonly #sharing = new Map<string, number[]>();
  #lostCount = 0;

  /** @throws SIMULATE_ADDRESS_UNSERVABLE */
  constructor(options: {
    readonly device: string;
    readonly unit: number;
    readonly tags: readonly TagDefinition[];
    readonly isOneBased?: boolean;
    readonly identity?: Readonly<Record<string, string>>;
  }) {
    this.device = options.device;
    this.unit = options.unit;
    this.identity = options.identity ?? {};
    this.#isBad = new Uint8Array(options.tags.length).fill(1);
    this.#isLost = new Uint8Array(options.tags.length);
    const firstAt = new Map<string, number>();
    this.#points = options.tags.map((tag, index) => {
      const parsed = parseModbusAddress(tag.address);
      const refuse = (problem: string): never => {
        throw new HeadgateError('SIMULATE_ADDRESS_UNSERVABLE', {
          tag: tag.name,
          device: tag.device,
          address: tag.address,
          problem,
        });
      };
      if (parsed === null) return refuse('it is no Modbus address');
      const isLettered = /[A-Z]/i.test(tag.address);
      const address = options.isOneBased === true && isLettered ? parsed.address - 1 : parsed.address;
      const point = { ...parsed, address };
      const width = isBitArea(point.area) ? 1 : registerCount(tag.type, tag.length);
      if (address < 0 || address + width > AREA_SIZE) return refuse('it ends beyond 65536');
      const { state } = this.#area(point.area);
      // Nothing is invented: what was not written yet answers with a device failure.
      state.fill(2, address, address + width);
      const key = `${point.area} ${point.address}`;
      const first = firstAt.get(key);
      if (first === undefined) firstAt.set(key, index);
      else this.#sharing.set(key, [...(this.#sharing.get(key) ?? [first]), index]);
      return { tag, point, bit: tag.bit ?? parsed.bit };
    });
  }

  /** Put a tag's value into its registers; a Bad one makes them answer with a device failure until a better one comes. */
  write(index: number, value: TagValue, status: StatusCode): void {
    const entry = this.#points[index];
    if (entry === undefined) return;
    const { tag, point, bit } = entry;
    const isBad = value === null || severityOf(status) === 'bad';
    const isLost = isBad && LOST.has(status) ? 1 : 0;
    this.#lostCount += isLost - (this.#isLost[index] ?? 0);
    this.#isLost[index] = isLost;
    const image = this.#area(point.area);
    if (!isBad) {
      if (isBitArea(point.area)) image.values[point.address] = Number(value) === 0 ? 0 : 1;
      else if (bit !== null) writeBit(image.values, point.address, Number(value) !== 0, { ...tag, bit });
      else writeRegisters(image.values, point.address, value, tag);
    }
    if (isBad === (this.#isBad[index] === 1)) return;
    this.#isBad[index] = isBad ? 1 : 0;
    this.#mark(tag, point, isBad);
  }

  /** True when the recording lost the whole device at this time: the unit then does not answer either. */
  get isSilent(): boolean {
    return this.#lostCount > 0 && this.#lostCount === this.#points.length;
  }

  /** The area for reading; null when no tag stands in it. */
  area(area: ModbusArea): AreaImage | null {
    return this.#areas.get(area) ?? null;
  }

  /** @returns 0 when all of the range may be read, else the exception code */
  check(area: ModbusArea, address: number, count: number): number {
    const image = this.#areas.get(area);
    if (image === undefined || address + count > AREA_SIZE) return ModbusException.IllegalDataAddress;
    let exception = 0;
    for (let at = address; at < address + count; at++) {
      const state = image.state[at];
      if (state === 0) return ModbusException.IllegalDataAddress;
      if (state === 2) exception = ModbusException.ServerDeviceFailure;
    }
    return exception;
  }

  #area(area: ModbusArea): AreaImage {
    const known = this.#areas.get(area);
    if (known !== undefined) return known;
    const made = { values: new Uint16Array(AREA_SIZE), state: new Uint8Array(AREA_SIZE) };
    this.#areas.set(area, made);
    return made;
  }

  #mark(tag: TagDefinition, point: ModbusPoint, isBad: boolean): void {
    const width = isBitArea(point.area) ? 1 : registerCount(tag.type, tag.length);
    const { state } = this.#area(point.area);
    state.fill(isBad ? 2 : 1, point.address, point.address + width);
    if (isBad) return;
    // Another tag in the same registers (bits of a status word) may still be Bad.
    for (const other of this.#sharing.get(`${point.area} ${point.address}`) ?? []) {
      if (this.#isBad[other] === 1) state[point.address] = 2;
    }
  }
}

/** True for coils and discrete inputs. */
export function isBitArea(area: ModbusArea): boolean {
  return area === 'coil' || area === 'discrete';
}
