import { type CsvCell, detectDelimiter, splitCsv } from '../csv-text.ts';
import { Rejection } from './imported-table.ts';

/** A row of a foreign table: its cells by the names of their columns, and where it stands. */
export interface ForeignRow {
  readonly place: string;
  /** The text of the first of these columns that the table has; `''` where there is none. In any case, without blanks and signs. */
  text(...columns: readonly string[]): string;
}

/** A table of cells with a header, from CSV or a spreadsheet. */
export interface ForeignTable {
  readonly columns: readonly string[];
  readonly rows: readonly ForeignRow[];
  /** Rows that cannot be read as such. */
  readonly faults: readonly { readonly place: string; readonly reason: string }[];
}

/** The form that columns are compared by: `Eng. Units` → `engunits`, `settings_nodeId` → `settingsnodeid`. */
export function columnKey(column: string): string {
  return column.toLowerCase().replace(/[^a-z0-9]+/g, '');
}

/** Read CSV with a header, whatever its delimiter. @param known names of columns, by which the delimiter is told */
export function readForeignCsv(text: string, known: readonly string[]): ForeignTable {
  const keys = new Set(known.map(columnKey));
  // Some products begin their header with a semicolon.
  const body = text.replace(/^\s*;(?=[^;]*[,\t])/, '');
  const delimiter = detectDelimiter(body, (column) => keys.has(columnKey(column)));
  const { rows, faults } = splitCsv(body, delimiter, { isComment: isLoneRemark });
  const [header, ...rest] = rows;
  if (header === undefined) throw new Rejection('the table has no header');
  const table = tableOf(
    header.cells.map((cell) => cell.text),
    rest.map((row) => ({ place: `line ${row.line}`, cells: row.cells.map((cell) => cell.text) })),
  );
  const reasons = faults.map(({ line, found, expected }) => ({
    place: `line ${line}`,
    reason: `found ${found}, expected ${expected}`,
  }));
  return { ...table, faults: reasons };
}

/** Names of other products may begin with `#`; what stands beside nothing else is a remark. */
function isLoneRemark([first, ...others]: readonly CsvCell[]): boolean {
  return first?.text.startsWith('#') === true && others.every(({ text }) => text === '');
}

/** A table of rows of cells. */
export function tableOf(
  columns: readonly string[],
  rows: readonly { readonly place: string; readonly cells: readonly string[] }[],
): ForeignTable {
  const positions = new Map<string, number>();
  for (const [index, column] of columns.entries()) {
    if (!positions.has(columnKey(column))) positions.set(columnKey(column), index);
  }
  return {
    columns,
    faults: [],
    rows: rows.map(({ place, cells }) => ({
      place,
      text: (...names) => {
        const at = names.map((name) => positions.get(columnKey(name))).find((position) => position !== undefined);
        return at === undefined ? '' : (cells[at]?.trim() ?? '');
      },
    })),
  };
}
