import { componentSpecs } from '../component-specs.ts';
import { addTags } from '../config/edit.ts';
import { TAG_COLUMNS, type TagColumnName } from '../config/tag-columns.table.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { reportEdit } from './edit-report.ts';

/** The columns of the tag table by their options: `scanMs` of `--scan-ms`. */
export type TagAddOptions = Readonly<Record<string, string | undefined>>;

/** `headgate tag add NAME --device D --asset A --address X …`: one row more, if it validates. */
export async function tagAdd(context: CliContext, name: string, options: TagAddOptions): Promise<number> {
  const row: Partial<Record<TagColumnName, string>> = { name };
  for (const { name: column } of TAG_COLUMNS) {
    const value = column === 'name' ? undefined : options[camelCase(column)];
    if (value !== undefined) row[column] = value;
  }
  const file = tableFile('tag add', options['file']);
  const result = await addTags(context.configDirectory, componentSpecs, [row], file === undefined ? {} : { file });
  return reportEdit(context, result, `tag ${name}`);
}

/** `--file line-3.csv` or `tags/line-3.csv` → `tags/line-3.csv`. */
export function tableFile(command: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const name = file.replace(/^tags\//, '');
  if (/^[^/\\]+\.[ct]sv$/i.test(name) && !name.startsWith('.')) return `tags/${name}`;
  throw usageError(command, `--file ${JSON.stringify(file)}: expected the name of a table, such as line-3.csv`);
}

/** `scan_ms` → `scanMs`, as commander names options. */
export function camelCase(column: string): string {
  return column.replace(/_([a-z])/g, (_whole, letter: string) => letter.toUpperCase());
}
