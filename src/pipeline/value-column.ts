import type { NumberColumn } from '../model/telemetry.ts';

/**
 * The narrowest typed array that holds these numbers exactly; NaN (absent) needs floats.
 * @returns a copy, never the argument
 */
export function narrowNumbers(values: Float64Array): NumberColumn {
  return narrowIntegers(values) ?? (areFloat32(values) ? new Float32Array(values) : values.slice());
}

/** Differences to the first time, in whole ms: 0 if all are equal. Empty input gives 0. */
export function narrowTimes(times: Float64Array): 0 | NumberColumn {
  const base = times[0] ?? 0;
  let low = 0;
  let high = 0;
  for (const time of times) {
    const delta = Math.round(time - base);
    if (delta < low) low = delta;
    else if (!(delta <= high)) high = Number.isNaN(delta) ? Number.POSITIVE_INFINITY : delta;
  }
  if (low === 0 && high === 0 && times.every((time) => time === base)) return 0;
  const deltas = columnFor(low, high, times.length) ?? new Float64Array(times.length);
  for (let i = 0; i < times.length; i++) deltas[i] = Math.round((times[i] as number) - base);
  return deltas;
}

function narrowIntegers(values: Float64Array): NumberColumn | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if ((value | 0) !== value && !Number.isInteger(value)) return null;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const column = columnFor(low, high, values.length);
  column?.set(values);
  return column;
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
  for (const value of values) if (Math.fround(value) !== value && !Number.isNaN(value)) return false;
  return true;
}
