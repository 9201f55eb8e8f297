import { isDateOnly, isNumeric, normalDecimal, TIME_NAMES, type TimeFormat, timeFormatOf } from './csv-time.ts';
import { splitCsvLine } from './split-csv-line.ts';

/** How a historian wrote its export. */
export interface CsvDialect {
  readonly separator: string;
  readonly decimal: '.' | ',';
  /** Lines before the first row of values: an Excel `sep=` line, titles and comments, the header, a row of units. */
  readonly skipLines: number;
  readonly header: readonly string[];
  /** The row of units under the header, if there is one. */
  readonly units: readonly string[] | null;
  readonly timeColumn: number;
  readonly timeFormat: TimeFormat;
  /** The time of day in a column beside the date, if it is written so. */
  readonly clockColumn: number | null;
}

/** Why a file cannot be read as a table of signals. */
export class CsvDialectError extends Error {
  override readonly name = 'CsvDialectError';
}

const SEPARATORS = [';', '\t', ',', '|'];
/** First column of exports of data frames. */
const INDEX_NAMES = /^(|index|idx|id|row|nr|no|#|unnamed: ?\d+)$/i;

/**
 * Recognise separator, decimal sign, header and time column.
 * @param lines the first lines of the file (a hundred are plenty), without line ends
 * @throws CsvDialectError
 */
export function detectDialect(lines: readonly string[]): CsvDialect {
  const declared = /^sep=(.)$/i.exec((lines[0] ?? '').trim());
  const isTable = lines.map((line, at) => line.trim() !== '' && !(at === 0 && declared !== null));
  const sample = lines.filter((_line, at) => isTable[at]);
  if (sample.length === 0) throw new CsvDialectError('it has no row of values');
  const separator = declared?.[1] ?? detectSeparator(sample);
  const widths = sample.map((line) => splitCsvLine(line, separator).length);
  const top = titleLines(sample, widths);
  const rows = sample.slice(top).map((line) => splitCsvLine(line, separator).map((cell) => cell.trim()));
  const first = rows[0] ?? [];
  const hasHeader = !first.some(isValue);
  const header = hasHeader ? first : first.map((_cell, column) => `signal_${column}`);
  const units = hasHeader && rows.length > 2 && !(rows[1] ?? []).some(isValue) ? (rows[1] ?? null) : null;
  const values = rows.slice((hasHeader ? 1 : 0) + (units === null ? 0 : 1));
  if (values.length === 0) throw new CsvDialectError('it has no row of values');
  if (header.length < 2) throw new CsvDialectError('there is no signal beside the time column');
  const decimal = detectDecimal(values);
  const formats = header.map((name, column) =>
    timeFormatOf(
      values
        .map((row) => row[column] ?? '')
        .filter((cell) => cell !== '')
        .map((cell) => normalDecimal(cell, decimal)),
      name,
    ),
  );
  return {
    separator,
    decimal,
    skipLines: physicalLine(isTable, top + rows.length - values.length),
    header,
    units,
    ...timeColumns(header, formats, values),
  };
}

/** A number as the file writes it; null when it is none. */
export function parseCsvNumber(cell: string, decimal: '.' | ','): number | null {
  const text = normalDecimal(cell, decimal);
  if (!isNumeric(text)) return null;
  return Number(text);
}

/** True when a column only numbers the rows: 0, 1, 2, … or 1, 2, 3, …, under a name that says so. */
export function isIndexColumn(name: string, cells: readonly string[]): boolean {
  if (!INDEX_NAMES.test(name.trim()) || cells.length < 2) return false;
  const start = Number(cells[0]);
  return cells.every((cell, row) => cell !== '' && Number(cell) === start + row);
}

/** A number or a time: what a header or a row of units never holds. */
function isValue(cell: string): boolean {
  return cell !== '' && (isNumeric(normalDecimal(cell, ',')) || timeFormatOf([cell], '') !== null);
}

/** Lines above the header: titles, which are one cell, and comments, which are not as wide as the table. */
function titleLines(sample: readonly string[], widths: readonly number[]): number {
  const width = widths.at(-1) ?? 1;
  let top = 0;
  while (top < sample.length - 1 && width > 1 && widths[top] !== width) {
    if (widths[top] !== 1 && !sample[top]?.startsWith('#')) break;
    top++;
  }
  return top;
}

/** How many lines of the file come before row `row` of the table. */
function physicalLine(isTable: readonly boolean[], row: number): number {
  let left = row;
  const at = isTable.findIndex((is) => is && left-- === 0);
  return at < 0 ? isTable.length : at;
}

type TimeColumns = Pick<CsvDialect, 'timeColumn' | 'timeFormat' | 'clockColumn'>;

/** A column of whole times; else a date with a time of day beside it; else a date, or a time of day, alone. */
function timeColumns(
  header: readonly string[],
  formats: readonly (TimeFormat | null)[],
  values: readonly (readonly string[])[],
): TimeColumns {
  const order = header
    .map((_name, column) => column)
    .sort((a, b) => timeRank(header[b]) - timeRank(header[a]) || a - b);
  const clocks = order.filter((column) => formats[column] === 'clock');
  const calendars = order.filter((column) => formats[column] !== null && formats[column] !== 'clock');
  const isDate = (column: number) =>
    /^(ymd|dmy|mdy)$/.test(formats[column] ?? '') && values.every((row) => isDateOnly(row[column] ?? ''));
  const [whole] = calendars.filter((column) => !isDate(column));
  const [date] = calendars;
  const [clock] = clocks;
  const column = whole ?? date ?? clock;
  const format = column === undefined ? null : (formats[column] ?? null);
  if (column === undefined || format === null) {
    throw new CsvDialectError(
      'no column holds times (ISO 8601, 2024-01-31 13:45:00, 31.01.2024 13:45:00, 31-Jan-24 13:45:00, 13:45:00, or epoch s or ms)',
    );
  }
  return {
    timeColumn: column,
    timeFormat: format,
    clockColumn: whole === undefined && date !== undefined ? (clock ?? null) : null,
  };
}

function detectSeparator(sample: readonly string[]): string {
  let best = '';
  let bestScore = 0;
  for (const separator of SEPARATORS) {
    const counts = sample.map((line) => splitCsvLine(line, separator).length);
    const columns = mostFrequent(counts);
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

function mostFrequent(counts: readonly number[]): number {
  const times = [...Map.groupBy(counts, (count) => count)].sort((a, b) => b[1].length - a[1].length || b[0] - a[0]);
  return times[0]?.[0] ?? 0;
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

function timeRank(name = ''): number {
  return TIME_NAMES.test(name.trim()) ? 1 : 0;
}
