import type { TagDefinition } from '../model/tag.ts';
import {
  type CsvCell,
  type CsvFault,
  type CsvRow,
  csvRows,
  type Delimiter,
  detectDelimiter,
  nameOf,
} from './csv-text.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import { showText } from './show-value.ts';
import { TAG_COLUMNS, type TagColumnName } from './tag-columns.table.ts';
import { type RowCells, readTagRow } from './tag-row.ts';

/** A tag with the place of the row it comes from; `type` null: the row names none. */
export interface TagRow {
  readonly tag: Omit<TagDefinition, 'type'> & { readonly type: TagDefinition['type'] | null };
  /** The row stands for so many values that follow each other (`int16[8]`), `tag` for the first of them; null: for one value. */
  readonly elements: number | null;
  readonly row: RowPlace;
  /** True when no cell is wrong. */
  readonly isSound: boolean;
}

/** Where a row stands: its line, from 1, its first character in the text, and the first one of what follows its line end. */
export type RowPlace = Pick<CsvRow, 'line' | 'start' | 'end'>;

/** What the header of a tag table says. */
interface TagHeader {
  readonly file: string;
  readonly delimiter: Delimiter;
  readonly header: CsvRow | null;
  /** Position of each known column in the rows. */
  readonly columns: ReadonlyMap<TagColumnName, number>;
}

/** A tag table whose rows are read when they are asked for: kept with all their cells they would be ten times their file. */
export interface TagTableReader extends TagHeader {
  /** Of the header alone. */
  readonly problems: readonly Problem[];
  /** Read the rows; those of another shape than the header's are problems and left out. */
  rows(onProblem: (problem: Problem) => void): Generator<TagRow, void>;
  /** Where a column of a row stands, from 1. @param start of the row in the text */
  columnOf(start: number, column: TagColumnName): number;
}

/** A tag table with all its rows and problems. */
export interface TagTable extends TagHeader {
  readonly rows: readonly TagRow[];
  readonly problems: readonly Problem[];
}

const NAMES: ReadonlyMap<string, TagColumnName> = new Map(TAG_COLUMNS.map(({ name }) => [columnKey(name), name]));

/**
 * Read a whole tag table, for edits.
 * @param file shown in problems
 */
export function readTagTable(text: string, file: string): TagTable {
  const { delimiter, header, columns, ...reader } = openTagTable(text, file);
  const problems = [...reader.problems];
  const rows = [...reader.rows((problem) => problems.push(problem))];
  return { file, delimiter, header, columns, rows, problems };
}

/**
 * Read the header of a tag table: columns in any order and case, optional ones left out; then its rows as they are asked for, with every
 * problem reported and every sound row kept.
 * @param file shown in problems
 */
export function openTagTable(text: string, file: string): TagTableReader {
  const delimiter = detectDelimiter(text, (name) => NAMES.has(columnKey(name)));
  const body = (onFault?: (fault: CsvFault) => void) =>
    csvRows(text, delimiter, onFault === undefined ? {} : { onFault }).filter(
      (row, index) => !(index === 0 && /^sep=?$/i.test((row.cells[0]?.text ?? '').slice(0, 4))),
    );
  const { value: header = null } = body().next();
  const columns = new Map<TagColumnName, number>();
  const problems: Problem[] =
    header === null
      ? [emptyTable(file)]
      : readHeader(
          header,
          (index) =>
            body()
              .drop(1)
              .some(({ cells }) => (cells[index]?.text ?? '') !== ''),
          file,
          columns,
        );
  const isUsable = header !== null && !problems.some(({ code }) => code === 'CONFIG_MISSING_KEY');
  function* rows(onProblem: (problem: Problem) => void): Generator<TagRow, void> {
    const reader = new RowReader(columns, delimiter);
    const onFault = (fault: CsvFault) =>
      onProblem({ ...fault, severity: 'error', code: 'CONFIG_SYNTAX', file, where: '' });
    for (const row of body(onFault).drop(1)) {
      if (header === null || !isUsable) continue;
      const tooMany = surplus(row, header, delimiter, file);
      if (tooMany !== null) {
        onProblem(tooMany);
        continue;
      }
      reader.row = row;
      const { tag, elements, problems: wrong } = readTagRow(reader);
      for (const { column, ...problem } of wrong) {
        const place = cellAt(row, columns.get(column))?.column ?? 1;
        onProblem({ ...problem, file, line: row.line, column: place, where: whereOf(tag.name, column) });
      }
      const { line, start, end } = row;
      const isSound = wrong.every(({ severity }) => severity === 'warning');
      yield { tag, elements, row: { line, start, end }, isSound };
    }
  }
  const columnOf: TagTableReader['columnOf'] = (from, column) => {
    const { value: row } = csvRows(text, delimiter, { from }).next();
    return row === undefined ? 1 : (cellAt(row, columns.get(column))?.column ?? 1);
  };
  return { file, delimiter, header, columns, problems, rows, columnOf };
}

