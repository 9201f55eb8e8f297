import { Status, type StatusCode } from '../../model/quality.ts';
import type { DataType, TagDefinition, TagValue } from '../../model/tag.ts';

/** A Variant as the protocol library decodes it; 64-bit integers are `[high, low]` words. Source: OPC 10000-6 §5.1.2, §5.2.2.16. */
export interface VariantLike {
  readonly dataType: number;
  /** 0 scalar, 1 array, 2 matrix. */
  readonly arrayType: number;
  readonly value: unknown;
  readonly dimensions?: readonly number[] | null;
}

/** A DataValue as the protocol library decodes it. */
export interface DataValueLike {
  readonly value: VariantLike | null;
  readonly statusCode: { readonly value: number };
  readonly sourceTimestamp: Date | null;
  readonly serverTimestamp: Date | null;
}

/** Built-in types. Source: OPC 10000-6 Table 1. */
const Builtin = {
  Null: 0,
  Boolean: 1,
  SByte: 2,
  UInt32: 7,
  Int64: 8,
  UInt64: 9,
  Float: 10,
  Double: 11,
  String: 12,
  DateTime: 13,
  Guid: 14,
  ByteString: 15,
  XmlElement: 16,
  NodeId: 17,
  ExpandedNodeId: 18,
  StatusCode: 19,
  QualifiedName: 20,
  LocalizedText: 21,
} as const;

const BUILTIN_NAMES = [
  ...['Null', 'Boolean', 'SByte', 'Byte', 'Int16', 'UInt16', 'Int32', 'UInt32', 'Int64', 'UInt64', 'Float', 'Double'],
  ...['String', 'DateTime', 'Guid', 'ByteString', 'XmlElement', 'NodeId', 'ExpandedNodeId', 'StatusCode'],
  ...['QualifiedName', 'LocalizedText', 'Structure', 'DataValue', 'Variant', 'DiagnosticInfo'],
];

/** What a tag wants of a value. */
export interface DecodePlan {
  readonly type: DataType;
  readonly bit: number | null;
  /** Position in each dimension when one element of an array is addressed. */
  readonly element: readonly number[] | null;
}

/** A value that a tag cannot carry: the status it gets, and stable words for the tag's fault. */
export interface Undecodable {
  readonly status: StatusCode;
  readonly reason: string;
}

const INTEGER_RANGES: Readonly<Partial<Record<DataType, readonly [bigint, bigint]>>> = {
  int8: [-0x80n, 0x7fn],
  uint8: [0n, 0xffn],
  int16: [-0x8000n, 0x7fffn],
  uint16: [0n, 0xffffn],
  int32: [-0x8000_0000n, 0x7fff_ffffn],
  uint32: [0n, 0xffff_ffffn],
  int64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
  uint64: [0n, 0xffff_ffff_ffff_ffffn],
};

export function decodePlanOf(tag: TagDefinition, element: string | null): DecodePlan {
  return { type: tag.type, bit: tag.bit, element: element === null ? null : element.split(',').map(Number) };
}

/**
 * The value that a tag carries: numbers as they are; Int64 and UInt64 as a number within ±2^53, else bigint; DateTime as epoch ms
 * (RFC 3339 text for a tag of type `string`); ByteString as base64; Guid, NodeId, QualifiedName, LocalizedText and XmlElement as text;
 * a StatusCode and an enumeration as its number; null for a null value. With a type other than `auto` the value must fit it.
 * @returns undefined for what a tag cannot carry; `explainUndecodable` then says why
 */
export function decodeVariant(variant: VariantLike, plan: DecodePlan): TagValue | undefined {
  const { dataType } = variant;
  let raw = variant.value;
  if (variant.arrayType !== 0) {
    if (plan.element === null) return undefined;
    raw = elementOf(raw, variant.dimensions ?? null, plan.element);
  } else if (plan.element !== null && dataType !== Builtin.Null) return undefined;
  if (plan.type === 'auto' && plan.bit === null && typeof raw === 'number') return raw;
  if (raw === null || raw === undefined) {
    return dataType === Builtin.Null || variant.arrayType === 0 ? null : undefined;
  }
  const value = scalarOf(dataType, raw);
  if (value === undefined || value === null) return value;
  if (plan.bit !== null) return bitOf(value, plan.bit);
  return plan.type === 'auto' ? value : fit(value, dataType, plan.type);
}

/** `Double`, `array of 4 Int16`. */
export function describeVariant({ dataType, arrayType, value }: VariantLike): string {
  const name = BUILTIN_NAMES[dataType] ?? `type ${dataType}`;
  if (arrayType === 0) return name;
  return `array of ${Array.isArray(value) || ArrayBuffer.isView(value) ? `${(value as ArrayLike<unknown>).length} ` : ''}${name}`;
}

