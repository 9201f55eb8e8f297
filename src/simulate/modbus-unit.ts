import { HeadgateError } from '../errors/headgate-error.ts';
import { Status, type StatusCode, severityOf } from '../model/quality.ts';
import type { ByteOrder, DataType, TagDefinition, TagValue } from '../model/tag.ts';
import { isBitArea, type ModbusArea, parseModbusAddress } from './modbus-address.ts';
import { registerCount, writeBit, writeRegisters } from './register-codec.ts';

/** Exception codes. Source: Modbus Application Protocol V1.1b3 §7. */
export const ModbusException = {
  IllegalFunction: 1,
  IllegalDataAddress: 2,
  IllegalDataValue: 3,
  ServerDeviceFailure: 4,
  ServerDeviceBusy: 6,
  GatewayTargetFailed: 11,
} as const;

const AREA_SIZE = 65_536;
const UNMAPPED = 0;
const READABLE = 255;

/** What drivers report when a device does not answer. */
const LOST: ReadonlySet<StatusCode> = new Set([
  Status.Bad_NoCommunication,
  Status.Bad_NotConnected,
  Status.Bad_CommunicationError,
  Status.Bad_Timeout,
]);

/** The exception that a driver reports as a status, for those that have one; all other Bad ones: device failure. */
const EXCEPTION_OF: ReadonlyMap<StatusCode, number> = new Map([
  [Status.Bad_NotSupported, ModbusException.IllegalFunction],
  [Status.Bad_NodeIdUnknown, ModbusException.IllegalDataAddress],
  [Status.Bad_ConfigurationError, ModbusException.IllegalDataValue],
  [0x80040000, ModbusException.ServerDeviceBusy],
  [Status.Bad_NoCommunication, ModbusException.GatewayTargetFailed],
]);

/** One data area, an element for each address. */
interface AreaImage {
  readonly values: Uint16Array;
  /** 0: the device has no such address; 255: readable; else the exception that reading it gives. */
  readonly state: Uint8Array;
}

/** Where a tag's value stands, and how. */
export interface ModbusPoint {
  readonly unit: number;
  readonly area: ModbusArea;
  readonly address: number;
  readonly width: number;
  readonly type: DataType;
  readonly byteOrder: ByteOrder;
  readonly bit: number | null;
  /** Bits of a field; 0: a single bit, or none. */
  readonly bitCount: number;
  readonly length: number | null;
}

/**
 * Bring a tag's columns and its address together.
 * @param deviceUnit unit of tags whose address names none
 * @throws SIMULATE_ADDRESS_UNSERVABLE
 */
export function modbusPointOf(tag: TagDefinition, deviceUnit: number): ModbusPoint {
  const refuse = (problem: string): HeadgateError => {
    const { name, device, address } = tag;
    return new HeadgateError('SIMULATE_ADDRESS_UNSERVABLE', { tag: name, device, address, problem });
  };
  const parsed = parseModbusAddress(tag.address);
  if (parsed === null) throw refuse('it is no Modbus address');
  const { area, address } = parsed;
  const isBits = isBitArea(area);
  const type = tag.type === 'auto' ? (isBits ? 'bool' : 'uint16') : tag.type;
  const length = type === 'string' ? (tag.length ?? parsed.part) : null;
  const width = isBits ? 1 : registerCount(type, length);
  if (address + width > AREA_SIZE) throw refuse('it ends beyond address 65535');
  const byteOrder = tag.byteOrder === 'ABCD' ? (parsed.byteOrder ?? 'ABCD') : tag.byteOrder;
  const bit = type === 'string' ? null : (tag.bit ?? parsed.part);
  if (bit !== null && bit >= width * 16) throw refuse(`it has no bit ${bit}`);
  return {
    unit: parsed.unit ?? deviceUnit,
    area,
    address,
    width,
    type,
    byteOrder,
    bit,
    bitCount: type === 'string' ? 0 : (tag.length ?? 0),
    length,
  };
}

/** The memory of one Modbus unit: the registers and bits that its tags stand in, and nothing else. */
export class ModbusUnit {
  readonly identity: Readonly<Record<string, string>>;
  readonly #areas = new Map<ModbusArea, AreaImage>();
  readonly #points: readonly ModbusPoint[];
  /** The exception of each point, 0 when it is readable. */
  readonly #exception: Uint8Array;
  readonly #isLost: Uint8Array;
  /** Positions of the points that begin at an address together. */
  readonly #sharing = new Map<string, number[]>();
  #lostCount = 0;

