import { Command, CommanderError } from 'commander';
import { VERSION } from '../version.ts';
import type { CliContext } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { addDaemonCommands } from './program/daemon-commands.ts';
import { addDeviceCommands, addProfileCommands } from './program/device-commands.ts';
import { addLineCommands } from './program/line-commands.ts';
import { addSetupCommands } from './program/setup-commands.ts';
import { addTagCommands } from './program/tag-commands.ts';

/** Gives the context of a command when it runs, with the directory it works on. */
export type MakeContext = (directory?: string) => CliContext;

/** What a command answers with. */
export type Answer = (code: number) => void;

/**
 * The whole command tree. What a command does is imported when it runs, so that help and small commands load little.
 * @param answer takes the exit code of the command that ran
 */
export function buildProgram(makeContext: MakeContext, answer: Answer): Command {
  const program = new Command('headgate')
    .description('Edge gateway for production lines: OPC UA and Modbus in, standard events out, nothing lost.')
    .version(VERSION, '-V, --version', 'show the version')
    .option('-c, --config <dir>', 'configuration directory (default: $HEADGATE_CONFIG, else /etc/headgate)')
    .option('--socket <path>', 'socket of the daemon (default: as the configuration says)')
    .option('--json', 'one JSON value instead of text; a tail prints one a line')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError(true)
    .addHelpText('after', `\nExit codes:\n${exitCodes()}`)
    .helpCommand('help [command]', 'show how a command is used');
  const does = (run: (context: CliContext) => Promise<number>, directory?: string) =>
    run(makeContext(directory)).then(answer);

  addSetupCommands(program, does);
  addLineCommands(program, does);
  addDeviceCommands(program, does);
  addProfileCommands(program, does);
  addTagCommands(program, does);
  addDaemonCommands(program, does);
  for (const command of everyCommand(program)) command.exitOverride().allowExcessArguments(false);
  return program;
}

/** A command and all below it. */
export function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

function exitCodes(): string {
  return Object.values(EXIT)
    .map(({ code, meaning }) => `  ${String(code).padEnd(4)}${meaning}`)
    .join('\n');
}

/** True for what commander throws when it has shown help or the version. */
export function isShown(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
