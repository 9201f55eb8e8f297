/** One cell as it stands in the file. */
export interface CsvCell {
  /** Unquoted and trimmed. */
  readonly text: string;
  /** 1-based, in characters of its line. */
  readonly column: number;
  readonly quoted: boolean;
}

/** One row that is neither blank nor a comment. */
export interface CsvRow {
  /** 1-based line of its first character. */
  readonly line: number;
  readonly cells: readonly CsvCell[];
  /** Offsets in the text: first character, and first character of what follows its line end. */
  readonly start: number;
  readonly end: number;
}

/** A row that is not a table row, where, and what would be right. */
export interface CsvFault {
  readonly line: number;
  readonly column: number;
  readonly found: string;
  readonly expected: string;
}

export type Delimiter = ',' | ';' | '\t';

export interface CsvText {
  readonly rows: readonly CsvRow[];
  readonly faults: readonly CsvFault[];
}

export interface CsvOptions {
  /** Where in the text to begin, at the start of a line; lines count from there. */
  readonly from?: number;
  /** Which rows are none of the table; by default those whose first cell begins with `#`. */
  readonly isComment?: (cells: readonly CsvCell[]) => boolean;
  readonly onFault?: (fault: CsvFault) => void;
}

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;
const MAX_QUOTED_CHARS = 10_000;

/** All rows and faults of a table, by `csvRows`. */
export function splitCsv(text: string, delimiter: Delimiter, options: Pick<CsvOptions, 'isComment'> = {}): CsvText {
  const faults: CsvFault[] = [];
  return { rows: [...csvRows(text, delimiter, { ...options, onFault: (fault) => faults.push(fault) })], faults };
}

/**
 * Split a table as spreadsheets write it, row by row: any line end, quoted cells with doubled quotes and line breaks, blank rows (also
 * `;;;`) and comment rows left out. A quote that never closes costs its own line only. Own code, since
 * edits need the place of each row in the text, and problems the column of each cell.
 * @source RFC 4180 §2, and what spreadsheets do
 */
export function* csvRows(
  text: string,
  delimiter: Delimiter,
  { from = 0, isComment = beginsWithHash, onFault }: CsvOptions,
): Generator<CsvRow, void> {
  const separator = delimiter.charCodeAt(0);
  let at = from;
  let line = 1;
  while (at < text.length) {
    const start = at;
    const firstLine = line;
    const cells: CsvCell[] = [];
    let lineStart = at;
    let isFaulty = false;
    for (;;) {
      while (text.charCodeAt(at) === 0x20 || (text.charCodeAt(at) === 0x09 && separator !== 0x09)) at++;
      const column = at - lineStart + 1;
      if (text.charCodeAt(at) === QUOTE) {
        const close = closingQuote(text, at);
        if (close < 0 || isSwallowing(text, at, close, separator)) {
          onFault?.({
            line,
            column,
            found: 'a quote that never closes',
            expected: 'a closing " (or "" for a quote in the text)',
          });
          isFaulty = true;
          at = endOfLine(text, at);
        } else {
          const raw = text.slice(at + 1, close);
          for (let i = raw.indexOf('\n'); i >= 0; i = raw.indexOf('\n', i + 1)) {
            line++;
            lineStart = at + 1 + i + 1;
          }
          cells.push({ text: raw.replaceAll('""', '"').trim(), column, quoted: true });
          at = close + 1;
          while (text.charCodeAt(at) === 0x20) at++;
          const next = text.charCodeAt(at);
          if (at < text.length && next !== separator && next !== LF && next !== CR) {
            onFault?.({
              line,
              column: at - lineStart + 1,
              found: 'text after a closing quote',
              expected: `${nameOf(delimiter)} or the end of the line`,
            });
            isFaulty = true;
            at = endOfLine(text, at);
          }
        }
      } else {
        const begin = at;
        let char = text.charCodeAt(at);
        while (at < text.length && char !== separator && char !== LF && char !== CR) char = text.charCodeAt(++at);
        cells.push({ text: text.slice(begin, at).trimEnd(), column, quoted: false });
      }
      if (at < text.length && text.charCodeAt(at) === separator) {
        at++;
        continue;
      }
      break;
    }
    if (text.charCodeAt(at) === CR) at++;
    if (text.charCodeAt(at) === LF) at++;
    line++;
    if (!isFaulty && !isBlank(cells) && !isComment(cells)) yield { line: firstLine, cells, start, end: at };
  }
}

/** The delimiter of a table, by its first row: the one that yields most known column names, else most cells. */
export function detectDelimiter(text: string, isKnown: (column: string) => boolean): Delimiter {
  const named = /^sep=([,;\t])\r?\n/i.exec(text);
  if (named !== null) return named[1] as Delimiter;
  const header = text.split(/\r?\n|\r/, 1000).find((row) => /[^\s,;"]/.test(row) && !/^\s*"?#/.test(row)) ?? '';
  let best: Delimiter = ',';
  let bestScore = -1;
  for (const delimiter of [',', ';', '\t'] as const) {
    const [row] = splitCsv(header, delimiter).rows;
    const cells = row?.cells ?? [];
    const score = cells.filter((cell) => isKnown(cell.text)).length * 1000 + Math.min(cells.length, 999);
    if (score > bestScore) {
      best = delimiter;
      bestScore = score;
    }
  }
  return best;
}

/** For people: `a tab`, `";"`. */
export function nameOf(delimiter: Delimiter): string {
  return delimiter === '\t' ? 'a tab' : `"${delimiter}"`;
}

function beginsWithHash(cells: readonly CsvCell[]): boolean {
  return cells[0]?.text.startsWith('#') === true;
}

function isBlank(cells: readonly CsvCell[]): boolean {
  return cells.every((cell) => cell.text === '');
}

function closingQuote(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 2)) {
    if (at - open > MAX_QUOTED_CHARS) return -1;
    if (text.charCodeAt(at + 1) !== QUOTE) return at;
  }
  return -1;
}

/** A quoted cell of several lines with text right behind it: its quote was left open, and another cell's quote was taken for its end. */
function isSwallowing(text: string, open: number, close: number, separator: number): boolean {
  let at = close + 1;
  while (text.charCodeAt(at) === 0x20) at++;
  const next = text.charCodeAt(at);
  if (at >= text.length || next === separator || next === LF || next === CR) return false;
  return endOfLine(text, open) < close;
}

function endOfLine(text: string, at: number): number {
  while (at < text.length && text.charCodeAt(at) !== LF && text.charCodeAt(at) !== CR) at++;
  return at;
}
