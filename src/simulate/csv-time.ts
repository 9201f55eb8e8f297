import type { EpochMs } from '../model/time.ts';

/**
 * How a column of times is written. `offset_s`: seconds since the beginning, in a column that is named so. `clock`: a time of day alone,
 * as ms since midnight.
 */
export type TimeFormat =
  | 'iso'
  | 'ymd'
  | 'dmy'
  | 'mdy'
  | 'epoch_s'
  | 'epoch_ms'
  | 'epoch_us'
  | 'epoch_ns'
  | 'offset_s'
  | 'clock';

export const DAY_MS = 86_400_000;
export const TIME_NAMES =
  /^(time|timestamp|date|datetime|date[ _-]?time|ts|t|zeit|zeitstempel|datum|uhrzeit|_time|utc|epoch|seconds?)\b/i;
const OFFSET_NAMES = /^(t|time|zeit|seconds?|elapsed|offset)\b/i;

/** Epoch ms of a cell of the time column (of `clock`: ms since midnight); a time without a zone is taken as UTC. Null when it is none. */
export function parseCsvTime(cell: string, format: TimeFormat, decimal: '.' | ',' = '.'): EpochMs | null {
  switch (format) {
    case 'epoch_s':
    case 'offset_s':
      return scaled(cell, decimal, 1000);
    case 'epoch_ms':
      return scaled(cell, decimal, 1);
    case 'epoch_us':
      return scaled(cell, decimal, 1e-3);
    case 'epoch_ns':
      return scaled(cell, decimal, 1e-6);
    case 'iso':
    case 'ymd':
    case 'dmy':
    case 'mdy':
      return calendarTime(cell.trim(), format);
    case 'clock':
      return clockTime(cell.trim());
  }
}

/**
 * The format that all cells of a column share; null when they are no times.
 * @param name of the column: it tells seconds since the beginning from other numbers
 */
export function timeFormatOf(cells: readonly string[], name: string): TimeFormat | null {
  if (cells.length === 0) return null;
  if (cells.every(isNumeric)) return numericTime(cells.map(Number), name.trim());
  const fits = (format: TimeFormat) => cells.every((cell) => parseCsvTime(cell, format) !== null);
  if (fits('clock')) return 'clock';
  if (fits('iso')) return cells.some((cell) => cell.includes('T')) ? 'iso' : 'ymd';
  // 01/02/2024 is ambiguous: a dot means day first; else the reading that fits, and month first when both do.
  const isDotted = cells.some((cell) => /^\d{1,2}\./.test(cell));
  if (isDotted && fits('dmy')) return 'dmy';
  if (fits('mdy')) return 'mdy';
  return fits('dmy') ? 'dmy' : null;
}

/** True for a date without a time of day. */
export function isDateOnly(cell: string): boolean {
  return !cell.includes(':');
}

/** A number with a decimal point. */
export function isNumeric(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

/** With a decimal point, whatever the file writes, and without separators of thousands. */
export function normalDecimal(cell: string, decimal: '.' | ','): string {
  if (decimal === '.') return cell;
  return /^[+-]?\d{1,3}(\.\d{3})+(,|$)/.test(cell)
    ? cell.replaceAll('.', '').replace(',', '.')
    : cell.replace(',', '.');
}

const CLOCK = String.raw`(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?`;
const ONLY_CLOCK = new RegExp(`^${CLOCK}$`);
const CALENDAR = new RegExp(
  String.raw`^(\d{1,4})([-./ ])(\d{1,2}|[^\W\d_]{3,9})\2(\d{1,4})(?:[T ]+${CLOCK}\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$`,
  'u',
);
/** The first three letters of a month, in English and German. */
const MONTHS: Readonly<Record<string, number>> = {
  jan: 1,
  feb: 2,
  mar: 3,
  mär: 3,
  mrz: 3,
  apr: 4,
  may: 5,
  mai: 5,
  jun: 6,
  jul: 7,
  aug: 8,
  sep: 9,
  oct: 10,
  okt: 10,
  nov: 11,
  dec: 12,
  dez: 12,
};

function calendarTime(cell: string, format: 'iso' | 'ymd' | 'dmy' | 'mdy'): EpochMs | null {
  const match = CALENDAR.exec(cell);
  if (match === null) return null;
  const [, a = '', , b = '', c = '', hour = '0', minute = '0', second = '0', fraction = '0', half, zone] = match;
  const isNamed = /\D/.test(b);
  // A month that is named stands in the middle.
  if (isNamed && format === 'mdy') return null;
  const isYearFirst = format === 'iso' || format === 'ymd';
  const isMonthFirst = format === 'mdy';
  const yearText = isYearFirst ? a : c;
  const isShort = isNamed && !isYearFirst && yearText.length === 2;
  const year = Number(yearText) + (isShort ? 2000 : 0);
  const monthText = isMonthFirst ? a : b;
  const month = isNamed ? (MONTHS[monthText.slice(0, 3).toLowerCase()] ?? 0) : Number(monthText);
  const day = Number(isYearFirst ? c : isMonthFirst ? b : a);
  if ((yearText.length !== 4 && !isShort) || month < 1 || month > 12 || day < 1 || day > 31) return null;
  const clock = clockMs(hour, minute, second, fraction, half);
  return clock === null ? null : Date.UTC(year, month - 1, day) + clock - zoneMs(zone);
}

function clockTime(cell: string): number | null {
  const match = ONLY_CLOCK.exec(cell);
  if (match === null) return null;
  const [, hour = '0', minute = '0', second = '0', fraction = '0', half] = match;
  return clockMs(hour, minute, second, fraction, half);
}

function clockMs(...[hour, minute, second, fraction, half]: readonly (string | undefined)[]): number | null {
  let hours = Number(hour);
  if (half !== undefined) hours = (hours % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
  if (hours > 24 || Number(minute) > 59 || Number(second) > 60) return null;
  return ((hours * 60 + Number(minute)) * 60 + Number(second)) * 1000 + Number(`0.${fraction}`) * 1000;
}

function zoneMs(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '');
  if (match === null) return 0;
  const [, sign, hours, minutes] = match;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function numericTime(values: readonly number[], name: string): TimeFormat | null {
  const isOrdered = (sign: number) =>
    values.every((value, row) => row === 0 || sign * (value - (values[row - 1] ?? 0)) >= 0);
  const isNamed = TIME_NAMES.test(name);
  if (!isNamed && !isOrdered(1) && !isOrdered(-1)) return null;
  const least = Math.min(...values);
  const most = Math.max(...values);
  // From 1973 to 5138 in each unit.
  if (least >= 1e17 && most < 1e20) return 'epoch_ns';
  if (least >= 1e14 && most < 1e17) return 'epoch_us';
  if (least >= 1e11 && most < 1e14) return 'epoch_ms';
  if (least >= 1e8 && most < 1e11) return 'epoch_s';
  return OFFSET_NAMES.test(name) && isOrdered(1) ? 'offset_s' : null;
}

function scaled(cell: string, decimal: '.' | ',', factor: number): number | null {
  const text = normalDecimal(cell.trim(), decimal);
  return isNumeric(text) ? Number(text) * factor : null;
}
