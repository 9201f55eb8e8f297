import { type ForeignTable, tableOf } from './foreign-csv.ts';
import { Rejection } from './imported-table.ts';
import { unzip } from './unzip.ts';

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/**
 * The first sheet of an xlsx workbook as a table, its first row being the header. Formulas have the value that they had when saved.
 * @throws Rejection no workbook
 * @source ECMA-376 Part 1 §18.3 (sheets), §18.4 (shared strings)
 */
export function readSpreadsheet(archive: Uint8Array): ForeignTable {
  const files = unzip(archive);
  const sheet = files.text(firstSheet(files));
  if (sheet === null) throw new Rejection('the file is no spreadsheet: it has no sheet');
  const shared = elements(files.text('xl/sharedStrings.xml') ?? '', 'si').map(({ inner }) => textOf(inner));
  const rows = elements(sheet, 'row').map(({ attributes, inner }, index) => {
    const cells: string[] = [];
    for (const cell of elements(inner, 'c')) {
      const column = columnIndex(attribute(cell.attributes, 'r')) ?? cells.length;
      if (column > 1_000) continue;
      while (cells.length < column) cells.push('');
      cells[column] = cellText(cell.inner, attribute(cell.attributes, 't'), shared);
    }
    return { place: `row ${attribute(attributes, 'r') ?? index + 1}`, cells };
  });
  const [header, ...body] = rows.filter(({ cells }) => cells.some((cell) => cell.trim() !== ''));
  if (header === undefined) throw new Rejection('the first sheet is empty');
  return tableOf(header.cells, body);
}

function firstSheet(files: { text(path: string): string | null }): string {
  const [sheet] = elements(files.text('xl/workbook.xml') ?? '', 'sheet');
  const id = sheet === undefined ? null : attribute(sheet.attributes, '(?:\\w+:)?id');
  const relation = elements(files.text('xl/_rels/workbook.xml.rels') ?? '', 'Relationship').find(
    ({ attributes }) => attribute(attributes, 'Id') === id,
  );
  const target = relation === undefined ? null : attribute(relation.attributes, 'Target');
  if (target === null) return 'xl/worksheets/sheet1.xml';
  return target.startsWith('/') ? target.slice(1) : `xl/${target}`;
}

function cellText(inner: string, type: string | null, shared: readonly string[]): string {
  if (type === 'inlineStr') return textOf(inner);
  const value = unescaped(elements(inner, 'v')[0]?.inner ?? '');
  return type === 's' ? (shared[Number(value)] ?? '') : value;
}

/** All text of rich or plain strings; phonetic readings left out. */
function textOf(inner: string): string {
  return elements(inner.replace(/<(?:\w+:)?rPh\b[\s\S]*?<\/(?:\w+:)?rPh>/g, ''), 't')
    .map((text) => unescaped(text.inner))
    .join('');
}

/** Elements of one name, none within another of the same name, whatever their namespace's prefix. */
function elements(xml: string, name: string): { readonly attributes: string; readonly inner: string }[] {
  const pattern = new RegExp(`<(?:\\w+:)?${name}((?:\\s[^>]*?)?)(?:/>|>([\\s\\S]*?)</(?:\\w+:)?${name}>)`, 'g');
  return [...xml.matchAll(pattern)].map(([, attributes = '', inner = '']) => ({ attributes, inner }));
}

function attribute(attributes: string, name: string): string | null {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(attributes)?.[1];
  return value === undefined ? null : unescaped(value);
}

/** `C7` → 2. */
function columnIndex(reference: string | null): number | null {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0];
  if (letters === undefined) return null;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

function unescaped(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(\w+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      const code = hex !== undefined ? Number.parseInt(hex, 16) : decimal !== undefined ? Number(decimal) : null;
      if (code !== null) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      return ENTITIES[name ?? ''] ?? whole;
    },
  );
}
