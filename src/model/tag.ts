import type { AssetPath } from './asset.ts';
import type { Millis } from './time.ts';

/** The priority class of an event with its own retention; overflow drops `bulk` first, `critical` never. */
export const LANES = ['critical', 'normal', 'bulk'] as const;
export type Lane = (typeof LANES)[number];

/** What the device holds at the address, before scaling. `auto`: as the server declares it (OPC UA only). */
export const DATA_TYPES = [
  'auto',
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float16',
  'float32',
  'float64',
  /** Decimal digits, four bits each: four of them, or eight. */
  'bcd16',
  'bcd32',
  'string',
] as const;
export type DataType = (typeof DATA_TYPES)[number];

/** Where the most significant byte A stands: ABCD big endian, CDAB words swapped, BADC bytes swapped, DCBA little endian. */
export const BYTE_ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type ByteOrder = (typeof BYTE_ORDERS)[number];

export const TAG_ACCESS = ['r', 'w', 'rw'] as const;
export type TagAccess = (typeof TAG_ACCESS)[number];

export const DEADBAND_TYPES = ['none', 'absolute', 'percent'] as const;
export type DeadbandType = (typeof DEADBAND_TYPES)[number];

/** A value as a tag carries it; 64-bit integers outside ±2^53 are bigint, everything else numeric is a number. */
export type TagValue = number | string | boolean | bigint | null;

/**
 * One row of the tag table, validated and with every default filled in.
 * `address` is as the user wrote it; the driver resolves it.
 */
export interface TagDefinition {
  readonly device: string;
  readonly name: string;
  readonly asset: AssetPath;
  readonly address: string;
  readonly type: DataType;
  readonly byteOrder: ByteOrder;
  /** Bit 0 (least significant) to 63 of the value at the address; null: the whole value. */
  readonly bit: number | null;
  /** Characters of a string; with `bit`, how many bits from there on make an unsigned number (null: one, a bool); null otherwise. */
  readonly length: number | null;
  readonly access: TagAccess;
  readonly scanMs: Millis;
  /** value × scale + offset, unless rawLow…engHigh are given, which map linearly and clamp. */
  readonly scale: number;
  readonly offset: number;
  /** Between rawLow … rawHigh and engLow … engHigh: the square root, as of a differential pressure that stands for a flow. Left out: linear. */
  readonly curve?: 'sqrt';
  /** What each raw number means, of an enumeration; the value is the text then. Left out: the value is the number. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly rawLow: number | null;
  readonly rawHigh: number | null;
  readonly engLow: number | null;
  readonly engHigh: number | null;
  readonly unit: string;
  readonly deadband: number;
  readonly deadbandType: DeadbandType;
  readonly lane: Lane;
  readonly description: string;
}
