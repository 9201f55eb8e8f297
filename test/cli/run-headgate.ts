import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { runCli } from '../../src/cli/main.ts';

const ENTRY = join(import.meta.dirname, '../../src/entry.js');

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** The one JSON value on standard output. */
  json<T = Record<string, unknown>>(): T;
}

export interface RunOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with all output so far; may end the process. */
  readonly onOutput?: (out: string, stop: (signal: NodeJS.Signals) => void) => void;
  /** Called with all that came on standard error so far. */
  readonly onError?: (err: string, stop: (signal: NodeJS.Signals) => void) => void;
}

/** Run the command line in this process, as if on no terminal; `stop` is what a signal is to a process. */
export async function headgate(
  args: readonly string[],
  options: Pick<RunOptions, 'environment'> & { readonly stop?: AbortSignal } = {},
): Promise<CliResult> {
  let out = '';
  let err = '';
  const { HEADGATE_CONFIG: _config, ...environment } = process.env;
  const code = await runCli(args, {
    out: (text) => {
      out += text;
    },
    drained: async () => undefined,
    err: (text) => {
      err += text;
    },
    environment: { ...environment, ...options.environment },
    isErrTty: false,
    columns: 80,
    colour: false,
    stop: options.stop ?? new AbortController().signal,
  });
  return { code, out, err, json: () => JSON.parse(out) };
}

/** Run the real command line as a process of its own. */
export function headgateProcess(args: readonly string[], options: RunOptions = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const { HEADGATE_CONFIG: _config, ...environment } = process.env;
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ENTRY, ...args], {
      env: { ...environment, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 80_000,
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      options.onOutput?.(out, (signal) => child.kill(signal));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
      options.onError?.(err, (signal) => child.kill(signal));
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, out, err, json: () => JSON.parse(out) }));
  });
}
