import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import { defaultConfigDirectory } from '../config/paths.ts';
import { type CliContext, type Terminal, usageError } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { reportFailure } from './failure.ts';
import { processTerminal } from './process-terminal.ts';
import { buildProgram, everyCommand, isShown } from './program.ts';

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
export async function runCli(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  let exitCode: number = EXIT.ok.code;
  let complaint = '';
  const program = buildProgram(
    (directory) => makeContext(terminal, program.opts<GlobalOptions>(), directory),
    (code) => {
      exitCode = code;
    },
  );
  const capture = (text: string) => {
    complaint += text;
  };
  for (const command of everyCommand(program)) {
    command.configureOutput({ writeOut: terminal.out, writeErr: capture, outputError: capture });
  }
  if (argv.length === 0) {
    terminal.err(program.helpInformation());
    return EXIT.usage.code;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (isShown(error)) return EXIT.ok.code;
    const isJson = argv.includes('--json');
    const context = makeContext(terminal, isJson ? { json: true } : {});
    if (!(error instanceof CommanderError)) return reportFailure(context, error);
    // A group without its command shows its help, which goes where errors go.
    if (error.code === 'commander.help' && !isJson) {
      terminal.err(complaint);
      return EXIT.usage.code;
    }
    const said = complaint
      .replace(/^error: /, '')
      .trim()
      .split('\n')
      .join(' ');
    const reason = error.code === 'commander.help' || said === '' ? 'a command is missing' : said;
    return reportFailure(context, usageError(commandOf(argv, program.commands), reason));
  }
}

/** Every part of the terminal is looked up when it is used: `stop` listens for signals only then. */
function makeContext(terminal: Terminal, options: GlobalOptions, directory?: string): CliContext {
  return Object.assign(Object.create(terminal) as Terminal, {
    isJson: options.json === true,
    configDirectory: resolve(directory ?? options.config ?? defaultConfigDirectory(terminal.environment)),
    socketPath: options.socket === undefined ? null : resolve(options.socket),
  });
}

type Named = { name(): string; readonly commands: readonly Named[] };

/** Options of every command that have a value behind them. */
const WITH_VALUE: readonly string[] = ['-c', '--config', '--socket'];

/** The command that the words name, for pointing to its help. */
function commandOf(argv: readonly string[], commands: readonly Named[]): string {
  const isValue = (at: number) => WITH_VALUE.includes(argv[at - 1] ?? '');
  const [first, second] = argv.filter((word, at) => !word.startsWith('-') && !isValue(at));
  const group = commands.find((command) => command.name() === first);
  if (group === undefined) return '';
  const command = group.commands.find((candidate) => candidate.name() === second);
  return command === undefined ? group.name() : `${group.name()} ${command.name()}`;
}
