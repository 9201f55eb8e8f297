import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { FileProblems } from './file-problems.ts';
import type { ImportedTable } from './import/imported-table.ts';
import { formatProblem } from './problem.ts';
import { type Profile, profileSchema } from './profile-schema.ts';
import { checkSchema } from './schema-check.ts';
import { schemaNodeOf } from './schema-node.ts';
import type { TagCells } from './tag-edit.ts';
import { parseYaml } from './yaml-file.ts';

/**
 * Read all profiles of a directory, by name.
 * @throws CONFIG_PROFILE_INVALID one of them is not right
 */
export async function readProfiles(directory: string): Promise<readonly Profile[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.yaml')).sort();
  return Promise.all(files.map(async (file) => parseProfile(await readFile(join(directory, file), 'utf8'), file)));
}

/** @throws CONFIG_PROFILE_INVALID with the first problem */
export function parseProfile(text: string, file: string): Profile {
  const yaml = parseYaml(text);
  const [syntax] = yaml.problems;
  if (syntax !== undefined)
    throw new HeadgateError('CONFIG_PROFILE_INVALID', { file, reason: `line ${syntax.line}: ${syntax.found}` });
  const found = new FileProblems(file, yaml);
  const checked = checkSchema(schemaNodeOf(profileSchema), yaml.value);
  found.addIssues(checked.issues);
  const [problem] = found.problems;
  if (problem !== undefined)
    throw new HeadgateError('CONFIG_PROFILE_INVALID', { file, reason: formatProblem(problem) });
  const profile = checked.value as Profile;
  if (`${profile.name}.yaml` !== file) {
    throw new HeadgateError('CONFIG_PROFILE_INVALID', { file, reason: `its name is ${messageOf(profile.name)}` });
  }
  return profile;
}

/** Where a device of a profile is and how it is filed. */
export interface ProfileUse {
  readonly name: string;
  readonly asset: string;
  /** The keys of the device file that say which driver it is and where; they win over those of the profile. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Period of all tags whose profile names none. */
  readonly scanMs: number | null;
}

/** The device file and the tag rows of a device of a profile. */
export function applyProfile(profile: Profile, { name, asset, settings, scanMs }: ProfileUse): ImportedTable {
  const rows = profile.tags.map((tag, index) => {
    const cells: Record<string, string> = { device: name, asset };
    for (const [column, value] of Object.entries({ ...profile.defaults, ...tag })) cells[column] = String(value);
    if (scanMs !== null && tag['scan_ms'] === undefined) cells['scan_ms'] = String(scanMs);
    return { tag: String(tag['name']), place: `${profile.name} tags[${index}]`, cells: cells as TagCells };
  });
  const device = { name, settings: { name, ...profile.device, ...settings } };
  return { devices: [device], rows, rejected: [], notes: profile.notes === undefined ? [] : [profile.notes] };
}
