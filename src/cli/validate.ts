import { formatProblem, hasErrors } from '../config/problem.ts';
import type { CliContext } from './cli-context.ts';
import { readConfiguration } from './configuration.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson, tinted } from './output.ts';

/** `headgate validate [DIR]`: every problem, each with its place; exit 78 when one of them is an error. */
export async function validate(context: CliContext): Promise<number> {
  const { configuration, problems } = await readConfiguration(context);
  const isOk = configuration !== null && !hasErrors(problems);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const counts = {
    devices: configuration?.devices.length ?? null,
    tags: configuration?.tags.length ?? null,
    sinks: configuration?.sinks.length ?? null,
    services: configuration?.services.length ?? null,
  };
  const directory = context.configDirectory;
  if (context.isJson) {
    printJson(context, { ok: isOk, directory, errors, warnings: problems.length - errors, ...counts, problems });
  } else {
    for (const problem of problems) {
      const label = tinted(context, problem.severity === 'error' ? 'bad' : 'warn', problem.severity);
      context.out(`${label} ${formatProblem(problem)}\n`);
    }
    const warnings = problems.length === errors ? '' : `, ${count(problems.length - errors, 'warning')}`;
    context.out(
      isOk
        ? `${tinted(context, 'good', 'valid')}: ${directory}: ${count(counts.devices ?? 0, 'device')}, ${count(counts.tags ?? 0, 'tag')}, ${count(counts.sinks ?? 0, 'sink')}, ${count(counts.services ?? 0, 'service')}${warnings}\n`
        : `${tinted(context, 'bad', 'not valid')}: ${directory}: ${count(errors, 'error')}${warnings}\n`,
    );
  }
  return isOk ? EXIT.ok.code : EXIT.configuration.code;
}

function count(value: number, what: string): string {
  return `${value} ${what}${value === 1 ? '' : 's'}`;
}
