import type { EditResult } from '../config/edit.ts';
import { formatProblem } from '../config/problem.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { CliContext } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson } from './output.ts';

/**
 * Say what an edit of the configuration did.
 * @param done what happened to its files
 * @throws CONFIG_EDIT_REFUSED with the first of its problems; all of them are shown
 */
export function reportEdit(context: CliContext, result: EditResult, what: string, done = 'written to'): number {
  const [first] = result.problems;
  if (!result.isWritten && first !== undefined) {
    if (!context.isJson) for (const problem of result.problems.slice(0, 20)) context.err(`${formatProblem(problem)}\n`);
    throw new HeadgateError('CONFIG_EDIT_REFUSED', {
      file: first.file,
      errors: result.problems.length,
      first: formatProblem(first),
    });
  }
  if (context.isJson) printJson(context, { written: result.isWritten, files: result.files });
  else {
    context.out(`${what}: ${result.files.length === 0 ? 'nothing to change' : `${done} ${result.files.join(', ')}`}\n`);
    if (result.isWritten && result.files.length > 0) context.err('a running daemon takes it up when it is restarted\n');
  }
  return EXIT.ok.code;
}
