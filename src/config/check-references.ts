import { lstatSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import type { CheckedTags } from './check-tags.ts';
import type { ComponentSpec } from './component-spec.ts';
import type { ServiceConfiguration } from './configuration.ts';
import type { FileProblems } from './file-problems.ts';
import { nearest } from './nearest.ts';
import type { ValuePath } from './schema-check.ts';
import { showText } from './show-value.ts';
import type { TagTableReader } from './tag-table.ts';

/** Warn of tags that services read and no table has: such a service would wait for ever. */
export function checkTagReferences(
  services: readonly ServiceConfiguration[],
  specs: readonly ComponentSpec[],
  { tables, names: byAsset }: { readonly tables: readonly TagTableReader[] } & Pick<CheckedTags, 'names'>,
  problems: FileProblems,
): void {
  // A table without a usable header has tags that nobody knows.
  if (tables.some(({ header, columns }) => header !== null && columns.size < 2)) return;
  for (const { name, config } of services) {
    const spec = specs.find(({ kind }) => kind === name);
    const unknownAssets = new Set<string>();
    for (const { field, asset, tag } of spec?.tagsUsed?.(config) ?? []) {
      const names = byAsset.get(asset);
      if (names?.has(tag) === true || unknownAssets.has(asset)) continue;
      const path = ['services', name, ...stepsOf(field)];
      if (names === undefined) {
        // Said once, for the asset.
        unknownAssets.add(asset);
        warn(problems, [...path.slice(0, 4), 'asset'], {
          found: `the asset ${showText(asset)}`,
          expected: 'an asset that a tag table names',
          near: nearest(asset, byAsset.keys()),
        });
      } else {
        warn(problems, path, {
          found: `the tag ${showText(tag)}`,
          expected: `a tag of ${asset}${names.size <= 10 ? `: ${[...names.keys()].join(', ')}` : ''}`,
          near: nearest(tag, names.keys()),
        });
      }
    }
  }
}

/** Warn of files that hold secrets and are not there: the connection that needs one would be refused. */
export function checkSecretFiles(value: unknown, problems: FileProblems, path: ValuePath = []): void {
  if (Array.isArray(value)) {
    for (const [index, entry] of value.entries()) checkSecretFiles(entry, problems, [...path, index]);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  const [[key, file] = ['', null]] = entries;
  if (entries.length === 1 && key === 'file' && typeof file === 'string') {
    if (isAbsolute(file) && isAbsent(file)) {
      warn(problems, [...path, 'file'], {
        found: `no file ${showText(file)}`,
        expected: 'a file that holds the secret',
      });
    }
    return;
  }
  for (const [step, entry] of entries) checkSecretFiles(entry, problems, [...path, step]);
}

function warn(
  problems: FileProblems,
  path: ValuePath,
  { found, expected, near = null }: { found: string; expected: string; near?: string | null },
): void {
  problems.add(path, 'value', {
    severity: 'warning',
    code: 'CONFIG_UNKNOWN_REFERENCE',
    found,
    expected,
    ...(near === null ? {} : { suggestion: near }),
  });
}

function stepsOf(field: string): ValuePath {
  return field.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** Only what is known to be absent: a directory that this user may not enter hides its files. */
function isAbsent(file: string): boolean {
  try {
    lstatSync(file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
