import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import { defaultConfigDirectory } from '../config/paths.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { reportFailure } from './failure.ts';
import { buildProgram, isShown } from './program.ts';

interface GlobalOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly json?: boolean;
}

/**
 * Run one command line. Never throws: what goes wrong is printed with what to do next.
 * @param argv without the program's own name
 * @returns the exit code (exit-code.table.ts)
 */
export async function runCli(argv: readonly string[]): Promise<number> {
  tolerateClosedPipe();
  let exitCode: number = EXIT.ok.code;
  let complaint = '';
  const program = buildProgram(
    (directory) => makeContext(program.opts<GlobalOptions>(), directory),
    (code) => {
      exitCode = code;
    },
  );
  const capture = (text: string) => {
    complaint += text;
  };
  for (const command of [program, ...program.commands.flatMap((child) => [child, ...child.commands])]) {
    command.configureOutput({ writeErr: capture, outputError: capture });
  }
  if (argv.length === 0) {
    process.stdout.write(program.helpInformation());
    return EXIT.usage.code;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (isShown(error)) return EXIT.ok.code;
    const isJson = argv.includes('--json');
    const context = makeContext({ ...(isJson ? { json: true } : {}) });
    if (!(error instanceof CommanderError)) return reportFailure(context, error);
    // A group without its command shows its help, which goes where errors go.
    if (error.code === 'commander.help' && !isJson) {
      process.stderr.write(complaint);
      return EXIT.usage.code;
    }
    const reason =
      complaint
        .replace(/^error: /, '')
        .trim()
        .split('\n')
        .join(' ') || error.message;
    return reportFailure(context, usageError(commandOf(argv, program.commands), reason));
  }
}

function makeContext(options: GlobalOptions, directory?: string): CliContext {
  const { env: environment, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    environment,
    isJson: options.json === true,
    isErrTty: stderr.isTTY === true,
    columns: stderr.columns ?? 80,
    colour: stdout.isTTY === true && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb',
    configDirectory: resolve(directory ?? options.config ?? defaultConfigDirectory(environment)),
    socketPath: options.socket === undefined ? null : resolve(options.socket),
    get stop() {
      return stopSignal();
    },
  };
}

let stop: AbortSignal | null = null;

/** Aborted by the first SIGINT or SIGTERM; made only when a command looks at it, since `run` has handlers of its own. */
function stopSignal(): AbortSignal {
  if (stop !== null) return stop;
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.failed.code);
      controller.abort();
    });
  }
  stop = controller.signal;
  return stop;
}

/** `headgate tag list | head` is no error: the reader has seen enough. */
function tolerateClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(EXIT.ok.code);
      throw error;
    });
  }
}

function commandOf(
  argv: readonly string[],
  commands: readonly { name(): string; readonly commands: readonly { name(): string }[] }[],
): string {
  const words = argv.filter((word) => !word.startsWith('-'));
  const first = commands.find((command) => command.name() === words[0]);
  if (first === undefined) return '';
  const second = first.commands.find((command) => command.name() === words[1]);
  return second === undefined ? first.name() : `${first.name()} ${second.name()}`;
}
