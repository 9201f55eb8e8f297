import { type Command, Option } from 'commander';
import { IMPORT_FORMATS } from '../../config/import/import-formats.table.ts';
import { TAG_COLUMNS } from '../../config/tag-columns.table.ts';
import { BYTE_ORDERS } from '../../model/tag.ts';
import { durationOption, wholeOption } from '../option-parsers.ts';
import type { Does } from './does.ts';

/** The commands about tags. */
export function addTagCommands(program: Command, does: Does): void {
  const tag = program.command('tag').description('tags of the configuration');
  const filtered = (command: Command) =>
    command
      .option('--device <name>', 'only tags of this device')
      .option('--asset <path>', 'only tags of this asset and below');
  filtered(tag.command('list'))
    .option('--values', 'current values too, from the daemon')
    .description('tags with their resolved addresses')
    .action((options) => does(async (context) => (await import('../tag-list.ts')).tagList(context, options)));
  const add = tag.command('add').argument('<name>', 'name of the tag').description('add a tag');
  for (const { name, required, description, fallback } of TAG_COLUMNS) {
    if (name === 'name') continue;
    const flags = `--${name.replaceAll('_', '-')} <value>`;
    if (required) add.requiredOption(flags, description);
    else add.option(flags, `${description} Default: ${fallback}.`);
  }
  add
    .option('--file <table>', 'table in tags/ (default: the one with tags of this device)')
    .action((name: string, options) =>
      does(async (context) => (await import('../tag-add.ts')).tagAdd(context, name, options)),
    );
  tag
    .command('remove')
    .argument('<tag...>', 'asset/name, or the name alone where it is unique')
    .description('remove tags')
    .action((tags: string[]) => does(async (context) => (await import('../tag-remove.ts')).tagRemove(context, tags)));
  tag
    .command('import')
    .argument('<file>', 'tag table of Headgate or of another product')
    .addOption(
      new Option('--format <format>', 'what the file is').choices(['auto', 'csv', ...IMPORT_FORMATS]).default('auto'),
    )
    .option('--device <name>', 'configured device that the tags are of, where the table names none')
    .option('--asset <path>', 'where they are filed (default: below the asset of the gateway)')
    .addOption(
      new Option('--byte-order <order>', 'of values of several registers, where the table names none').choices(
        BYTE_ORDERS,
      ),
    )
    .option('--scan-ms <ms>', 'period, where the table names none', wholeOption(10, 86_400_000, 'a period'), 1000)
    .option('--file <table>', 'name of the table in tags/ (default: the name of the file)')
    .option('--replace', 'replace a table of the same name')
    .option('--dry-run', 'only say what would be written')
    .description('take tags over: each one that cannot be is named with the reason')
    .action((file: string, options) =>
      does(async (context) => (await import('../tag-import.ts')).tagImport(context, file, options)),
    );
  filtered(tag.command('export'))
    .option('-o, --output <file>', 'file to write (default: standard output)')
    .description('all tags as one table, with every column')
    .action((options) => does(async (context) => (await import('../tag-export.ts')).tagExport(context, options)));
  filtered(tag.command('read'))
    .argument('[tag...]', 'asset/name, or the name alone where it is unique; default: all of the device or asset')
    .description('read tags from their devices now')
    .action((tags: string[], options) =>
      does(async (context) => (await import('../tag-read.ts')).tagRead(context, tags, options)),
    );
  tag
    .command('write')
    .argument('<tag>', 'asset/name, or the name alone where it is unique')
    .argument('<value>', 'as people read it, after scaling; true or false for a switch')
    .requiredOption('--reason <text>', 'why, for the audit; needed')
    .addOption(
      new Option('--expires <time>', 'not after this time from now, such as 5s')
        .argParser(durationOption)
        .default(10_000, '10s'),
    )
    .description('write a tag through the daemon, by the rules of `commands` in gateway.yaml')
    .action((name: string, value: string, { expires, reason }) =>
      does(async (context) =>
        (await import('../tag-write.ts')).tagWrite(context, { name, value, reason, ttlMs: expires }),
      ),
    );
}
