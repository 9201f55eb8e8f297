import type { TagDefinition } from '../model/tag.ts';
import {
  type CsvCell,
  type CsvRow,
  type CsvText,
  type Delimiter,
  detectDelimiter,
  nameOf,
  splitCsv,
} from './csv-text.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import { showText } from './show-value.ts';
import { TAG_COLUMNS, type TagColumnName } from './tag-columns.table.ts';
import { type CellProblem, type RowCells, readTagRow } from './tag-row.ts';

/** A tag with the row it comes from; `type` null: the row names none. */
export interface TagRow {
  readonly tag: Omit<TagDefinition, 'type'> & { readonly type: TagDefinition['type'] | null };
  readonly row: CsvRow;
  /** True when no cell is wrong. */
  readonly isSound: boolean;
}

/** A tag table as it stands in its file. */
export interface TagTable {
  readonly delimiter: Delimiter;
  readonly csv: CsvText;
  readonly header: CsvRow | null;
  /** Position of each known column in the rows. */
  readonly columns: ReadonlyMap<TagColumnName, number>;
  readonly rows: readonly TagRow[];
  readonly problems: readonly Problem[];
  /** Where a column of a row stands. */
  columnOf(row: CsvRow, column: TagColumnName): number;
}

const NAMES: ReadonlyMap<string, TagColumnName> = new Map(TAG_COLUMNS.map(({ name }) => [columnKey(name), name]));

/**
 * Read a tag table: header in any order and case, optional columns left out, every problem reported and every sound row kept.
 * @param file shown in problems
 */
export function readTagTable(text: string, file: string): TagTable {
  const delimiter = detectDelimiter(text, (name) => NAMES.has(columnKey(name)));
  const csv = splitCsv(text, delimiter);
  const body = csv.rows.filter(
    (row, index) => !(index === 0 && /^sep=?$/i.test((row.cells[0]?.text ?? '').slice(0, 4))),
  );
  const [header, ...rest] = body;
  const problems: Problem[] = csv.faults.map((fault) => ({
    ...fault,
    severity: 'error',
    code: 'CONFIG_SYNTAX',
    file,
    where: '',
  }));
  const columns = new Map<TagColumnName, number>();
  if (header === undefined) {
    problems.push({
      severity: 'warning',
      code: 'CONFIG_EMPTY',
      file,
      line: 1,
      column: 1,
      where: '',
      found: 'no rows',
      expected: 'a header row and tags',
    });
  } else {
    problems.push(...readHeader(header, rest, file, columns));
  }
  const isUsable = !problems.some((problem) => problem.line === header?.line && problem.code === 'CONFIG_MISSING_KEY');
  const reader = new RowReader(columns, delimiter);
  const columnOf: TagTable['columnOf'] = (row, column) => cellAt(row, columns.get(column))?.column ?? 1;
  const rows: TagRow[] = [];
  if (header !== undefined && isUsable) {
    for (const row of rest) {
      const tooMany = surplus(row, header, delimiter, file);
      if (tooMany !== null) {
        problems.push(tooMany);
        continue;
      }
      reader.row = row;
      const { tag, problems: wrong } = readTagRow(reader);
      for (const problem of wrong) problems.push(cellProblem(problem, tag.name, file, row, columnOf));
      rows.push({ tag, row, isSound: wrong.every((problem) => problem.severity === 'warning') });
    }
  }
  return { delimiter, csv, header: header ?? null, columns, rows, problems, columnOf };
}

/** How the place of a cell is named. */
export function whereOf(tagName: string, column: string): string {
  return tagName === '' ? column : `tag ${tagName.slice(0, 64)}, ${column}`;
}

function cellProblem(
  problem: CellProblem,
  tagName: string,
  file: string,
  row: CsvRow,
  columnOf: TagTable['columnOf'],
): Problem {
  const { column, ...rest } = problem;
  return { ...rest, file, line: row.line, column: columnOf(row, column), where: whereOf(tagName, column) };
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
  rows: readonly CsvRow[],
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
    if (cell.text === '' && rows.every((row) => (row.cells[index]?.text ?? '') === '')) continue;
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
