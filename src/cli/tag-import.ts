import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { componentSpecs } from '../component-specs.ts';
import type { Configuration } from '../config/configuration.ts';
import { putTable } from '../config/edit.ts';
import { type ImportResult, writeImport } from '../config/edit-import.ts';
import type { ImportFormat } from '../config/import/import-formats.table.ts';
import { detectFormat, importTable } from '../config/import/import-table.ts';
import { type ImportedTable, Rejection } from '../config/import/imported-table.ts';
import { formatProblem } from '../config/problem.ts';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import type { ByteOrder } from '../model/tag.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { reportEdit } from './edit-report.ts';
import { EXIT } from './exit-code.table.ts';
import { oneLine, printJson, printTable, tinted } from './output.ts';
import { withProgress } from './progress.ts';
import { tableFile } from './tag-add.ts';
import { needDevice } from './tag-select.ts';

export interface TagImportOptions {
  readonly format: 'auto' | 'csv' | ImportFormat;
  /** Name of the table in tags/; default: the file's own. */
  readonly file?: string;
  readonly replace?: boolean;
  /** The configured device that the tags are of, where the table does not say. */
  readonly device?: string;
  /** Where devices are filed; default: below the asset of the gateway. */
  readonly asset?: string;
  readonly byteOrder?: ByteOrder;
  readonly scanMs: number;
  readonly dryRun?: boolean;
}

const MAX_SHOWN = 50;

/** `headgate tag import FILE`: our own table as it was written, if all of it validates; a foreign one tag by tag. */
export async function tagImport(context: CliContext, path: string, options: TagImportOptions): Promise<number> {
  const asked = tableFile('tag import', options.file);
  const bytes = await readFile(path).catch((cause) => {
    throw new HeadgateError('CLI_FILE_UNREADABLE', { path, reason: messageOf(cause) }, cause);
  });
  const format = options.format === 'auto' ? (unwrapped(path, () => detectFormat(bytes)) ?? 'csv') : options.format;
  const name = basename(path).replace(/\.[^.]*$/, '');
  const own = format === 'csv' && /\.[ct]sv$/i.test(path) ? basename(path) : `${name}.csv`;
  const file = asked ?? tableFile('tag import', own) ?? '';
  const replace = options.replace === true;
  if (format === 'csv') {
    const result = await withProgress(context, `checking ${path}`, () =>
      putTable(context.configDirectory, componentSpecs, file, bytes, { replace }),
    );
    return reportEdit(context, result, `table ${file}`);
  }
  const configuration = await needConfiguration(context);
  const table = unwrapped(path, () => importTable(format, bytes, optionsOf(configuration, options)));
  const target = { file, replace, isDryRun: options.dryRun === true };
  const result = await withProgress(context, `checking ${path}`, () =>
    writeImport(context.configDirectory, componentSpecs, table, target),
  );
  return report(context, { format, table, result, isDryRun: target.isDryRun });
}

/** @throws CLI_FILE_UNREADABLE for a file that is not of its format */
function unwrapped<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    throw new HeadgateError('CLI_FILE_UNREADABLE', { path, reason: error.message }, error);
  }
}

function optionsOf(configuration: Configuration, options: TagImportOptions) {
  const device = options.device === undefined ? null : needDevice(configuration, options.device);
  const base = options.asset ?? configuration.gateway.gateway.asset;
  return {
    device: device?.name ?? null,
    driver: device?.driver ?? null,
    assetOf: (name: string) => (options.asset !== undefined && device !== null ? base : `${base}/${name}`),
    byteOrder: options.byteOrder ?? null,
    scanMs: options.scanMs,
  };
}

interface Outcome {
  readonly format: ImportFormat;
  readonly table: ImportedTable;
  readonly result: ImportResult;
  readonly isDryRun: boolean;
}

/** Exit 0 when every tag was taken over. */
function report(context: CliContext, { format, table, result, isDryRun }: Outcome): number {
  const { rows, rejected, devices, keptDevices, files, problems } = result;
  const isComplete = problems.length === 0 && rejected.length === 0;
  if (context.isJson) {
    const shown = {
      written: result.isWritten,
      format,
      files,
      devices,
      keptDevices,
      tags: rows,
      rejected,
      notes: table.notes,
      problems,
    };
    printJson(context, shown);
    return isComplete ? EXIT.ok.code : EXIT.failed.code;
  }
  for (const problem of problems.slice(0, MAX_SHOWN)) context.err(`${formatProblem(problem)}\n`);
  for (const note of table.notes) context.err(`${tinted(context, 'warn', 'note')}: ${oneLine(note)}\n`);
  if (rejected.length > 0) {
    printTable(
      context,
      ['rejected tag', 'at', 'reason'],
      rejected.slice(0, MAX_SHOWN).map(({ tag, place, reason }) => [tag, place, reason]),
    );
    if (rejected.length > MAX_SHOWN)
      context.out(`… and ${rejected.length - MAX_SHOWN} more; all of them with --json\n`);
    context.out('\n');
  }
  for (const name of keptDevices) context.err(`device ${name} is configured already and was left as it is\n`);
  const found = `${format}: ${counted(rows.length, 'tag')} taken over${devices.length === 0 ? '' : ` with ${counted(devices.length, 'device')}`}, ${rejected.length} rejected`;
  const where =
    files.length === 0
      ? 'nothing to write'
      : `${result.isWritten ? 'written to' : isDryRun ? 'would be written to' : 'not written to'} ${files.join(', ')}`;
  context.out(`${found}; ${where}\n`);
  if (result.isWritten) context.err('a running daemon takes it up when it is restarted\n');
  return isComplete ? EXIT.ok.code : EXIT.failed.code;
}
