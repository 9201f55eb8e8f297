import type { ErrorContext } from '../errors/headgate-error.ts';
import { HeadgateError } from '../errors/headgate-error.ts';

/** Where the command line writes and what it runs in: the process, or a test. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Resolves when the reader of results has taken enough of them: for commands that write much. */
  drained(): Promise<void>;
  /** What is not a result: warnings, progress, errors. */
  err(text: string): void;
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** Progress may be drawn and redrawn. */
  readonly isErrTty: boolean;
  /** Characters in a line of the terminal. */
  readonly columns: number;
  readonly colour: boolean;
  /** Aborts on SIGINT and SIGTERM, for commands that run until then. */
  readonly stop: AbortSignal;
}

/** What a command gets. */
export interface CliContext extends Terminal {
  /** One JSON value (a tail: one a line) instead of text for people. */
  readonly isJson: boolean;
  readonly configDirectory: string;
  /** `--socket`; null: as the configuration says. */
  readonly socketPath: string | null;
}

/** A mistake in how the command was written: exit code 2. */
export function usageError(command: string, reason: string, more: ErrorContext = {}): HeadgateError {
  return new HeadgateError('CLI_USAGE', {
    reason,
    help: ['headgate', command, '--help'].filter((word) => word !== '').join(' '),
    ...more,
  });
}
