import type { ByteOrder, DataType, TagValue } from '../model/tag.ts';

/** How many 16-bit registers a value of a type takes; `length` is the characters of a string. */
export function registerCount(type: DataType, length: number | null): number {
  switch (type) {
    case 'int32':
    case 'uint32':
    case 'float32':
    case 'bcd32':
      return 2;
    case 'int64':
    case 'uint64':
    case 'float64':
      return 4;
    case 'string':
      return Math.max(1, Math.ceil((length ?? 2) / 2));
    default:
      return 1;
  }
}

const scratch = new DataView(new ArrayBuffer(8));

/**
 * Write a value into registers so that a reader of the same type and byte order gets it back: ABCD puts the most significant
 * byte first, CDAB swaps the words, BADC the bytes of each word, DCBA both. Texts stand two bytes to a register, filled
 * with NUL, in UTF-8 where that fits, else Latin-1. Numbers outside the type are clamped to it, since a device cannot hold them.
 */
export function writeRegisters(
  registers: Uint16Array,
  address: number,
  value: Exclude<TagValue, null>,
  form: { readonly type: DataType; readonly byteOrder: ByteOrder; readonly length: number | null },
): void {
  const { type, byteOrder } = form;
  const swapBytes = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const count = registerCount(type, form.length);
  if (type === 'string') {
    const text = String(value);
    const bytes = Buffer.alloc(count * 2);
    bytes.write(text, 0, Buffer.byteLength(text) <= (form.length ?? bytes.length) ? 'utf8' : 'latin1');
    for (let word = 0; word < count; word++) {
      registers[address + word] = swapBytes ? bytes.readUInt16LE(word * 2) : bytes.readUInt16BE(word * 2);
    }
    return;
  }
  writeScratch(type, value);
  const swapWords = byteOrder === 'CDAB' || byteOrder === 'DCBA';
  for (let word = 0; word < count; word++) {
    const from = swapWords ? count - 1 - word : word;
    registers[address + word] = scratch.getUint16(from * 2, swapBytes);
  }
}

/** Set or clear one bit of the value at an address, 0 the least significant. */
export function writeBit(
  registers: Uint16Array,
  address: number,
  isSet: boolean,
  form: { readonly type: DataType; readonly byteOrder: ByteOrder; readonly bit: number },
): void {
  const count = Math.max(registerCount(form.type, null), Math.floor(form.bit / 16) + 1);
  const swapWords = form.byteOrder === 'CDAB' || form.byteOrder === 'DCBA';
  const swapBytes = form.byteOrder === 'BADC' || form.byteOrder === 'DCBA';
  const wordFromLow = Math.floor(form.bit / 16);
  const word = swapWords ? wordFromLow : count - 1 - wordFromLow;
  const bitInWord = form.bit % 16;
  const bit = swapBytes ? (bitInWord + 8) % 16 : bitInWord;
  const before = registers[address + word] ?? 0;
  registers[address + word] = isSet ? before | (1 << bit) : before & ~(1 << bit);
}

function writeScratch(type: DataType, value: Exclude<TagValue, null>): void {
  const number = Number(value);
  switch (type) {
    case 'float32':
      scratch.setFloat32(0, number);
      return;
    case 'float64':
      scratch.setFloat64(0, number);
      return;
    case 'int64':
      scratch.setBigInt64(0, toBigInt(value, -(2n ** 63n), 2n ** 63n - 1n));
      return;
    case 'uint64':
      scratch.setBigUint64(0, toBigInt(value, 0n, 2n ** 64n - 1n));
      return;
    case 'int32':
      scratch.setInt32(0, clamp(number, -2_147_483_648, 2_147_483_647));
      return;
    case 'uint32':
      scratch.setUint32(0, clamp(number, 0, 4_294_967_295));
      return;
    case 'int16':
      scratch.setInt16(0, clamp(number, -32_768, 32_767));
      return;
    case 'float16':
      scratch.setUint16(0, halfBits(number));
      return;
    case 'bcd16':
      scratch.setUint16(0, Number.parseInt(String(clamp(number, 0, 9_999)), 16));
      return;
    case 'bcd32':
      scratch.setUint32(0, Number.parseInt(String(clamp(number, 0, 99_999_999)), 16));
      return;
    case 'int8':
      scratch.setInt16(0, clamp(number, -128, 127));
      return;
    case 'uint8':
      scratch.setUint16(0, clamp(number, 0, 255));
      return;
    default:
      scratch.setUint16(0, clamp(number, 0, 65_535));
  }
}

/** By way of a 32-bit float, whose exponent and fraction are cut; what a device can show, it shows so. */
function halfBits(value: number): number {
  const single = new DataView(new ArrayBuffer(4));
  single.setFloat32(0, Math.max(-65_504, Math.min(65_504, Number.isNaN(value) ? 0 : value)));
  const bits = single.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign | Math.round(Math.abs(single.getFloat32(0)) * 2 ** 24);
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

function clamp(value: number, low: number, high: number): number {
  return Number.isNaN(value) ? 0 : Math.min(high, Math.max(low, Math.round(value)));
}

function toBigInt(value: Exclude<TagValue, null>, low: bigint, high: bigint): bigint {
  const number = Number(value);
  const whole = typeof value === 'bigint' ? value : Number.isFinite(number) ? BigInt(Math.round(number)) : 0n;
  return whole < low ? low : whole > high ? high : whole;
}