  /** @param zeroGap reserved registers between two points, up to so many, read as 0; all other addresses are refused */
  constructor(
    points: readonly ModbusPoint[],
    options: { identity?: Readonly<Record<string, string>>; zeroGap?: number } = {},
  ) {
    this.identity = options.identity ?? {};
    this.#points = points;
    // Nothing is invented: what was not written yet answers with a device failure.
    this.#exception = new Uint8Array(points.length).fill(ModbusException.ServerDeviceFailure);
    this.#isLost = new Uint8Array(points.length);
    const firstAt = new Map<string, number>();
    points.forEach((point, index) => {
      const { state } = this.#area(point.area);
      state.fill(ModbusException.ServerDeviceFailure, point.address, point.address + point.width);
      const key = `${point.area} ${point.address}`;
      const first = firstAt.get(key);
      if (first === undefined) firstAt.set(key, index);
      else this.#sharing.set(key, [...(this.#sharing.get(key) ?? [first]), index]);
    });
    for (const { state } of this.#areas.values()) fillGaps(state, options.zeroGap ?? 0);
  }

  /** True when the recording lost the whole unit at this time: it then does not answer either. */
  get isSilent(): boolean {
    return this.#lostCount > 0 && this.#lostCount === this.#points.length;
  }

  /** Put a value into its registers; a Bad one makes them answer with an exception until a better one comes. */
  write(index: number, value: TagValue, status: StatusCode): void {
    const point = this.#points[index];
    if (point === undefined) return;
    const isBad = value === null || severityOf(status) === 'bad';
    const isLost = isBad && LOST.has(status) ? 1 : 0;
    this.#lostCount += isLost - (this.#isLost[index] ?? 0);
    this.#isLost[index] = isLost;
    if (!isBad) {
      const { values } = this.#area(point.area);
      if (isBitArea(point.area)) values[point.address] = Number(value) === 0 ? 0 : 1;
      else if (point.bit !== null) writeBits(values, point, point.bit, value);
      else writeRegisters(values, point.address, value, point);
    }
    const exception = isBad ? (EXCEPTION_OF.get(status) ?? ModbusException.ServerDeviceFailure) : 0;
    if (exception === this.#exception[index]) return;
    this.#exception[index] = exception;
    this.#mark(point, exception);
  }

  /** The values of an area for reading; null when no tag stands in it. */
  values(area: ModbusArea): Uint16Array | null {
    return this.#areas.get(area)?.values ?? null;
  }

  /** @returns 0 when all of the range may be read, else the exception code */
  check(area: ModbusArea, address: number, count: number): number {
    const image = this.#areas.get(area);
    if (image === undefined || address + count > AREA_SIZE) return ModbusException.IllegalDataAddress;
    let exception = 0;
    for (let at = address; at < address + count; at++) {
      const state = image.state[at] ?? UNMAPPED;
      if (state === UNMAPPED) return ModbusException.IllegalDataAddress;
      if (state !== READABLE) exception = state;
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

  #mark(point: ModbusPoint, exception: number): void {
    const { state } = this.#area(point.area);
    state.fill(exception === 0 ? READABLE : exception, point.address, point.address + point.width);
    if (exception !== 0) return;
    // Another tag in the same registers (bits of a status word) may still be Bad.
    for (const other of this.#sharing.get(`${point.area} ${point.address}`) ?? []) {
      const held = this.#exception[other] ?? 0;
      if (held !== 0) state[point.address] = held;
    }
  }
}

function fillGaps(state: Uint8Array, zeroGap: number): void {
  let lastMapped = -1;
  for (let at = 0; at < state.length; at++) {
    if (state[at] === UNMAPPED) continue;
    const gap = at - lastMapped - 1;
    if (lastMapped >= 0 && gap > 0 && gap <= zeroGap) state.fill(READABLE, lastMapped + 1, at);
    lastMapped = at;
  }
}

/** One bit, or the bits of a field. */
function writeBits(values: Uint16Array, point: ModbusPoint, bit: number, value: Exclude<TagValue, null>): void {
  if (point.bitCount <= 1) writeBit(values, point.address, Number(value) !== 0, { ...point, bit });
  for (let at = 0; point.bitCount > 1 && at < point.bitCount; at++) {
    writeBit(values, point.address, Math.floor(Number(value) / 2 ** at) % 2 === 1, { ...point, bit: bit + at });
  }
}
