import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { EpochMs } from '../model/time.ts';
import { type CsvDialect, CsvDialectError, detectDialect, isIndexColumn, parseCsvNumber } from './csv-dialect.ts';
import { DAY_MS, parseCsvTime, type TimeFormat } from './csv-time.ts';
import { splitCsvLine } from './split-csv-line.ts';

/** What stands for "no value" in exports, in any case; an empty cell does too. */
const NO_VALUE = /^(-|--|\?|nan|-nan|-?inf(inity)?|null|none|nil|n\/?a|#n\/?a|#value!|#div\/0!|bad|no ?data|missing)$/i;

/** One signal of an export, as read: a number per row, NaN where there is none; texts beside it. */
export class CsvColumn {
  readonly header: string;
  /** As the row of units under the header says; empty without one. */
  readonly unit: string;
  #numbers = new Float64Array(256);
  readonly #texts = new Map<number, string>();
  #length = 0;
  /** Rows that hold a number; of these whole ones, ones written with a decimal sign, and ones other than 0 and 1. */
  numberCount = 0;
  hasFraction = false;
  hasDecimalSign = false;
  isBinary = true;
  low = Number.POSITIVE_INFINITY;
  high = Number.NEGATIVE_INFINITY;

  constructor(header: string, unit = '') {
    this.header = header;
    this.unit = unit;
  }

  /** Rows that hold a text which is more than a word for "no value". */
  textCount = 0;

  /** Append the cell of the next row. */
  add(cell: string, decimal: '.' | ','): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Float64Array(this.#length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    const row = this.#length++;
    const number = cell === '' ? null : parseCsvNumber(cell, decimal);
    this.#numbers[row] = number ?? Number.NaN;
    if (number === null) {
      if (cell !== '') this.#texts.set(row, cell);
      if (cell !== '' && !NO_VALUE.test(cell)) this.textCount++;
      return;
    }
    this.numberCount++;
    if (!Number.isInteger(number)) this.hasFraction = true;
    if (cell.includes(decimal)) this.hasDecimalSign = true;
    if (number !== 0 && number !== 1) this.isBinary = false;
    if (number < this.low) this.low = number;
    if (number > this.high) this.high = number;
  }

  /** NaN where the row has no number. */
  number(row: number): number {
    return this.#numbers[row] ?? Number.NaN;
  }

  text(row: number): string | undefined {
    return this.#texts.get(row);
  }

  texts(): Iterable<string> {
    return this.#texts.values();
  }
}

/** An export in columns. */
export interface CsvTable {
  readonly dialect: CsvDialect;
  readonly times: readonly EpochMs[];
  readonly columns: readonly CsvColumn[];
}

const SAMPLE_LINES = 200;

/**
 * Read an export into columns, a line at a time. Text is UTF-8, UTF-16 with a byte order mark, or else Windows-1252.
 * @throws FIXTURE_NOT_FOUND, CSV_UNREADABLE with the line
 */
export async function readCsvTable(path: string): Promise<CsvTable> {
  const encoding = await detectEncoding(path);
  const sample: string[] = [];
  for await (const line of linesOf(path, encoding)) if (sample.push(line) >= SAMPLE_LINES) break;
  const fail = (place: string, problem: string): never => {
    throw new HeadgateError('CSV_UNREADABLE', { path, place, problem });
  };
  let dialect: CsvDialect;
  try {
    dialect = detectDialect(sample);
  } catch (error) {
    if (error instanceof CsvDialectError) return fail('header', error.message);
    throw error;
  }
  const { separator, decimal, header, units, timeColumn, clockColumn, skipLines } = dialect;
  const sampleRows = sample
    .slice(skipLines)
    .filter((line) => line.trim() !== '')
    .map((line) => splitCsvLine(line, separator));
  const isSignal = header.map((name, column) => {
    const cells = sampleRows.map((row) => (row[column] ?? '').trim());
    // A separator at the end of every line makes a column without name and values.
    const isNothing = name.trim() === '' && cells.every((cell) => cell === '');
    return column !== timeColumn && column !== clockColumn && !isNothing && !isIndexColumn(name, cells);
  });
  const read = async (timeFormat: TimeFormat): Promise<CsvTable | 'day first'> => {
    const columns = header.map((name, at) => new CsvColumn(name.trim(), units?.[at] ?? ''));
    const times: EpochMs[] = [];
    const clock = new RunningClock();
    let lineNumber = 0;
    for await (const line of linesOf(path, encoding)) {
      lineNumber++;
      if (lineNumber <= skipLines || line.trim() === '') continue;
      const cells = splitCsvLine(line, separator);
      if (cells.length === header.length + 1 && cells.at(-1)?.trim() === '') cells.pop();
      if (cells.length !== header.length) {
        fail(`line ${lineNumber}`, `${cells.length} cells, the header has ${header.length}`);
      }
      const timeCell = (cells[timeColumn] ?? '').trim();
      const time = parseCsvTime(timeCell, timeFormat, decimal);
      if (time === null) {
        if (timeFormat === 'mdy' && parseCsvTime(timeCell, 'dmy') !== null) return 'day first';
        return fail(`line ${lineNumber}`, `${JSON.stringify(timeCell)} is no time like those before it`);
      }
      if (timeFormat === 'clock') times.push(clock.next(time));
      else if (clockColumn === null) times.push(time);
      else {
        const clockCell = (cells[clockColumn] ?? '').trim();
        const ofDay = parseCsvTime(clockCell, 'clock');
        if (ofDay === null) return fail(`line ${lineNumber}`, `${JSON.stringify(clockCell)} is no time of day`);
        times.push(time + ofDay);
      }
      for (let column = 0; column < header.length; column++) {
        if (isSignal[column] === true) columns[column]?.add((cells[column] ?? '').trim(), decimal);
      }
    }
    const signals = columns.filter((_column, position) => isSignal[position] === true);
    if (signals.length === 0) fail('header', 'there is no signal beside the time column');
    return { dialect, times, columns: signals };
  };
  // Of 03/04/2024 either may be the day: what a later line can only mean decides for all.
  const table = await read(dialect.timeFormat);
  return table === 'day first' ? ((await read('dmy')) as CsvTable) : table;
}

/** Times of day in the order of the file: where they fall back by more than half a day, a new day has begun. */
class RunningClock {
  #day = 0;
  #last = 0;

  next(ofDay: number): EpochMs {
    if (ofDay < this.#last - DAY_MS / 2) this.#day += DAY_MS;
    this.#last = ofDay;
    return this.#day + ofDay;
  }
}

async function* linesOf(path: string, encoding: string): AsyncGenerator<string> {
  const file = createReadStream(path);
  const bytes = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => bytes.destroy(error));
  const decoder = new TextDecoder(encoding);
  async function* texts() {
    for await (const chunk of bytes) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  }
  let rest = '';
  try {
    for await (const text of texts()) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
    if (rest !== '') yield rest;
  } catch (cause) {
    if (cause instanceof HeadgateError) throw cause;
    throw new HeadgateError('CSV_UNREADABLE', { path, place: 'file', problem: messageOf(cause) }, cause);
  } finally {
    file.destroy();
  }
}

async function detectEncoding(path: string): Promise<string> {
  const file = await open(path).catch((cause: unknown) => {
    throw new HeadgateError('FIXTURE_NOT_FOUND', { path }, cause);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0);
    const head = buffer.subarray(0, bytesRead);
    if (path.endsWith('.gz')) return 'utf-8';
    if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
    if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true });
      return 'utf-8';
    } catch {
      return 'windows-1252';
    }
  } finally {
    await file.close();
  }
}
