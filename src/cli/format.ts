import { statusName } from '../model/quality.ts';
import type { Reading } from '../model/reading.ts';

/** `1 h 2 min`, `250 ms`: the two largest units. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  const first = units.findIndex(([, size]) => ms >= size);
  const parts: string[] = [];
  let rest = ms;
  for (const [unit, size] of units.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * size;
  }
  return parts.join(' ');
}

/** `12.3 MB`: decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** A value as people read it: at most six significant decimals, nothing as a dash. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number' && !Number.isInteger(value)) return String(Number(value.toPrecision(7)));
  return String(value);
}

/** `71.2 °C`, or a dash where there is none. */
export function formatReading(reading: Pick<Reading, 'value'> | null, unit: string): string {
  if (reading === null) return '–';
  const value = formatValue(reading.value);
  return unit === '' || reading.value === null ? value : `${value} ${unit}`;
}

/** `Good`, `Bad_NoCommunication`. */
export function formatQuality(status: number): string {
  return statusName(status);
}

/** Local time with date, to the second. */
export function formatTime(epochMs: number): string {
  if (!Number.isFinite(epochMs)) return '–';
  const date = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
