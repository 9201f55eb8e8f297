import { type Dirent, constants as fsConstants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors/headgate-error.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';

/** One configuration file as it was read: its bytes, or why not. */
export interface SourceFile {
  /** Under the directory, with `/`: `devices/press.yaml`. */
  readonly path: string;
  readonly bytes: Uint8Array | null;
}

/** All that a configuration directory holds, before it is understood. */
export interface ConfigurationSource {
  readonly directory: string;
  readonly files: readonly SourceFile[];
  /** Files that could not be read or are not read by their name. */
  readonly problems: readonly Problem[];
}

export const GATEWAY_FILE = 'gateway.yaml';
const MAX_YAML_BYTES = 1_048_576;
const MAX_TABLE_BYTES = 67_108_864;
const FOLDERS = [
  { name: 'devices', pattern: /\.ya?ml$/i, ends: '.yaml or .yml', maxBytes: MAX_YAML_BYTES },
  { name: 'tags', pattern: /\.[ct]sv$/i, ends: '.csv or .tsv', maxBytes: MAX_TABLE_BYTES },
] as const;
/** Left behind by editors, packages and people; nobody expects them to be read. */
const QUIET = /^\.|^~|^#|^README|~$|\.(bak|orig|disabled|example|dpkg-\w+|swp|tmp|md)$/i;

/** Read a configuration directory. Never throws: what cannot be read is a problem. */
export async function readSource(directory: string): Promise<ConfigurationSource> {
  const problems: Problem[] = [];
  const files: SourceFile[] = [];
  try {
    for (const name of await readdir(directory)) {
      const meant = nearlyRead(name);
      if (meant !== null) problems.push({ ...ignored(name, 'a name that is not read', meant), suggestion: meant });
    }
  } catch (cause) {
    problems.push(await missing(directory, cause));
    return { directory, files, problems };
  }
  await readOne(directory, GATEWAY_FILE, MAX_YAML_BYTES, files, problems);
  for (const folder of FOLDERS) {
    for (const entry of await entriesOf(directory, folder.name, problems)) {
      if (QUIET.test(entry.name)) continue;
      const path = `${folder.name}/${entry.name}`;
      if (entry.isDirectory()) problems.push(ignored(path, 'a folder', `files in ${folder.name}/ itself`));
      else if (folder.pattern.test(entry.name)) await readOne(directory, path, folder.maxBytes, files, problems);
      else {
        problems.push(ignored(path, 'a file of another kind', `a name ending in ${folder.ends}`));
      }
    }
  }
  return { directory, files, problems };
}

/** What was meant by the name of a file or folder that nearly is one that is read: `gateway.yml`, `device`; null for others. */
function nearlyRead(name: string): string | null {
  const read = [GATEWAY_FILE, ...FOLDERS.map((folder) => folder.name)];
  if (read.includes(name) || QUIET.test(name)) return null;
  return nearest(name.toLowerCase(), read);
}

async function entriesOf(directory: string, folder: string, problems: Problem[]): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(directory, folder), { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    if (codeOf(cause) === 'ENOTDIR') problems.push(whole(folder, 'CONFIG_FILE_UNREADABLE', 'a file', 'a folder'));
    else if (codeOf(cause) !== 'ENOENT') problems.push(unreadable(folder, cause));
    return [];
  }
}

async function readOne(
  directory: string,
  path: string,
  maxBytes: number,
  files: SourceFile[],
  problems: Problem[],
): Promise<void> {
  try {
    // A pipe in the directory must not block the start.
    const file = await open(join(directory, path), fsConstants.O_RDONLY | fsConstants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) {
        problems.push(whole(path, 'CONFIG_FILE_UNREADABLE', 'something that is not a file', 'a regular file'));
      } else if (stat.size > maxBytes) {
        problems.push(
          whole(path, 'CONFIG_FILE_UNREADABLE', `a file of ${stat.size} bytes`, `at most ${maxBytes} bytes`),
        );
      } else {
        files.push({ path, bytes: await file.readFile() });
        return;
      }
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (path === GATEWAY_FILE && codeOf(cause) === 'ENOENT') {
      problems.push(whole(path, 'CONFIG_NOT_FOUND', 'nothing', 'gateway.yaml (headgate init DIR writes one)'));
      return;
    }
    problems.push(unreadable(path, cause));
  }
  files.push({ path, bytes: null });
}

async function missing(directory: string, cause: unknown): Promise<Problem> {
  if (codeOf(cause) === 'ENOENT') {
    return whole(directory, 'CONFIG_NOT_FOUND', 'nothing', 'a configuration directory (headgate init DIR makes one)');
  }
  if (codeOf(cause) === 'ENOTDIR') {
    return whole(directory, 'CONFIG_NOT_FOUND', 'a file', 'the directory that holds gateway.yaml');
  }
  return unreadable(directory, cause);
}

function unreadable(path: string, cause: unknown): Problem {
  return whole(path, 'CONFIG_FILE_UNREADABLE', reasonOf(cause), 'a file that this user may read');
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to read it',
  ELOOP: 'a symbolic link that leads back to itself',
  ENOENT: 'a symbolic link to nothing',
};

function reasonOf(cause: unknown): string {
  const code = codeOf(cause) ?? '';
  return REASONS[code] ?? (code === '' ? messageOf(cause) : code);
}

function codeOf(cause: unknown): string | undefined {
  return (cause as NodeJS.ErrnoException | null)?.code;
}

function ignored(path: string, found: string, expected: string): Problem {
  return { ...whole(path, 'CONFIG_IGNORED_FILE', found, expected), severity: 'warning' };
}

/** An error about a whole file. */
function whole(file: string, code: Problem['code'], found: string, expected: string): Problem {
  return { severity: 'error', code, file, line: 1, column: 1, where: '', found, expected };
}
