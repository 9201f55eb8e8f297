import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
import { writeAtomically } from './atomic-write.ts';
import type { ComponentSpecs } from './component-spec.ts';
import { decodeText } from './decode-text.ts';
import { checkSource } from './load.ts';
import type { Problem } from './problem.ts';
import { type ConfigurationSource, readSource, type SourceFile } from './source.ts';
import { addTagRows, removeTagRows, type TagCells } from './tag-edit.ts';
import { readTagTable } from './tag-table.ts';

/** What an edit did: written, or refused for the errors that it would have brought in. */
export interface EditResult {
  readonly isWritten: boolean;
  /** The files that changed, or would have. */
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

/** What files become, by their path under the directory; null: gone. */
export type ChangedFiles = ReadonlyMap<string, string | Uint8Array | null>;

const BOM = '\ufeff';

/**
 * Add rows to tag tables: to `options.file`, else to the table that holds tags of the same device already, else to `tags/<device>.csv`.
 * @throws CONFIG_EDIT_CONFLICT a table is not UTF-8
 */
export async function addTags(
  directory: string,
  specs: ComponentSpecs,
  rows: readonly TagCells[],
  options: { readonly file?: string } = {},
): Promise<EditResult> {
  const source = await readSource(directory);
  const byFile = new Map<string, TagCells[]>();
  for (const row of rows) {
    const file = options.file ?? tableOf(source, row.device ?? '');
    byFile.set(file, [...(byFile.get(file) ?? []), row]);
  }
  const changed = new Map<string, string>();
  for (const [file, added] of byFile) {
    const { bom, text } = tableText(source, file);
    changed.set(file, bom + addTagRows(text, added));
  }
  return commit(source, specs, changed);
}

/**
 * Remove tags, named as `<asset>/<name>`, or by their name alone where only one asset has it.
 * @throws CONFIG_EDIT_CONFLICT a tag does not exist, or its name is ambiguous
 */
export async function removeTags(
  directory: string,
  specs: ComponentSpecs,
  references: readonly string[],
): Promise<EditResult> {
  const source = await readSource(directory);
  const known = tablesOf(source).flatMap((path) =>
    readTagTable(tableText(source, path).text, path).rows.map(({ tag }) => tag),
  );
  const wanted = new Set(references.map((reference) => resolveTag(reference, known)));
  return commit(source, specs, tablesWithout(source, ({ asset, name }) => wanted.has(`${asset}/${name}`)).changed);
}

/** The tag tables that change when rows go; comments and all else stay. */
export function tablesWithout(
  source: ConfigurationSource,
  isGone: Parameters<typeof removeTagRows>[1],
): { readonly changed: Map<string, string | null>; readonly removed: number } {
  const changed = new Map<string, string | null>();
  let count = 0;
  for (const path of tablesOf(source)) {
    const { bom, text } = tableText(source, path);
    const { text: left, removed } = removeTagRows(text, isGone);
    if (removed > 0) changed.set(path, bom + left);
    count += removed;
  }
  return { changed, removed: count };
}

function tablesOf(source: ConfigurationSource): string[] {
  return source.files.map(({ path }) => path).filter((path) => path.startsWith('tags/'));
}

/**
 * Write a whole tag table, as it is.
 * @param file under the directory: `tags/line-3.csv`
 * @throws CONFIG_EDIT_CONFLICT the table exists (without replace)
 */
export async function putTable(
  directory: string,
  specs: ComponentSpecs,
  file: string,
  bytes: Uint8Array,
  options: { readonly replace?: boolean } = {},
): Promise<EditResult> {
  const source = await readSource(directory);
  if (options.replace !== true && source.files.some(({ path }) => path === file)) {
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', { file, reason: 'the table exists already' });
  }
  return commit(source, specs, new Map([[file, bytes]]));
}

/** Write what validates; refuse what brings in an error that was not there before. */
export async function commit(
  source: ConfigurationSource,
  specs: ComponentSpecs,
  changed: ChangedFiles,
): Promise<EditResult> {
  const files = [...changed.keys()];
  const problems = newErrorsOf(source, specs, changed);
  if (problems.length > 0) return { isWritten: false, files, problems };
  await writeChanges(source, changed);
  return { isWritten: true, files, problems: [] };
}

/** The errors that a configuration would have with these files changed, and does not have without. */
export function newErrorsOf(
  source: ConfigurationSource,
  specs: ComponentSpecs,
  changed: ChangedFiles,
): readonly Problem[] {
  const next = source.files.filter(({ path }) => !changed.has(path));
  for (const [path, content] of changed) {
    if (content !== null) next.push({ path, bytes: typeof content === 'string' ? Buffer.from(content) : content });
  }
  next.sort((a, b) => (a.path < b.path ? -1 : 1));
  const before = new Set(errorsOf(source, specs).map(identityOf));
  return errorsOf({ ...source, files: next }, specs).filter((problem) => !before.has(identityOf(problem)));
}

/** Write changed files, each as a whole, and take away those that are gone. */
export async function writeChanges(source: ConfigurationSource, changed: ChangedFiles): Promise<void> {
  for (const [path, content] of changed) {
    if (content === null) await rm(join(source.directory, path));
    else await writeAtomically(join(source.directory, path), content);
  }
}

function errorsOf(source: ConfigurationSource, specs: ComponentSpecs): Problem[] {
  return checkSource(source, specs, process.env).problems.filter(({ severity }) => severity === 'error');
}

/** Lines may have moved: a problem is the same if all else is. */
function identityOf(problem: Problem): string {
  const expected = problem.expected.replace(/:\d+$/, '');
  return JSON.stringify([problem.code, problem.file, problem.where, problem.found, expected]);
}

function tableOf(source: ConfigurationSource, device: string): string {
  const holding = source.files.findLast(
    ({ path }) =>
      path.startsWith('tags/') &&
      readTagTable(tableText(source, path).text, path).rows.some(({ tag }) => tag.device === device),
  );
  return holding?.path ?? `tags/${device}.csv`;
}

function tableText(source: ConfigurationSource, path: string): { readonly bom: string; readonly text: string } {
  const file: SourceFile | undefined = source.files.find((known) => known.path === path);
  if (file === undefined) return { bom: '', text: '' };
  const decoded = file.bytes === null ? null : decodeText(file.bytes);
  if (decoded === null || !('text' in decoded)) {
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', { file: path, reason: decoded?.found ?? 'it cannot be read' });
  }
  const hasBom = file.bytes?.[0] === 0xef && file.bytes[1] === 0xbb && file.bytes[2] === 0xbf;
  return { bom: hasBom ? BOM : '', text: decoded.text };
}

function resolveTag(reference: string, known: readonly { readonly asset: string; readonly name: string }[]): string {
  const matching = known.filter(({ asset, name }) => `${asset}/${name}` === reference || name === reference);
  const exact = matching.find(({ asset, name }) => `${asset}/${name}` === reference) ?? matching[0];
  if (exact === undefined) {
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', { file: 'tags', reason: `there is no tag ${reference}` });
  }
  const paths = new Set(matching.map(({ asset, name }) => `${asset}/${name}`));
  if (paths.size > 1 && !paths.has(reference)) {
    const some = [...paths].slice(0, 3).join(', ');
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', {
      file: 'tags',
      reason: `${reference} may be ${some}: name the asset too`,
    });
  }
  return `${exact.asset}/${exact.name}`;
}
