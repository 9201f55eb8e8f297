import { isUtf8 } from 'node:buffer';
import type { ByteOrder, DataType, TagValue } from '../../model/tag.ts';
import { isBitArea } from './area.ts';
import type { Block } from './plan.ts';
import type { ModbusPoint } from './point.ts';

/** Operations of a decode program, with the byte order in the lower two bits of the code. */
const OP: Readonly<Record<Exclude<DataType, 'auto'>, number>> = {
  bool: 0,
  int8: 1,
  uint8: 2,
  int16: 3,
  uint16: 4,
  int32: 5,
  uint32: 6,
  float32: 7,
  int64: 8,
  uint64: 9,
  float64: 10,
  string: 11,
  float16: 14,
  bcd16: 15,
  bcd32: 16,
};
const OP_COIL = 12;
const OP_REGISTER_BIT = 13;
/** Bits of 16, 32 and 64: the argument has the first bit, and above 64 of them their number. */
const OP_FIELD_16 = 17;
const OP_FIELD_32 = 18;
const OP_FIELD_64 = 19;
const FIELD_SHIFT = 6;
/** Of byte order ABCD. */
const PLAIN_UINT16 = OP.uint16 << 2;
const PLAIN_INT16 = OP.int16 << 2;

/** Bit 0: bytes of each register swapped; bit 1: registers swapped. */
const ORDER: Readonly<Record<ByteOrder, number>> = { ABCD: 0, BADC: 1, CDAB: 2, DCBA: 3 };

/**
 * How the replies of a scan become values, compiled once to flat arrays of runs: run i decodes `count[i]` values by operation `op[i]` with
 * `argument[i]` (bit of a register, bits of a field, characters of a string), the first at byte `at[i]` (coils: bit `at[i]`) of its block's
 * reply, each next one `stride[i]` further, into the batch from `slot[i]` on. Block b has the runs from `firstRun[b]` to before `firstRun[b + 1]`.
 * A table of equal values in a row is a run for each block; where no two are alike each is one.
 */
export interface DecodeProgram {
  readonly firstRun: Uint32Array;
  readonly op: Uint8Array;
  readonly at: Uint32Array;
  readonly stride: Uint16Array;
  readonly count: Uint16Array;
  readonly argument: Uint16Array;
  readonly slot: Uint32Array;
}

/** Values of one run, and units between two of them, at most. */
const MOST_IN_RUN = 0xffff;

/**
 * Compile the program for blocks.
 * @param slots position in the batch of each point; null: that among the points
 */
export function compileDecode(
  blocks: readonly Block[],
  points: readonly ModbusPoint[],
  slots: ArrayLike<number> | null,
): DecodeProgram {
  const firstRun = new Uint32Array(blocks.length + 1);
  const op: number[] = [];
  const at: number[] = [];
  const stride: number[] = [];
  const count: number[] = [];
  const argument: number[] = [];
  const slot: number[] = [];
  blocks.forEach((block, index) => {
    let first = -1;
    for (const position of block.points) {
      const point = points[position] as ModbusPoint;
      const [operation, shift, value] = instructionOf(point);
      const place = isBitArea(block.area) ? point.offset - block.offset : (point.offset - block.offset) * 2 + shift;
      const target = slots === null ? position : (slots[position] ?? 0);
      const length = first < 0 ? 0 : (count[first] as number);
      const step = length === 0 ? 0 : (place - (at[first] as number)) / length;
      const goesOn =
        length > 0 &&
        length < MOST_IN_RUN &&
        op[first] === operation &&
        argument[first] === value &&
        target === (slot[first] as number) + length &&
        (length === 1 ? step >= 0 && step <= MOST_IN_RUN : step === stride[first]);
      if (goesOn) {
        stride[first] = step;
        count[first] = length + 1;
      } else {
        first = op.push(operation) - 1;
        at.push(place);
        stride.push(0);
        count.push(1);
        argument.push(value);
        slot.push(target);
      }
    }
    firstRun[index + 1] = op.length;
  });
  return {
    firstRun,
    op: Uint8Array.from(op),
    at: Uint32Array.from(at),
    stride: Uint16Array.from(stride),
    count: Uint16Array.from(count),
    argument: Uint16Array.from(argument),
    slot: Uint32Array.from(slot),
  };
}

