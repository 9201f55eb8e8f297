/** Powers of ten that a double holds exactly; further decimals than these do not pay. */
const POWERS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9] as const;
const LOWEST_8 = -0x80;
const LOWEST_16 = -0x8000;
const LOWEST_24 = -0x80_0000;
const LOWEST_32 = -0x8000_0000;

/**
 * A column of floats written as decimals: value = integer / 10^decimals, exactly. `width` is the float's: 4 or 8 bytes. Integers of 16 bits
 * stand in one array; longer ones in two, `low` with their 16 low bits and `high` with the others, since neighbours have more in common
 * there. An absent value (NaN) is the lowest 16 or 32-bit integer that the arrays could hold.
 */
export type DecimalColumn =
  | readonly [decimals: number, width: 4 | 8, integers: Int16Array]
  | readonly [decimals: number, width: 4 | 8, low: Uint16Array, high: Int8Array | Int16Array];

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
  return [decimals, isSingle ? 4 : 8, ...halves(integers)];
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

/** The narrowest arrays: `LOWEST_32` becomes the lowest of what they hold. */
function halves(integers: Int32Array): [Int16Array] | [Uint16Array, Int8Array | Int16Array] {
  let bits = 0;
  for (const integer of integers) if (integer !== LOWEST_32) bits |= integer ^ (integer >> 31);
  // The lowest integer of a width is not there to be taken: it has the bits of its highest, so one more is asked for.
  const hasRoom = (width: number) => bits < 2 ** (width - 1) - 1;
  if (hasRoom(16)) {
    return [Int16Array.from(integers, (integer) => (integer === LOWEST_32 ? LOWEST_16 : integer))];
  }
  const low = new Uint16Array(integers.length);
  const high = hasRoom(24) ? new Int8Array(integers.length) : new Int16Array(integers.length);
  const lowestHigh = hasRoom(24) ? LOWEST_8 : LOWEST_16;
  for (let at = 0; at < integers.length; at++) {
    const integer = integers[at] as number;
    low[at] = integer & 0xffff;
    high[at] = integer === LOWEST_32 ? lowestHigh : integer >> 16;
  }
  return [low, high];
}

/** @returns the floats of a decimal column; null for anything else */
export function fromDecimals(column: unknown): Float32Array | Float64Array | null {
  if (!Array.isArray(column)) return null;
  const [decimals, width, low, high, ...rest]: readonly unknown[] = column;
  const power = typeof decimals === 'number' ? POWERS[decimals] : undefined;
  if (power === undefined || (width !== 4 && width !== 8) || rest.length > 0) return null;
  if (low instanceof Int16Array && high === undefined) return floats(low, null, { power, width, lowest: LOWEST_16 });
  if (!(low instanceof Uint16Array && (high instanceof Int8Array || high instanceof Int16Array))) return null;
  if (low.length !== high.length) return null;
  return floats(low, high, { power, width, lowest: high instanceof Int8Array ? LOWEST_24 : LOWEST_32 });
}

function floats(
  low: Int16Array | Uint16Array,
  high: Int8Array | Int16Array | null,
  { power, width, lowest }: { power: number; width: 4 | 8; lowest: number },
): Float32Array | Float64Array {
  const values = width === 4 ? new Float32Array(low.length) : new Float64Array(low.length);
  for (let i = 0; i < values.length; i++) {
    const integer = high === null ? (low[i] as number) : ((high[i] as number) << 16) | (low[i] as number);
    values[i] = integer === lowest ? Number.NaN : integer / power;
  }
  return values;
}
