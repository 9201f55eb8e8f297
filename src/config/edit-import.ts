import { stringify } from 'yaml';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { ComponentSpecs } from './component-spec.ts';
import { newErrorsOf, writeChanges } from './edit.ts';
import type { ImportedRow, ImportedTable, RejectedTag } from './import/imported-table.ts';
import type { Problem } from './problem.ts';
import { readSource } from './source.ts';
import { addTagRows } from './tag-edit.ts';

/** What became of a foreign table. */
export interface ImportResult {
  /** False after a dry run, and when nothing was left to write. */
  readonly isWritten: boolean;
  /** Files that were written, or would be. */
  readonly files: readonly string[];
  readonly devices: readonly string[];
  /** Devices that the table names and the configuration has: they were left as they are. */
  readonly keptDevices: readonly string[];
  readonly rows: readonly ImportedRow[];
  readonly rejected: readonly RejectedTag[];
  /** Errors outside of what was imported; nothing is written then. */
  readonly problems: readonly Problem[];
}

export interface ImportTarget {
  /** The table to write: `tags/line-3.csv`. */
  readonly file: string;
  readonly replace: boolean;
  /** Devices that the configuration has are written anew; else they are left as they are. */
  readonly replaceDevices?: boolean;
  readonly isDryRun: boolean;
}

/** Each round of checking takes out rows that are wrong; what is wrong only beside others needs another. */
const MAX_ROUNDS = 5;

/**
 * Write devices and tags of a foreign table. A tag that does not validate is rejected with the reason, as is every tag of a device that
 * does not; the others are written as a table of their own.
 * @throws CONFIG_EDIT_CONFLICT the table exists (without replace)
 */
export async function writeImport(
  directory: string,
  specs: ComponentSpecs,
  table: ImportedTable,
  target: ImportTarget,
): Promise<ImportResult> {
  const source = await readSource(directory);
  if (!target.replace && source.files.some(({ path }) => path === target.file)) {
    throw new HeadgateError('CONFIG_EDIT_CONFLICT', { file: target.file, reason: 'the table exists already' });
  }
  const existing = new Set(source.files.map(({ path }) => path));
  const fileOf = (name: string) => `devices/${name}.yaml`;
  const isKept = (name: string) => target.replaceDevices !== true && existing.has(fileOf(name));
  let devices = table.devices.filter(({ name }) => !isKept(name));
  const keptDevices = table.devices.filter(({ name }) => isKept(name)).map(({ name }) => name);
  let rows = table.rows.map(onOneLine);
  const rejected = [...table.rejected];
  let changed = new Map<string, string>();
  let problems: readonly Problem[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    changed = new Map(devices.map(({ name, settings }) => [fileOf(name), stringify(settings)]));
    if (rows.length > 0)
      changed.set(
        target.file,
        addTagRows(
          '',
          rows.map(({ cells }) => cells),
        ),
      );
    problems = newErrorsOf(source, specs, changed);
    if (problems.length === 0) break;
    const badDevices = new Map<string, string>();
    for (const { name } of devices) {
      const problem = problems.find(({ file }) => file === fileOf(name));
      if (problem !== undefined) badDevices.set(name, `its device: ${reasonOf(problem)}`);
    }
    const badRows = new Map<number, string>();
    for (const problem of problems) {
      if (problem.file === target.file && !badRows.has(problem.line)) badRows.set(problem.line, reasonOf(problem));
    }
    if (badDevices.size === 0 && badRows.size === 0) break;
    const sound: ImportedRow[] = [];
    for (const [index, row] of rows.entries()) {
      // The header is the first line, and each row has one.
      const reason = badDevices.get(row.cells.device ?? '') ?? badRows.get(index + 2);
      if (reason === undefined) sound.push(row);
      else rejected.push({ tag: row.tag, place: row.place, reason });
    }
    rows = sound;
    devices = devices.filter(({ name }) => !badDevices.has(name));
  }
  const isWritten = problems.length === 0 && changed.size > 0 && !target.isDryRun;
  if (isWritten) await writeChanges(source, changed);
  return {
    isWritten,
    files: [...changed.keys()],
    devices: devices.map(({ name }) => name),
    keptDevices,
    rows,
    rejected,
    problems,
  };
}

function reasonOf({ where, found, expected, suggestion }: Problem): string {
  const hint = suggestion === undefined ? '' : ` (did you mean ${suggestion}?)`;
  return `${where.replace(/^tag [^,]*, /, '')}: found ${found}, expected ${expected}${hint}`;
}

/** Rows are told apart by their lines. */
function onOneLine(row: ImportedRow): ImportedRow {
  const cells = Object.fromEntries(
    Object.entries(row.cells).map(([column, cell]) => [column, cell.replace(/\s+/g, ' ').slice(0, 1_000)]),
  );
  return { ...row, cells };
}