/**
 * Decode the reply of one block into `values`; null for what is no value of its type, such as a decimal digit of 12.
 * @param data the bytes behind the reply's byte count, all of them
 */
export function decodeBlock(program: DecodeProgram, block: number, data: Uint8Array, values: TagValue[]): void {
  const end = program.firstRun[block + 1] as number;
  for (let run = program.firstRun[block] as number; run < end; run++) {
    const code = program.op[run] as number;
    const stride = program.stride[run] as number;
    const argument = program.argument[run] as number;
    let from = program.at[run] as number;
    let slot = program.slot[run] as number;
    const slotEnd = slot + (program.count[run] as number);
    if (code === PLAIN_UINT16 || code === PLAIN_INT16) {
      // Most of what there is: without the call.
      for (; slot < slotEnd; slot++, from += stride) {
        const bits = ((data[from] as number) << 8) | (data[from + 1] as number);
        values[slot] = code === PLAIN_UINT16 ? bits : (bits << 16) >> 16;
      }
      continue;
    }
    const operation = code >>> 2;
    const order = code & 3;
    for (; slot < slotEnd; slot++, from += stride) values[slot] = decodeValue(operation, order, data, from, argument);
  }
}

/** The places in the batch that a block's values go to, by ascending offset in the unit. */
export function* slotsOf(program: DecodeProgram, block: number): Generator<number> {
  const end = program.firstRun[block + 1] as number;
  for (let run = program.firstRun[block] as number; run < end; run++) {
    const first = program.slot[run] as number;
    for (let i = 0; i < (program.count[run] as number); i++) yield first + i;
  }
}

/** Write the same into a column of the batch for all values of a block. */
export function fillBlock(
  program: DecodeProgram,
  block: number,
  column: Uint32Array | Float64Array,
  value: number,
): void {
  const end = program.firstRun[block + 1] as number;
  for (let run = program.firstRun[block] as number; run < end; run++) {
    const first = program.slot[run] as number;
    const slotEnd = first + (program.count[run] as number);
    for (let slot = first; slot < slotEnd; slot++) column[slot] = value;
  }
}

const floats = new DataView(new ArrayBuffer(8));

function decodeValue(operation: number, order: number, data: Uint8Array, at: number, argument: number): TagValue {
  switch (operation) {
    case 4:
      return register(data, at, order);
    case 3:
      return (register(data, at, order) << 16) >> 16;
    case 7:
      floats.setUint32(0, doubleRegister(data, at, order));
      return floats.getFloat32(0);
    case 6:
      return doubleRegister(data, at, order);
    case 5:
      return doubleRegister(data, at, order) | 0;
    case OP_REGISTER_BIT:
      return ((register(data, at, order) >>> argument) & 1) === 1;
    case OP_COIL:
      return (((data[at >>> 3] as number) >>> (at & 7)) & 1) === 1;
    case 0:
      return register(data, at, order) !== 0;
    case 1:
      return (register(data, at, order) << 24) >> 24;
    case 2:
      return register(data, at, order) & 0xff;
    case 10:
      floats.setUint32(0, highHalf(data, at, order));
      floats.setUint32(4, lowHalf(data, at, order));
      return floats.getFloat64(0);
    case 8:
      return wide(highHalf(data, at, order) | 0, lowHalf(data, at, order));
    case 9:
      return wide(highHalf(data, at, order), lowHalf(data, at, order));
    case 14:
      return half(register(data, at, order));
    case 15:
      return decimal(register(data, at, order), 4);
    case 16:
      return decimal(doubleRegister(data, at, order), 8);
    case OP_FIELD_16:
      return (register(data, at, order) >>> (argument & 63)) & ((1 << (argument >>> FIELD_SHIFT)) - 1);
    case OP_FIELD_32:
      return field(0, doubleRegister(data, at, order), argument);
    case OP_FIELD_64:
      return field(highHalf(data, at, order), lowHalf(data, at, order), argument);
    default:
      return text(data, at, order, argument);
  }
}

