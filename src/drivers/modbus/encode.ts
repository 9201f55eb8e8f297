import type { TagValue } from '../../model/tag.ts';
import { isBitArea } from './area.ts';
import { bitWidth, type ModbusPoint } from './point.ts';

/** What a write puts where, independent of the function that carries it out. */
export type Change =
  | { readonly kind: 'coil'; readonly offset: number; readonly isOn: boolean }
  /** Only the bits of `mask` change; both as they stand in the register. */
  | { readonly kind: 'bits'; readonly offset: number; readonly mask: number; readonly bits: number }
  /** Two bytes for each register. */
  | { readonly kind: 'registers'; readonly offset: number; readonly bytes: Uint8Array };

/** Why a value cannot be written. `type`: not of this type; `range`: does not fit; `place`: nothing can be written there. */
export type Refusal = 'type' | 'range' | 'place';

/** What a unit has to change so that the point reads as the value, or why there is none. The reverse of `decode`. */
export function encodeChange(point: ModbusPoint, value: TagValue): Change | Refusal {
  if (point.area === 'input' || point.area === 'discrete') return 'place';
  if (isBitArea(point.area)) {
    const isOn = flagOf(value);
    return isOn === null ? 'type' : { kind: 'coil', offset: point.offset, isOn };
  }
  if (point.bit !== null && point.bitCount > 1) return encodeField(point, point.bit, value);
  if (point.bit !== null) return encodeBit(point, point.bit, value);
  if (point.type === 'string') return encodeText(point, value);
  if (point.type === 'bool') {
    const isOn = flagOf(value);
    return isOn === null ? 'type' : { kind: 'registers', offset: point.offset, bytes: Uint8Array.of(0, isOn ? 1 : 0) };
  }
  return encodeNumber(point, value);
}

function encodeBit(point: ModbusPoint, bit: number, value: TagValue): Change | Refusal {
  const isOn = flagOf(value);
  if (isOn === null) return 'type';
  const mask = inRegister(point, 1 << (bit & 15));
  return { kind: 'bits', offset: registerOf(point, bit), mask, bits: isOn ? mask : 0 };
}

/** A field of bits, where they stand in one register: what lies in two could be seen half written. */
function encodeField(point: ModbusPoint, bit: number, value: TagValue): Change | Refusal {
  if (typeof value !== 'number' && typeof value !== 'bigint') return 'type';
  const whole = wholeOf(value);
  if (whole === null || !fits(whole, point.bitCount, true)) return 'range';
  if (bit >>> 4 !== (bit + point.bitCount - 1) >>> 4) return 'place';
  const first = bit & 15;
  const mask = inRegister(point, ((1 << point.bitCount) - 1) << first);
  return { kind: 'bits', offset: registerOf(point, bit), mask, bits: inRegister(point, Number(whole) << first) };
}

/** The register that holds a bit: the last one holds bits 0 to 15, unless registers are swapped. */
function registerOf({ offset, count, byteOrder }: ModbusPoint, bit: number): number {
  const fromLow = bit >>> 4;
  return byteOrder === 'CDAB' || byteOrder === 'DCBA' ? offset + fromLow : offset + count - 1 - fromLow;
}

/** 16 bits as they stand in the register. */
function inRegister({ byteOrder }: ModbusPoint, bits: number): number {
  return byteOrder === 'BADC' || byteOrder === 'DCBA' ? ((bits & 0xff) << 8) | (bits >>> 8) : bits;
}

function encodeNumber(point: ModbusPoint, value: TagValue): Change | Refusal {
  if (typeof value !== 'number' && typeof value !== 'bigint') return 'type';
  const { type, offset, count } = point;
  const view = new DataView(new ArrayBuffer(8));
  const from = 8 - count * 2;
  switch (type) {
    case 'float16': {
      const bits = halfOf(Number(value));
      if (bits === null) return 'range';
      view.setUint16(from, bits);
      break;
    }
    case 'bcd16':
    case 'bcd32': {
      const digits = wholeOf(value)?.toString() ?? '-';
      if (digits.startsWith('-') || digits.length > count * 4) return 'range';
      view.setBigUint64(0, BigInt(`0x${digits}`));
      break;
    }
    case 'float32': {
      view.setFloat32(from, Number(value));
      if (!Number.isFinite(view.getFloat32(from))) return 'range';
      break;
    }
    case 'float64': {
      if (!Number.isFinite(Number(value))) return 'range';
      view.setFloat64(from, Number(value));
      break;
    }
    default: {
      const whole = wholeOf(value);
      const width = bitWidth(type);
      if (whole === null || !fits(whole, width, type.startsWith('u') || type === 'auto')) return 'range';
      view.setBigInt64(0, BigInt.asIntN(64, whole));
      // The other byte of the register is not this tag's.
      if (width === 8) {
        const bits = inRegister(point, Number(whole & 0xffn));
        return { kind: 'bits', offset, mask: inRegister(point, 0xff), bits };
      }
    }
  }
  return { kind: 'registers', offset, bytes: ordered(point, new Uint8Array(view.buffer, from)) };
}

/** Most significant byte first → as the byte order puts them. */
function ordered({ byteOrder, count }: ModbusPoint, bytes: Uint8Array): Uint8Array {
  const isWordSwapped = byteOrder === 'CDAB' || byteOrder === 'DCBA';
  const isByteSwapped = byteOrder === 'BADC' || byteOrder === 'DCBA';
  const result = new Uint8Array(count * 2);
  for (let word = 0; word < count; word++) {
    const from = (isWordSwapped ? count - 1 - word : word) * 2;
    result[word * 2] = bytes[from + (isByteSwapped ? 1 : 0)] as number;
    result[word * 2 + 1] = bytes[from + (isByteSwapped ? 0 : 1)] as number;
  }
  return result;
}

/** UTF-8, as it is read; filled up with NUL. */
function encodeText(point: ModbusPoint, value: TagValue): Change | Refusal {
  if (typeof value !== 'string') return 'type';
  const text = Buffer.from(value, 'utf8');
  const isReadBack = !value.includes('\0') && value.trimEnd() === value;
  if (text.length > (point.length ?? 0) || !isReadBack) return 'range';
  const bytes = Buffer.alloc(point.count * 2);
  text.copy(bytes);
  if (point.byteOrder === 'BADC' || point.byteOrder === 'DCBA') bytes.swap16();
  return { kind: 'registers', offset: point.offset, bytes };
}

function flagOf(value: TagValue): boolean | null {
  if (typeof value === 'boolean') return value;
  return value === 0 || value === 1 ? value === 1 : null;
}

/** The nearest 16-bit floating point number, to even between two; null: too large, or none. Source: IEEE 754-2008 §3.4. */
function halfOf(value: number): number | null {
  if (!Number.isFinite(value)) return null;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  // In units of the last place; a carry into the exponent is right by itself.
  const units = roundToEven(size / 2 ** (exponent - 10));
  const bits = size < 2 ** -14 ? units : ((exponent + 14) << 10) + units;
  return bits < 0x7c00 ? sign | bits : null;
}

function roundToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

function wholeOf(value: number | bigint): bigint | null {
  if (typeof value === 'bigint') return value;
  return Number.isInteger(value) ? BigInt(value) : null;
}

function fits(value: bigint, width: number, isUnsigned: boolean): boolean {
  return isUnsigned ? BigInt.asUintN(width, value) === value : BigInt.asIntN(width, value) === value;
}
