import type { CliContext } from '../cli-context.ts';

/** Runs a command with its context, and answers with its exit code. @param directory instead of `--config` */
export type Does = (run: (context: CliContext) => Promise<number>, directory?: string) => Promise<void>;
