import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { makeDirectories } from '../ports/make-directories.ts';
import type { CliContext } from './cli-context.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson } from './output.ts';

export interface InitOptions {
  /** gateway.yaml and empty folders, without example devices. */
  readonly minimal?: boolean;
  readonly force?: boolean;
  /** Where the journal is to be, instead of systemd's state directory or /var/lib/headgate. */
  readonly dataDir?: string;
}

const EXAMPLE = fileURLToPath(new URL('../../config/example', import.meta.url));

/** `headgate init DIR`: a commented configuration that validates, to start from. Overwrites nothing unless told to. */
export async function init(context: CliContext, directory: string, options: InitOptions): Promise<number> {
  const path = resolve(directory);
  const present = await readdir(path).catch(() => []);
  if (present.length > 0 && options.force !== true) throw new HeadgateError('CLI_TARGET_EXISTS', { path });
  try {
    makeDirectories(path);
    if (options.minimal === true) {
      await writeFile(join(path, 'gateway.yaml'), MINIMAL);
      for (const folder of ['devices', 'tags']) makeDirectories(join(path, folder));
    } else {
      await cp(EXAMPLE, path, { recursive: true, force: true });
    }
    if (options.dataDir !== undefined) await setDataDirectory(join(path, 'gateway.yaml'), resolve(options.dataDir));
  } catch (cause) {
    throw new HeadgateError('CLI_FILE_UNWRITABLE', { path, reason: messageOf(cause) }, cause);
  }
  const files = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (context.isJson) printJson(context, { directory: path, files });
  else {
    for (const file of files) context.out(`${file}\n`);
    context.out(`\nNext: headgate validate ${directory}\n`);
  }
  return EXIT.ok.code;
}

async function setDataDirectory(file: string, dataDirectory: string): Promise<void> {
  const document = parseDocument(await readFile(file, 'utf8'));
  document.setIn(['gateway', 'data_dir'], dataDirectory);
  await writeFile(file, document.toString({ lineWidth: 0 }));
}

const MINIMAL = `gateway:
  # Part of event sources, client ids and topics: changing it later makes new streams.
  name: my-gateway
  # Where the gateway's own events are filed, as an ISA-95 path.
  asset: company/site

# Devices go to devices/*.yaml, tags to tags/*.csv: headgate device add, headgate tag add.
`;