/** 16 bits; the order of registers does not matter. */
function register(data: Uint8Array, at: number, order: number): number {
  const first = data[at] as number;
  const second = data[at + 1] as number;
  return (order & 1) === 0 ? (first << 8) | second : (second << 8) | first;
}

/** 32 bits, unsigned, of two registers. */
function doubleRegister(data: Uint8Array, at: number, order: number): number {
  const first = register(data, at, order);
  const second = register(data, at + 2, order);
  return ((order & 2) === 0 ? (first << 16) | second : (second << 16) | first) >>> 0;
}

function highHalf(data: Uint8Array, at: number, order: number): number {
  return doubleRegister(data, (order & 2) === 0 ? at : at + 4, order);
}

function lowHalf(data: Uint8Array, at: number, order: number): number {
  return doubleRegister(data, (order & 2) === 0 ? at + 4 : at, order);
}

/** Bits of 64 as an unsigned number; at most 32 of them. */
function field(high: number, low: number, argument: number): number {
  const value = (BigInt(high) << 32n) | BigInt(low);
  return Number(BigInt.asUintN(argument >>> FIELD_SHIFT, value >> BigInt(argument & 63)));
}

/** Digits of four bits each, or null if one is above 9. */
function decimal(bits: number, digits: number): number | null {
  let value = 0;
  for (let at = digits - 1; at >= 0; at--) {
    const digit = (bits >>> (at * 4)) & 15;
    if (digit > 9) return null;
    value = value * 10 + digit;
  }
  return value;
}

/** 16-bit floating point. Source: IEEE 754-2008 §3.4, binary16. */
function half(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number where it is exact, else a bigint. */
function wide(high: number, low: number): number | bigint {
  const value = high * 4_294_967_296 + low;
  return Number.isSafeInteger(value) ? value : (BigInt(high) << 32n) | BigInt(low);
}

/** Up to the first NUL, without trailing blanks; UTF-8 where it is, else Latin-1. */
function text(data: Uint8Array, at: number, order: number, length: number): string {
  const bytes = Buffer.from(data.subarray(at, at + length + (length & 1)));
  if ((order & 1) === 1) bytes.swap16();
  const end = bytes.subarray(0, length).indexOf(0);
  const written = bytes.subarray(0, end < 0 ? length : end);
  return written.toString(isUtf8(written) ? 'utf8' : 'latin1').trimEnd();
}

/** Operation with its order, byte shift from the point's offset, argument. */
function instructionOf(point: ModbusPoint): readonly [number, number, number] {
  const { type, bit, bitCount, byteOrder } = point;
  const order = ORDER[byteOrder];
  if (isBitArea(point.area)) return [OP_COIL << 2, 0, 0];
  if (bit !== null && bitCount > 1) {
    const operation = point.count === 1 ? OP_FIELD_16 : point.count === 2 ? OP_FIELD_32 : OP_FIELD_64;
    return [(operation << 2) | order, 0, (bitCount << FIELD_SHIFT) | bit];
  }
  if (bit !== null) {
    // The register that holds the bit: the last one holds bits 0 to 15, unless registers are swapped.
    const fromLow = bit >>> 4;
    const word = (order & 2) === 0 ? point.count - 1 - fromLow : fromLow;
    return [(OP_REGISTER_BIT << 2) | order, word * 2, bit & 15];
  }
  const operation = OP[type === 'auto' ? 'uint16' : type];
  return [(operation << 2) | order, 0, point.length ?? 0];
}
