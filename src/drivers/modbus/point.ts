import type { ByteOrder, DataType, TagDefinition } from '../../model/tag.ts';
import { ModbusAddressError, parseModbusAddress } from './address.ts';
import { type Area, isBitArea } from './area.ts';
import { isWithinArea } from './plan.ts';

/** Where a tag's value stands and how it is read: address, type, byte order, bit and length brought together. */
export interface ModbusPoint {
  readonly unit: number;
  readonly area: Area;
  readonly offset: number;
  /** Registers, or 1 for a coil or discrete input. */
  readonly count: number;
  readonly type: DataType;
  readonly byteOrder: ByteOrder;
  /** Bit 0 (least significant) of the value; null: the whole value. With `bitCount` the first of several. */
  readonly bit: number | null;
  /** Bits of a field that make an unsigned number; 0: a single bit, or none. */
  readonly bitCount: number;
  /** Characters of a string, else null. */
  readonly length: number | null;
}

/** Bits of a value of a numeric type; 16 for a bool, which takes a register. */
export function bitWidth(type: DataType): number {
  switch (type) {
    case 'int8':
    case 'uint8':
      return 8;
    case 'int32':
    case 'uint32':
    case 'float32':
    case 'bcd32':
      return 32;
    case 'int64':
    case 'uint64':
    case 'float64':
      return 64;
    default:
      return 16;
  }
}

/** Registers that a value takes; two characters of a string share one. */
export function registerCount(type: DataType, length: number | null): number {
  return type === 'string' ? Math.ceil((length ?? 0) / 2) : Math.ceil(bitWidth(type) / 16);
}

/**
 * Bring a tag's columns and the suffixes of its address together; the columns win. `auto` reads as the area's own type.
 * @throws ModbusAddressError
 */
export function pointOf(tag: TagDefinition, deviceUnit: number): ModbusPoint {
  const address = parseModbusAddress(tag.address);
  const isBits = isBitArea(address.area);
  const type = tag.type === 'auto' ? (isBits ? 'bool' : 'uint16') : tag.type;
  const isString = type === 'string';
  const length = isString ? (tag.length ?? address.part) : null;
  return {
    unit: address.unit ?? deviceUnit,
    area: address.area,
    offset: address.offset,
    count: isBits ? 1 : registerCount(type, length),
    type,
    byteOrder: tag.byteOrder === 'ABCD' ? (address.byteOrder ?? 'ABCD') : tag.byteOrder,
    bit: isString ? null : (tag.bit ?? address.part),
    bitCount: isString ? 0 : (tag.length ?? 0),
    length,
  };
}

/** The point of a tag; null when its address is none, or leads out of its area. */
export function placedPointOf(tag: TagDefinition, deviceUnit: number): ModbusPoint | null {
  try {
    const point = pointOf(tag, deviceUnit);
    return isWithinArea(point) ? point : null;
  } catch (error) {
    if (error instanceof ModbusAddressError) return null;
    throw error;
  }
}

/** The address for people, zero-based: `unit 1 holding 0 (2 registers)`, `unit 1 holding 9 bit 4`, `unit 1 coil 3`. */
export function describePoint({ unit, area, offset, count, bit, bitCount }: ModbusPoint): string {
  const place = `unit ${unit} ${area} ${offset}`;
  const width = isBitArea(area) ? '' : ` (${count} register${count === 1 ? '' : 's'})`;
  if (bit === null) return `${place}${width}`;
  return `${place} bit${bitCount > 1 ? `s ${bit} to ${bit + bitCount - 1}` : ` ${bit}`}${width}`;
}
