import type { LogLevel } from '../observe/internal-event.ts';
import type { CliContext } from './cli-context.ts';

export interface RunOptions {
  readonly dataDir?: string;
  readonly logLevel?: LogLevel;
}

/** `headgate run`: the daemon, in the foreground, until SIGTERM or SIGINT. */
export async function run(context: CliContext, options: RunOptions): Promise<number> {
  const { runDaemon } = await import('../main.ts');
  return runDaemon({
    configDirectory: context.configDirectory,
    ...(options.dataDir === undefined ? {} : { dataDirectory: options.dataDir }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  });
}
