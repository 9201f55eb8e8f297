import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import type { Does } from './does.ts';

/** The commands that make, check and run a gateway. */
export function addSetupCommands(program: Command, does: Does): void {
  program
    .command('init')
    .argument('<dir>', 'directory to make')
    .option('--minimal', 'without example devices')
    .option('--force', 'overwrite files of the same name')
    .option(
      '--data-dir <dir>',
      'where the journal is to be (default: the state directory of systemd, else /var/lib/headgate)',
    )
    .description('write a commented example configuration')
    .action((dir: string, options) =>
      does(async (context) => (await import('../init.ts')).init(context, dir, options)),
    );
  program
    .command('validate')
    .argument('[dir]', 'configuration directory, as --config')
    .description('check a configuration and report everything that is wrong with it')
    .action((dir?: string) => does(async (context) => (await import('../validate.ts')).validate(context), dir));
  program
    .command('plan')
    .argument('[dir]', 'configuration directory, as --config')
    .description('what a configuration asks of each wire, and what it would change of the running daemon')
    .action((dir?: string) => does(async (context) => (await import('../plan.ts')).plan(context), dir));
  program
    .command('run')
    .option('--data-dir <dir>', 'instead of the configured data_dir')
    .addOption(
      new Option('--log-level <level>', 'instead of the configured one').choices(['debug', 'info', 'warn', 'error']),
    )
    .description('run the daemon in the foreground')
    .action((options) =>
      does(async (context) => {
        const { dataDir, ...rest } = options;
        const run = (await import('../run.ts')).run;
        return run(context, dataDir === undefined ? rest : { ...rest, dataDir: resolve(dataDir) });
      }),
    );
  program
    .command('status')
    .description('how the running daemon and all its parts are')
    .action(() => does(async (context) => (await import('../status.ts')).status(context)));
}
