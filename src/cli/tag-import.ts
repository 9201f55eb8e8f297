import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { componentSpecs } from '../component-specs.ts';
import { putTable } from '../config/edit.ts';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { reportEdit } from './edit-report.ts';
import { withProgress } from './progress.ts';
import { tableFile } from './tag-add.ts';

export interface TagImportOptions {
  readonly format: string;
  /** Name of the table in tags/; default: the file's own. */
  readonly file?: string;
  readonly replace?: boolean;
}

/** What a foreign file becomes: the text of a tag table. One entry for each format. */
const CONVERTERS: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  csv: (bytes) => bytes,
};

/** The formats that `tag import` reads. */
export const IMPORT_FORMATS = Object.keys(CONVERTERS);

/** `headgate tag import FILE`: a table of its own in tags/, kept as it was written, if all of it validates. */
export async function tagImport(context: CliContext, path: string, options: TagImportOptions): Promise<number> {
  const convert = CONVERTERS[options.format];
  if (convert === undefined) {
    throw usageError(
      'tag import',
      `--format ${JSON.stringify(options.format)}: expected one of ${IMPORT_FORMATS.join(', ')}`,
    );
  }
  const name = basename(path).replace(/\.[^.]*$/, '');
  const file =
    tableFile('tag import', options.file ?? (/\.[ct]sv$/i.test(path) ? basename(path) : `${name}.csv`)) ?? '';
  const bytes = await readFile(path).catch((cause) => {
    throw new HeadgateError('CLI_FILE_UNREADABLE', { path, reason: messageOf(cause) }, cause);
  });
  const result = await withProgress(context, `checking ${path}`, () =>
    putTable(context.configDirectory, componentSpecs, file, convert(bytes), { replace: options.replace === true }),
  );
  return reportEdit(context, result, `table ${file}`);
}