/** Why `decodeVariant` gave undefined. */
export function explainUndecodable(variant: VariantLike, plan: DecodePlan): Undecodable {
  const name = BUILTIN_NAMES[variant.dataType] ?? `type ${variant.dataType}`;
  const isArray = variant.arrayType !== 0;
  if (isArray && plan.element === null) {
    return { status: Status.Bad_NotSupported, reason: `array of ${name}: name one element, such as …[0]` };
  }
  if (
    isArray &&
    variant.value !== null &&
    elementOf(variant.value, variant.dimensions ?? null, plan.element ?? []) === undefined
  ) {
    return { status: BAD_INDEX_RANGE_NO_DATA, reason: `array of ${name} has no element [${plan.element?.join(',')}]` };
  }
  if (!isArray && plan.element !== null) return { status: Status.Bad_NotSupported, reason: `${name} is no array` };
  if (variant.dataType > Builtin.LocalizedText)
    return { status: Status.Bad_NotSupported, reason: `${name} is no tag value` };
  const wanted = plan.bit === null ? plan.type : `bit ${plan.bit} of an integer`;
  return { status: BAD_TYPE_MISMATCH, reason: `${name} of the server does not fit ${wanted}` };
}

const BAD_INDEX_RANGE_NO_DATA: StatusCode = 0x80370000;
const BAD_TYPE_MISMATCH: StatusCode = 0x80740000;

/** A server that honours the index range sends that element alone; one that ignores it sends the whole array. */
function elementOf(raw: unknown, dimensions: readonly number[] | null, element: readonly number[]): unknown {
  if (!Array.isArray(raw) && !ArrayBuffer.isView(raw)) return undefined;
  const values = raw as ArrayLike<unknown>;
  if (values.length === 1) return values[0];
  if (dimensions === null || dimensions.length <= 1) return element.length === 1 ? values[element[0] ?? 0] : undefined;
  if (dimensions.length !== element.length) return undefined;
  let position = 0;
  for (const [dimension, size] of dimensions.entries()) {
    const index = element[dimension] ?? 0;
    if (index >= size) return undefined;
    position = position * size + index;
  }
  return values[position];
}

function scalarOf(dataType: number, raw: unknown): TagValue | undefined {
  switch (dataType) {
    case Builtin.Null:
      return null;
    case Builtin.Boolean:
      return typeof raw === 'boolean' ? raw : undefined;
    case Builtin.Int64:
      return integer64(raw, true);
    case Builtin.UInt64:
      return integer64(raw, false);
    case Builtin.String:
    case Builtin.Guid:
    case Builtin.XmlElement:
      return String(raw);
    case Builtin.DateTime:
      return raw instanceof Date ? raw.getTime() : undefined;
    case Builtin.ByteString:
      return raw instanceof Uint8Array
        ? Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64')
        : undefined;
    case Builtin.NodeId:
    case Builtin.ExpandedNodeId:
    case Builtin.QualifiedName:
      return String(raw);
    case Builtin.StatusCode:
      return typeof raw === 'object' && raw !== null && 'value' in raw ? Number(raw.value) : undefined;
    case Builtin.LocalizedText:
      return typeof raw === 'object' && raw !== null && 'text' in raw && raw.text !== null && raw.text !== undefined
        ? String(raw.text)
        : null;
    default:
      return typeof raw === 'number' && dataType >= Builtin.SByte && dataType <= Builtin.Double ? raw : undefined;
  }
}

function integer64(raw: unknown, isSigned: boolean): TagValue | undefined {
  if (!Array.isArray(raw) && !ArrayBuffer.isView(raw)) return undefined;
  const [high, low] = raw as unknown as readonly unknown[];
  if (typeof high !== 'number' || typeof low !== 'number') return undefined;
  const upper = isSigned ? high | 0 : high >>> 0;
  const near = upper * 0x1_0000_0000 + (low >>> 0);
  if (Number.isSafeInteger(near)) return near;
  return (BigInt(upper) << 32n) + BigInt(low >>> 0);
}

function bitOf(value: TagValue, bit: number): TagValue | undefined {
  if (typeof value === 'bigint') return ((BigInt.asUintN(64, value) >> BigInt(bit)) & 1n) === 1n;
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  return bit < 32 && value >= -0x8000_0000 && value <= 0xffff_ffff
    ? ((value >>> bit) & 1) === 1
    : bitOf(BigInt(value), bit);
}

function fit(value: TagValue, dataType: number, type: DataType): TagValue | undefined {
  switch (type) {
    case 'bool':
      return typeof value === 'string' ? undefined : typeof value === 'boolean' ? value : Number(value) !== 0;
    case 'string':
      if (dataType === Builtin.DateTime) return new Date(value as number).toISOString();
      return typeof value === 'string' ? value : String(value);
    case 'float32':
    case 'float64':
      return typeof value === 'string' ? undefined : typeof value === 'number' ? value : Number(value);
    default: {
      const range = INTEGER_RANGES[type];
      if (range === undefined || typeof value === 'string') return undefined;
      if (typeof value === 'boolean') return value ? 1 : 0;
      if (typeof value === 'number' && !Number.isInteger(value)) return undefined;
      return (value ?? 0) >= range[0] && (value ?? 0) <= range[1] ? value : undefined;
    }
  }
}
