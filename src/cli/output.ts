import type { CliContext } from './cli-context.ts';

/** Print a command's one JSON value; 64-bit integers beyond ±2^53 become decimal text. */
export function printJson(context: CliContext, value: unknown): void {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
  context.out(`${text}\n`);
}

const NUMBER = /^(-?[\d.,]+( ?[a-zA-Z%]+)?)?$/;
const GAP = '  ';
const ESCAPE = String.fromCharCode(27);
/** With a group, so that splitting keeps them. */
const OWN_COLOURS = new RegExp(`(${ESCAPE}\\[(?:1|22|31|32|33|39)m)`, 'g');

/**
 * Print a table without lines, its columns aligned; columns of numbers stand to the right. Own code: a table library took minutes for
 * 50,000 rows, this takes milliseconds.
 */
export function printTable(context: CliContext, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = rows.map((row) => row.map(oneCell));
  const columns = head.map((title, column) => {
    let width = widthOf(title);
    let isNumber = rows.length > 0;
    for (const row of cells) {
      const cell = row[column] ?? '';
      width = Math.max(width, widthOf(cell));
      isNumber &&= NUMBER.test(cell);
    }
    return { width, isNumber };
  });
  const line = (row: readonly string[]) =>
    columns
      .map(({ width, isNumber }, column) => {
        const cell = row[column] ?? '';
        const blanks = ' '.repeat(width - widthOf(cell));
        return isNumber ? blanks + cell : cell + blanks;
      })
      .join(GAP)
      .trimEnd();
  context.out(`${[line(head.map((title) => bold(context, title))), ...cells.map(line)].join('\n')}\n`);
}

/** Escape sequences of our own colours take no room. */
function widthOf(text: string): number {
  let width = 0;
  for (const _character of text.includes(ESCAPE) ? text.replace(OWN_COLOURS, '') : text) width++;
  return width;
}

/** `label  value` lines, the values aligned. */
export function printFacts(context: CliContext, facts: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...facts.map(([label]) => label.length));
  for (const [label, value] of facts) context.out(`${label.padEnd(width)}  ${oneCell(value)}\n`);
}

/** A heading over a table. */
export function printHeading(context: CliContext, text: string): void {
  context.out(`\n${bold(context, text)}\n`);
}

/** One cell: of control characters only our own colours are left. */
function oneCell(text: string): string {
  if (!text.includes(ESCAPE)) return oneLine(text);
  return text
    .split(OWN_COLOURS)
    .map((part, index) => (index % 2 === 1 ? part : oneLine(part)))
    .join('');
}

/** Text from a device, a file or an event: no control characters may reach the terminal. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}

function bold(context: CliContext, text: string): string {
  return context.colour ? `\x1b[1m${text}\x1b[22m` : text;
}

/** Colour by how bad a thing is, where colours are wanted. */
export function tinted(context: CliContext, level: 'good' | 'warn' | 'bad', text: string): string {
  if (!context.colour) return text;
  const code = level === 'good' ? 32 : level === 'warn' ? 33 : 31;
  return `\x1b[${code}m${text}\x1b[39m`;
}
