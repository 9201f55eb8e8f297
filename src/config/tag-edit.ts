import { csvLine } from '../model/csv-line.ts';
import type { CsvRow, Delimiter } from './csv-text.ts';
import { TAG_COLUMNS, type TagColumnName } from './tag-columns.table.ts';
import { readTagTable, type TagTable } from './tag-table.ts';

/** Cells of a new row by column; what is left out is left empty. */
export type TagCells = Readonly<Partial<Record<TagColumnName, string>>>;

/**
 * The text of a tag table with rows added at its end, in its own dialect: delimiter, line ends, column order. A column that the table
 * does not have yet is added to the header alone, since short rows are legal. Everything else stays as it is, byte for byte.
 * @param text without byte order mark; `''` for a new table
 */
export function addTagRows(text: string, rows: readonly TagCells[]): string {
  const used = TAG_COLUMNS.map(({ name }) => name).filter((name) => rows.some((row) => (row[name] ?? '') !== ''));
  const table = readTagTable(text, '');
  if (table.header === null) {
    const kept = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${kept}${[used, ...rows.map((row) => used.map((name) => row[name] ?? ''))].map((cells) => csvLine(cells)).join('\n')}\n`;
  }
  const lineEnd = lineEndOf(text);
  const { delimiter, header } = table;
  const added = used.filter((name) => !table.columns.has(name));
  const width = header.cells.length;
  const grown = added.length === 0 ? text : growHeader(text, header, added, delimiter);
  const body = grown.endsWith('\n') || grown.endsWith('\r') ? grown : grown + lineEnd;
  const lines = rows.map((row) => {
    const cells = Array.from({ length: width + added.length }, () => '');
    for (const [name, index] of table.columns) cells[index] = row[name] ?? '';
    for (const [index, name] of added.entries()) cells[width + index] = row[name] ?? '';
    return csvLine(cells, delimiter) + lineEnd;
  });
  return body + lines.join('');
}

/** The text of a tag table without the rows that match; comments and all else stay. */
export function removeTagRows(
  text: string,
  matches: (tag: TagTable['rows'][number]['tag']) => boolean,
): { readonly text: string; readonly removed: number } {
  const gone = readTagTable(text, '')
    .rows.filter(({ tag }) => matches(tag))
    .map(({ row }) => row);
  let result = '';
  let from = 0;
  for (const { start, end } of gone) {
    result += text.slice(from, start);
    from = end;
  }
  return { text: result + text.slice(from), removed: gone.length };
}

function growHeader(text: string, header: CsvRow, added: readonly string[], delimiter: Delimiter): string {
  const line = text.slice(header.start, header.end);
  const end = /[\r\n]*$/.exec(line)?.[0] ?? '';
  const grown = line.slice(0, line.length - end.length) + added.map((name) => delimiter + name).join('') + end;
  return text.slice(0, header.start) + grown + text.slice(header.end);
}

function lineEndOf(text: string): string {
  return /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
}
