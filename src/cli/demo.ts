import { fileURLToPath } from 'node:url';
import type { CliContext } from './cli-context.ts';
import { demoSummary } from './demo/demo-report.ts';
import { runDemo } from './demo/run-demo.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson } from './output.ts';

export interface DemoCommandOptions {
  /** A fixture folder or CSV file; default: the recorded line that comes with Headgate. */
  readonly fixture?: string;
  readonly durationMs: number;
}

const LINE = fileURLToPath(new URL('../../fixtures/line', import.meta.url));

/** `headgate demo`: the main job end to end; exit 1 if anything was lost. */
export async function demo(context: CliContext, options: DemoCommandOptions): Promise<number> {
  const result = await runDemo({
    fixture: options.fixture ?? LINE,
    durationSeconds: options.durationMs / 1000,
    stop: context.stop,
    say: (line) => (context.isJson ? context.err(`${line}\n`) : context.out(`${line}\n`)),
  });
  if (context.isJson) printJson(context, result);
  else context.out(`${demoSummary(result)}\n`);
  return result.lost === 0 ? EXIT.ok.code : EXIT.failed.code;
}
