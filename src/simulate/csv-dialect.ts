import type { EpochMs } from '../model/time.ts';
import { splitCsvLine } from './split-csv-line.ts';

/** How a historian wrote its export. */
export interface CsvDialect {
  readonly separator: string;
  readonly decimal: '.' | ',';
  /** Lines before the first row of values: an Excel `sep=` line, the header. */
  readonly skipLines: number;
  readonly header: readonly string[];
  readonly timeColumn: number;
  readonly timeFormat: TimeFormat;
}

/** `offset_s`: seconds since the beginning, in a column that is named so. */
export type TimeFormat = 'iso' | 'ymd' | 'dmy' | 'mdy' | 'epoch_s' | 'epoch_ms' | 'epoch_us' | 'epoch_ns' | 'offset_s';

/** Why a file cannot be read as a table of signals. */
export class CsvDialectError extends Error {
  override readonly name = 'CsvDialectError';
}

const SEPARATORS = [';', '\t', ',', '|'];
const TIME_NAMES =
  /^(time|timestamp|date|datetime|date[ _-]?time|ts|t|zeit|zeitstempel|datum|uhrzeit|_time|utc|epoch|seconds?)\b/i;
const OFFSET_NAMES = /^(t|time|zeit|seconds?|elapsed|offset)\b/i;
/** First column of exports of data frames. */
const INDEX_NAMES = /^(|index|idx|id|row|nr|no|#|unnamed: ?\d+)$/i;

/**
 * Recognise separator, decimal sign, header and time column.
 * @param lines the first lines of the file (a hundred are plenty), without line ends
 * @throws CsvDialectError
 */
export function detectDialect(lines: readonly string[]): CsvDialect {
  const declared = /^sep=(.)$/i.exec((lines[0] ?? '').trim());
  const skipped = declared === null ? 0 : 1;
  const sample = lines.slice(skipped).filter((line) => line.trim() !== '');
  if (sample.length < 2) throw new CsvDialectError('it has no row of values');
  const separator = declared?.[1] ?? detectSeparator(sample);
  const rows = sample.map((line) => splitCsvLine(line, separator).map((cell) => cell.trim()));
  const first = rows[0] ?? [];
  const hasHeader = !first.some((cell) => cell !== '' && (isNumeric(cell) || timeFormatOf([cell], '') !== null));
  const header = hasHeader ? first : first.map((_cell, column) => `signal_${column}`);
  const values = hasHeader ? rows.slice(1) : rows;
  const columnOf = (column: number) => values.map((row) => row[column] ?? '').filter((cell) => cell !== '');
  const decimal = detectDecimal(values);
  let timeColumn = -1;
  let timeFormat: TimeFormat | null = null;
  const named = header
    .map((_name, column) => column)
    .sort((a, b) => timeRank(header[b]) - timeRank(header[a]) || a - b);
  for (const column of named) {
    const format = timeFormatOf(
      columnOf(column).map((cell) => normalDecimal(cell, decimal)),
      header[column] ?? '',
    );
    if (format === null) continue;
    timeColumn = column;
    timeFormat = format;
    break;
  }
  if (timeFormat === null) {
    throw new CsvDialectError(
      'no column holds times (ISO 8601, 2024-01-31 13:45:00, 31.01.2024 13:45:00, or epoch s or ms)',
    );
  }
  if (header.length < 2) throw new CsvDialectError('there is no signal beside the time column');
  return { separator, decimal, skipLines: skipped + (hasHeader ? 1 : 0), header, timeColumn, timeFormat };
}

/** A number as the file writes it; null when it is none. */
export function parseCsvNumber(cell: string, decimal: '.' | ','): number | null {
  const text = normalDecimal(cell, decimal);
  if (!isNumeric(text)) return null;
  return Number(text);
}

/** Epoch ms of a cell of the time column; a time without a zone is taken as UTC. Null when it is none. */
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
      return calendarTime(cell, format);
  }
}

/** True when a column only numbers the rows: 0, 1, 2, … or 1, 2, 3, …, under a name that says so. */
export function isIndexColumn(name: string, cells: readonly string[]): boolean {
  if (!INDEX_NAMES.test(name.trim()) || cells.length < 2) return false;
  const start = Number(cells[0]);
  return cells.every((cell, row) => cell !== '' && Number(cell) === start + row);
}

