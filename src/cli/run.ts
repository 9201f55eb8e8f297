import type { LogLevel } from '../observe/internal-event.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { EXIT } from './exit-code.table.ts';

export interface RunOptions {
  readonly dataDir?: string;
  readonly logLevel?: LogLevel;
}

/** `headgate run`: the daemon, in the foreground, until SIGTERM or SIGINT. */
export async function run(context: CliContext, options: RunOptions): Promise<number> {
  const { runDaemon } = await import('../main.ts');
  const code = await runDaemon({
    configDirectory: context.configDirectory,
    ...(options.dataDir === undefined ? {} : { dataDirectory: options.dataDir }),
    ...(context.socketPath === null ? {} : { socketPath: context.socketPath }),
    ...(options.logLevel === undefined ? {} : { logLevel: options.logLevel }),
  });
  // The log has said what is wrong, for people; who reads JSON gets it as every command says it.
  if (code === EXIT.configuration.code && context.isJson) await needConfiguration(context);
  return code;
}
