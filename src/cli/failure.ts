import type { ErrorCode } from '../errors/catalogue.ts';
import { HeadgateError, isHeadgateError, messageOf } from '../errors/headgate-error.ts';
import type { CliContext } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { oneLine, printJson, tinted } from './output.ts';

const EXIT_BY_CODE: Partial<Record<ErrorCode, number>> = {
  CLI_USAGE: EXIT.usage.code,
  CONTROL_NOT_RUNNING: EXIT.notRunning.code,
  CONTROL_FORBIDDEN: EXIT.forbidden.code,
  CONFIG_INVALID: EXIT.configuration.code,
  CONFIG_NOT_FOUND: EXIT.configuration.code,
  CONFIG_EDIT_REFUSED: EXIT.configuration.code,
};

/** Say what went wrong, where and what to do next; with --json as `{"error": {code, message, action, context}}`. @returns the exit code */
export function reportFailure(context: CliContext, error: unknown): number {
  const exit = isHeadgateError(error) ? (EXIT_BY_CODE[error.code] ?? EXIT.failed.code) : EXIT.failed.code;
  if (context.isJson) {
    printJson(context, { error: describe(error) });
    return exit;
  }
  context.err(`${tinted(context, 'bad', 'error:')} ${oneLine(messageOf(error))}\n`);
  if (error instanceof HeadgateError) {
    const cause = error.cause === undefined ? '' : oneLine(messageOf(error.cause));
    if (cause !== '' && !error.message.includes(cause) && error.code !== 'CONTROL_NOT_RUNNING') {
      context.err(`  cause: ${cause}\n`);
    }
    context.err(`  ${oneLine(error.action)}\n`);
    if (error.code !== 'CLI_USAGE') context.err(`  code: ${error.code}\n`);
  } else if (context.environment['HEADGATE_DEBUG'] !== undefined && error instanceof Error) {
    context.err(`${error.stack}\n`);
  }
  return exit;
}

function describe(error: unknown) {
  if (!(error instanceof HeadgateError)) return { code: null, message: messageOf(error) };
  return { code: error.code, message: error.message, action: error.action, context: error.context };
}
