import { resolve } from 'node:path';
import { writeAtomically } from '../config/atomic-write.ts';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import { encodeTagTable } from '../simulate/tag-table.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson } from './output.ts';
import { filterTags, type TagFilter } from './tag-select.ts';

export interface TagExportOptions extends TagFilter {
  /** A file instead of standard output. */
  readonly output?: string;
}

/** `headgate tag export`: all tables as one, with every column and every default written out. */
export async function tagExport(context: CliContext, options: TagExportOptions): Promise<number> {
  const tags = filterTags(await needConfiguration(context), options);
  const { output } = options;
  if (output !== undefined) {
    await writeAtomically(resolve(output), encodeTagTable(tags)).catch((cause) => {
      throw new HeadgateError('CLI_FILE_UNWRITABLE', { path: output, reason: messageOf(cause) }, cause);
    });
    if (context.isJson) printJson(context, { file: output, tags: tags.length });
    else context.err(`${counted(tags.length, 'tag')} written to ${output}\n`);
  } else if (context.isJson) printJson(context, tags);
  else context.out(encodeTagTable(tags));
  return EXIT.ok.code;
}
