import { componentSpecs } from '../component-specs.ts';
import type { Configuration } from '../config/configuration.ts';
import { loadConfiguration } from '../config/load.ts';
import { controlSocketCandidates, defaultDataDirectory } from '../config/paths.ts';
import { formatProblem, type Problem } from '../config/problem.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { CliContext } from './cli-context.ts';
import { withProgress } from './progress.ts';

/**
 * The configuration that a command works on; its errors are shown (as text), warnings too.
 * @throws CONFIG_INVALID, CONFIG_NOT_FOUND
 */
export async function needConfiguration(context: CliContext): Promise<Configuration> {
  const { configuration, problems } = await readConfiguration(context);
  if (configuration !== null) return configuration;
  const missing = problems.find(({ code }) => code === 'CONFIG_NOT_FOUND');
  if (missing !== undefined) {
    const what = missing.file === 'gateway.yaml' ? 'gateway.yaml' : 'configuration directory';
    throw new HeadgateError('CONFIG_NOT_FOUND', { what, file: context.configDirectory });
  }
  if (!context.isJson) for (const problem of problems.slice(0, 20)) context.err(`${formatProblem(problem)}\n`);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const first = errors[0];
  throw new HeadgateError('CONFIG_INVALID', {
    directory: context.configDirectory,
    errors: errors.length,
    ...(first === undefined ? {} : { first: formatProblem(first) }),
  });
}

/** The configuration or its problems. */
export function readConfiguration(
  context: CliContext,
): Promise<{ readonly configuration: Configuration | null; readonly problems: readonly Problem[] }> {
  return withProgress(context, `reading ${context.configDirectory}`, () =>
    loadConfiguration(context.configDirectory, componentSpecs, context.environment),
  );
}

/** Where the daemon may listen, most likely first. A configuration that is broken or out of reach does not stand in the way. */
export async function socketCandidates(context: CliContext): Promise<readonly string[]> {
  if (context.socketPath !== null) return [context.socketPath];
  const { configuration } = await readConfiguration(context);
  const gateway = configuration?.gateway.gateway ?? { data_dir: defaultDataDirectory(context.environment) };
  return controlSocketCandidates(gateway, context.environment);
}
