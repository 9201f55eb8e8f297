/** Powers of ten that a double holds exactly; further decimals than these do not pay. */
const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;
const LOWEST_16 = -0x8000;
const LOWEST_32 = -0x8000_0000;

/**
 * A column of floats written as decimals: value = integer / 10^decimals, exactly. The lowest integer of the type stands for an absent value
 * (NaN). `width` is the float's: 4 or 8 bytes.
 */
export type DecimalColumn = readonly [decimals: number, integers: Int16Array | Int32Array, width: 4 | 8];

/**
 * Measured values are decimals: a transmitter rounds, a PLC scales. As doubles their bits look random, as integers they are short.
 * Nothing is rounded: the column is given only when every value comes back bit by bit.
 * @returns null when a value is no decimal of at most nine places and 31 bits
 * @source the idea: Afroozeh, Kuffo and Boncz, "ALP: Adaptive Lossless floating-Point Compression", SIGMOD 2023
 */
export function toDecimals(values: Float32Array | Float64Array): DecimalColumn | null {
  const isSingle = values instanceof Float32Array;
  const integers = new Int32Array(values.length);
  let decimals = 0;
  for (let failedAt = 0; failedAt < values.length; ) {
    while (Number.isNaN(integerOf(values[failedAt] as number, POWERS[decimals] as number, isSingle))) {
      decimals++;
      if (decimals === POWERS.length) return null;
    }
    failedAt = fill(integers, values, POWERS[decimals] as number);
  }
  return [decimals, narrow(integers), isSingle ? 4 : 8];
}

/** The integer that brings a value back; NaN if none does. */
function integerOf(value: number, power: number, isSingle: boolean): number {
  if (Number.isNaN(value)) return LOWEST_32;
  const integer = Math.round(value * power);
  const back = integer / power;
  if ((isSingle ? Math.fround(back) : back) !== value) return Number.NaN;
  if (integer === 0 && Object.is(value, -0)) return Number.NaN;
  return integer > LOWEST_32 && integer < -LOWEST_32 ? integer : Number.NaN;
}

/** @returns position of the first value that the power does not bring back; `values.length` when all are in */
function fill(integers: Int32Array, values: Float32Array | Float64Array, power: number): number {
  const isSingle = values instanceof Float32Array;
  for (let at = 0; at < values.length; at++) {
    const integer = integerOf(values[at] as number, power, isSingle);
    if (Number.isNaN(integer)) return at;
    integers[at] = integer;
  }
  return values.length;
}

function narrow(integers: Int32Array): Int16Array | Int32Array {
  const short = new Int16Array(integers.length);
  for (let at = 0; at < integers.length; at++) {
    const integer = integers[at] as number;
    if (integer > LOWEST_16 && integer < -LOWEST_16) short[at] = integer;
    else if (integer === LOWEST_32) short[at] = LOWEST_16;
    else return integers;
  }
  return short;
}

/** @returns the floats of a decimal column; null for anything else */
export function fromDecimals(column: unknown): Float32Array | Float64Array | null {
  if (!Array.isArray(column) || column.length !== 3) return null;
  const [decimals, integers, width]: readonly unknown[] = column;
  const power = typeof decimals === 'number' ? POWERS[decimals] : undefined;
  const isShort = integers instanceof Int16Array;
  if (power === undefined || !(isShort || integers instanceof Int32Array) || (width !== 4 && width !== 8)) return null;
  const lowest = isShort ? LOWEST_16 : LOWEST_32;
  const values = width === 4 ? new Float32Array(integers.length) : new Float64Array(integers.length);
  for (let i = 0; i < integers.length; i++) {
    const integer = integers[i] as number;
    values[i] = integer === lowest ? Number.NaN : integer / power;
  }
  return values;
}