function emptyTable(file: string): Problem {
  return {
    severity: 'warning',
    code: 'CONFIG_EMPTY',
    file,
    line: 1,
    column: 1,
    where: '',
    found: 'no rows',
    expected: 'a header row and tags',
  };
}

/** How the place of a cell is named. */
export function whereOf(tagName: string, column: string): string {
  return tagName === '' ? column : `tag ${tagName.slice(0, 64)}, ${column}`;
}

/** One reader for all rows: reading allocates nothing of its own. */
class RowReader implements RowCells {
  readonly hasDecimalComma: boolean;
  readonly #columns: ReadonlyMap<TagColumnName, number>;
  row: CsvRow | null = null;

  constructor(columns: ReadonlyMap<TagColumnName, number>, delimiter: Delimiter) {
    this.#columns = columns;
    this.hasDecimalComma = delimiter !== ',';
  }

  text(column: TagColumnName): string {
    const index = this.#columns.get(column);
    return index === undefined ? '' : (this.row?.cells[index]?.text ?? '');
  }
}

function readHeader(
  header: CsvRow,
  isFilled: (index: number) => boolean,
  file: string,
  columns: Map<TagColumnName, number>,
): Problem[] {
  const problems: Problem[] = [];
  const names = TAG_COLUMNS.map(({ name }) => name);
  const [only] = header.cells;
  if (header.cells.length === 1 && only !== undefined && !NAMES.has(columnKey(only.text))) {
    return [
      {
        severity: 'error',
        code: 'CONFIG_MISSING_KEY',
        file,
        line: header.line,
        column: 1,
        where: 'header',
        found: `one column, ${showText(only.text)}`,
        expected: 'the columns device, name, asset and address at least, separated by "," or ";" or a tab',
      },
    ];
  }
  for (const [index, cell] of header.cells.entries()) {
    if (cell.text === '' && !isFilled(index)) continue;
    const known = NAMES.get(columnKey(cell.text));
    const place = { severity: 'error', file, line: header.line, column: cell.column, where: 'header' } as const;
    if (known === undefined) {
      const near = nearest(
        cell.text,
        names.filter((name) => !columns.has(name)),
      );
      problems.push({
        ...place,
        code: 'CONFIG_UNKNOWN_KEY',
        found: cell.text === '' ? 'a column without a name' : `the column ${showText(cell.text)}`,
        expected: `one of the columns ${names.join(', ')}`,
        ...(near === null ? {} : { suggestion: near }),
      });
      // Take it for what it probably is, so that the rows are checked too.
      if (near !== null) columns.set(near as TagColumnName, index);
    } else if (columns.has(known)) {
      problems.push({
        ...place,
        code: 'CONFIG_DUPLICATE',
        found: `the column ${known} again`,
        expected: 'each column once',
      });
    } else {
      columns.set(known, index);
    }
  }
  for (const { name, required } of TAG_COLUMNS) {
    if (!required || columns.has(name)) continue;
    problems.push({
      severity: 'error',
      code: 'CONFIG_MISSING_KEY',
      file,
      line: header.line,
      column: 1,
      where: 'header',
      found: 'nothing',
      expected: `a column ${name} (the columns device, name, asset and address are required)`,
    });
  }
  return problems;
}

/** Cells beyond the header that hold something: most often a decimal comma or an unquoted delimiter in a text. */
function surplus(row: CsvRow, header: CsvRow, delimiter: Delimiter, file: string): Problem | null {
  const extra = row.cells.slice(header.cells.length).find((cell) => cell.text !== '');
  if (extra === undefined) return null;
  return {
    severity: 'error',
    code: 'CONFIG_SYNTAX',
    file,
    line: row.line,
    column: extra.column,
    where: '',
    found: `${row.cells.length} cells`,
    expected: `at most ${header.cells.length}, as in the header (a text or number with ${nameOf(delimiter)} in it needs quotes)`,
  };
}

function cellAt(row: CsvRow, index: number | undefined): CsvCell | undefined {
  return index === undefined ? undefined : (row.cells[index] ?? row.cells.at(-1));
}

function columnKey(name: string): string {
  return name.toLowerCase().replace(/[\s_.-]+/g, '');
}