const CALENDAR =
  /^(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$/;

function calendarTime(cell: string, format: 'iso' | 'ymd' | 'dmy' | 'mdy'): EpochMs | null {
  const match = CALENDAR.exec(cell.trim());
  if (match === null) return null;
  const [, a = '', , b = '', c = '', hour = '0', minute = '0', second = '0', fraction = '0', half, zone] = match;
  const isYearFirst = format === 'iso' || format === 'ymd';
  const year = Number(isYearFirst ? a : c);
  const month = Number(isYearFirst ? b : format === 'mdy' ? a : b);
  const day = Number(isYearFirst ? c : format === 'mdy' ? b : a);
  if ((isYearFirst ? a : c).length !== 4 || month < 1 || month > 12 || day < 1 || day > 31) return null;
  let hours = Number(hour);
  if (half !== undefined) hours = (hours % 12) + (half.toLowerCase() === 'pm' ? 12 : 0);
  if (hours > 24 || Number(minute) > 59 || Number(second) > 60) return null;
  const ms = Date.UTC(year, month - 1, day, hours, Number(minute), Number(second));
  return ms + Number(`0.${fraction}`) * 1000 - zoneMs(zone);
}

function zoneMs(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '');
  if (match === null) return 0;
  const [, sign, hours, minutes] = match;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function timeFormatOf(cells: readonly string[], name: string): TimeFormat | null {
  if (cells.length === 0) return null;
  if (cells.every(isNumeric)) return numericTime(cells.map(Number), name);
  const fits = (format: TimeFormat) => cells.every((cell) => parseCsvTime(cell, format) !== null);
  if (fits('iso')) return cells.some((cell) => cell.includes('T')) ? 'iso' : 'ymd';
  // 01/02/2024 is ambiguous: a dot means day first; else the reading that fits, and month first when both do.
  const isDotted = cells.some((cell) => /^\d{1,2}\./.test(cell));
  if (isDotted && fits('dmy')) return 'dmy';
  if (fits('mdy')) return 'mdy';
  return fits('dmy') ? 'dmy' : null;
}

function numericTime(values: readonly number[], name: string): TimeFormat | null {
  if (values.some((value, row) => row > 0 && value < (values[row - 1] ?? 0))) return null;
  const first = values[0] ?? 0;
  // From 1973 to 5138 in each unit.
  if (first >= 1e17 && first < 1e20) return 'epoch_ns';
  if (first >= 1e14) return 'epoch_us';
  if (first >= 1e11) return 'epoch_ms';
  if (first >= 1e8) return 'epoch_s';
  return OFFSET_NAMES.test(name.trim()) ? 'offset_s' : null;
}

function detectSeparator(sample: readonly string[]): string {
  let best = '';
  let bestScore = 0;
  for (const separator of SEPARATORS) {
    const counts = sample.map((line) => splitCsvLine(line, separator).length);
    const columns = counts[0] ?? 1;
    if (columns < 2) continue;
    const steady = counts.filter((count) => count === columns).length / counts.length;
    const score = steady * 1000 + Math.min(columns, 500);
    if (score > bestScore) {
      best = separator;
      bestScore = score;
    }
  }
  if (best === '') throw new CsvDialectError('it is not a table separated by ; , tab or |');
  return best;
}

function detectDecimal(rows: readonly (readonly string[])[]): '.' | ',' {
  let commas = 0;
  let points = 0;
  for (const row of rows) {
    for (const cell of row) {
      if (/^[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+(e[+-]?\d+)?$/i.test(cell)) commas++;
      else if (/^[+-]?\d*\.\d+(e[+-]?\d+)?$/i.test(cell)) points++;
    }
  }
  return commas > points ? ',' : '.';
}

function normalDecimal(cell: string, decimal: '.' | ','): string {
  if (decimal === '.') return cell;
  return /^[+-]?\d{1,3}(\.\d{3})+(,|$)/.test(cell)
    ? cell.replaceAll('.', '').replace(',', '.')
    : cell.replace(',', '.');
}

function isNumeric(cell: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell);
}

function scaled(cell: string, decimal: '.' | ',', factor: number): number | null {
  const value = parseCsvNumber(cell, decimal);
  return value === null ? null : value * factor;
}

function timeRank(name = ''): number {
  return TIME_NAMES.test(name.trim()) ? 1 : 0;
}
