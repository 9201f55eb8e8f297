import Table from 'cli-table3';
import type { CliContext } from './cli-context.ts';

/** Print a command's one JSON value; 64-bit integers beyond ±2^53 become decimal text. */
export function printJson(context: CliContext, value: unknown): void {
  const text = JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? item.toString() : item));
  context.out(`${text}\n`);
}

const PLAIN = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const;

/** Print a table without lines, its columns aligned; numbers stand to the right. */
export function printTable(context: CliContext, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const isNumber = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => /^(-?[\d.,]+( ?[a-zA-Z%]+)?)?$/.test(row[column] ?? '')),
  );
  const table = new Table({
    head: head.map((text) => bold(context, text)),
    chars: PLAIN,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: isNumber.map((right) => (right ? 'right' : 'left')),
  });
  table.push(...rows.map((row) => row.map(oneLine)));
  const lines = table.toString().split('\n');
  context.out(`${lines.map((line) => line.trimEnd()).join('\n')}\n`);
}

/** `label  value` lines, the values aligned. */
export function printFacts(context: CliContext, facts: readonly (readonly [label: string, value: string])[]): void {
  const width = Math.max(...facts.map(([label]) => label.length));
  for (const [label, value] of facts) context.out(`${label.padEnd(width)}  ${oneLine(value)}\n`);
}

/** A heading over a table. */
export function printHeading(context: CliContext, text: string): void {
  context.out(`\n${bold(context, text)}\n`);
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
