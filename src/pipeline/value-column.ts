import type { NumberColumn } from '../model/telemetry.ts';

/**
 * The narrowest typed array that holds these numbers exactly; NaN (absent) needs floats.
 * @returns a copy, never the argument
 */
export function narrowNumbers(values: Float64Array): NumberColumn {
  return narrowIntegers(values) ?? (areFloat32(values) ? new Float32Array(values) : values.slice());
}

/**
 * Differences to the first time, in whole ms: 0 if all are equal. Empty input gives 0.
 * @param times overwritten
 */
export function narrowTimes(times: Float64Array): 0 | NumberColumn {
  const base = times[0] ?? 0;
  let low = 0;
  let high = 0;
  let areEqual = true;
  for (let i = 0; i < times.length; i++) {
    const time = times[i] as number;
    if (time !== base) areEqual = false;
    const delta = Math.round(time - base);
    times[i] = delta;
    if (delta < low) low = delta;
    else if (!(delta <= high)) high = Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta;
  }
  if (areEqual) return 0;
  const deltas = columnFor(low, high, times.length) ?? new Float64Array(times.length);
  fill(deltas, times);
  return deltas;
}

function narrowIntegers(values: Float64Array): NumberColumn | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if ((value | 0) !== value && !Number.isInteger(value)) return null;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const column = columnFor(low, high, values.length);
  if (column !== null) fill(column, values);
  return column;
}

/**
 * Copy numbers that the column holds exactly. A loop for each type that is common: one that writes to any of them makes an object of each
 * number, and `set` takes three times as long.
 */
function fill(column: NumberColumn, values: Float64Array): void {
  const { length } = values;
  if (column instanceof Int16Array) for (let i = 0; i < length; i++) column[i] = values[i] as number;
  else if (column instanceof Uint16Array) for (let i = 0; i < length; i++) column[i] = values[i] as number;
  else if (column instanceof Uint8Array) for (let i = 0; i < length; i++) column[i] = values[i] as number;
  else column.set(values);
}

/** The narrowest column of integers with room for `low` to `high`; null beyond 32 bits. */
function columnFor(low: number, high: number, length: number): NumberColumn | null {
  if (low >= 0) {
    if (high <= 0xff) return new Uint8Array(length);
    if (high <= 0xffff) return new Uint16Array(length);
    return high <= 0xffff_ffff ? new Uint32Array(length) : null;
  }
  if (low >= -0x80 && high <= 0x7f) return new Int8Array(length);
  if (low >= -0x8000 && high <= 0x7fff) return new Int16Array(length);
  return low >= -0x8000_0000 && high <= 0x7fff_ffff ? new Int32Array(length) : null;
}

function areFloat32(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (Math.fround(value) !== value && !Number.isNaN(value)) return false;
  }
  return true;
}
