import type { CONFIG_ERRORS } from '../errors/config.table.ts';

/** Codes of `src/errors/config.table.ts`. */
export type ProblemCode = keyof typeof CONFIG_ERRORS;

/** One thing that is wrong in the configuration, where it stands, and what would be right. Never shows a secret. */
export interface Problem {
  /** An error keeps the daemon from starting; a warning does not. */
  readonly severity: 'error' | 'warning';
  readonly code: ProblemCode;
  /** The path of the file as it was named: under the configuration directory. */
  readonly file: string;
  /** 1-based; 1 where the whole file is meant. */
  readonly line: number;
  /** 1-based, in characters. */
  readonly column: number;
  /** A dotted key (`sinks.plant.host`), or `tag <name>, <column>`; empty where the whole file is meant. */
  readonly where: string;
  /** What was found, as written, shortened; `(hidden)` for what may be a secret. */
  readonly found: string;
  readonly expected: string;
  /** The nearest right thing: what was probably meant. */
  readonly suggestion?: string;
}

/** One line for people: `tags/line.csv:12:5: tag speed, type: found "flaot", expected … (did you mean float32?)`. */
export function formatProblem(problem: Problem): string {
  const { file, line, column, where, found, expected, suggestion } = problem;
  const place = where === '' ? `${file}:${line}:${column}` : `${file}:${line}:${column}: ${where}`;
  const hint = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
  return `${place}: found ${found}, expected ${expected}${hint}`;
}

/** In reading order: file, line, column; errors and warnings mixed. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  );
}

/** True when one of them keeps the daemon from starting. */
export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === 'error');
}
