import type { TagDefinition } from '../model/tag.ts';
import { TagColumns, type TagSequence } from '../model/tag-columns.ts';
import type { CheckedDevice } from './check-devices.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import { showText } from './show-value.ts';
import { TAG_COLUMNS, type TagColumnName } from './tag-columns.table.ts';
import { overlapsOf, type PlacedSpan } from './tag-spans.ts';
import { type TagRow, type TagTable, whereOf } from './tag-table.ts';

/** A tag table with the name of its file. */
export interface NamedTable {
  readonly file: string;
  readonly table: TagTable;
}

interface PlacedRow extends NamedTable {
  readonly row: TagRow;
}

const COLUMN_NAMES: ReadonlySet<string> = new Set(TAG_COLUMNS.map(({ name }) => name));

/** Check the rows of all tag tables against the devices and each other; sound ones become tags, in order of the tables. */
export function checkTags(
  tables: readonly NamedTable[],
  devices: ReadonlyMap<string, CheckedDevice>,
): { readonly tags: TagSequence; readonly problems: readonly Problem[] } {
  const tags = new TagColumns();
  const problems: Problem[] = [];
  const seen = new Map<string, string>();
  const proposals = new Map<string, string | null>();
  const spans = new Map<string, PlacedSpan<PlacedRow>[]>();
  for (const { file, table } of tables) {
    for (const row of table.rows) {
      const { tag } = row;
      const add = (
        column: TagColumnName,
        problem: Pick<Problem, 'code' | 'found' | 'expected'> & { suggestion?: string },
      ) =>
        problems.push({
          severity: 'error',
          file,
          line: row.row.line,
          column: table.columnOf(row.row, column),
          where: whereOf(tag.name, column),
          ...problem,
        });
      if (tag.name !== '' && tag.asset !== '') {
        const key = `${tag.asset}/${tag.name}`;
        const first = seen.get(key);
        if (first === undefined) seen.set(key, `${file}:${row.row.line}`);
        else {
          add('name', {
            code: 'CONFIG_DUPLICATE',
            found: `${showText(tag.name)} again for ${tag.asset}`,
            expected: `a name of its own; the first is at ${first}`,
          });
        }
      }
      if (tag.device === '') continue;
      const device = devices.get(tag.device);
      if (device === undefined) {
        addUnknownDevice(tag.device, devices, proposals, add);
        continue;
      }
      if (device.device === null || device.spec === null) continue;
      const complete = withType(row, device);
      const wrong = device.spec.checkTag(complete, device.device.config);
      for (const { field, found, expected } of wrong) {
        const column = COLUMN_NAMES.has(field) ? (field as TagColumnName) : 'address';
        // Of a row with a wrong cell, what depends on that cell cannot be judged; the address can.
        if (!row.isSound && (column !== 'address' || tag.address === '')) continue;
        add(column, { code: 'CONFIG_INVALID_VALUE', found: found === '' ? 'an empty cell' : found, expected });
      }
      if (wrong.length > 0 || !row.isSound) continue;
      tags.push(complete);
      const span = device.spec.span?.(complete, device.device.config) ?? null;
      if (span === null) continue;
      const placed = { ...span, row: { file, table, row } };
      const others = spans.get(tag.device);
      if (others === undefined) spans.set(tag.device, [placed]);
      else others.push(placed);
    }
  }
  for (const placed of spans.values())
    for (const [later, earlier] of overlapsOf(placed)) problems.push(overlapProblem(later, earlier));
  tags.seal();
  return { tags, problems };
}

/** A value that begins inside another one: most often the wrong type or an address off by one. */
function overlapProblem({ row: later }: PlacedSpan<PlacedRow>, { row: earlier }: PlacedSpan<PlacedRow>): Problem {
  const { tag, row } = later.row;
  const other = earlier.row.tag;
  return {
    severity: 'warning',
    code: 'CONFIG_OVERLAP',
    file: later.file,
    line: row.line,
    column: later.table.columnOf(row, 'address'),
    where: whereOf(tag.name, 'address'),
    found: `registers that tag ${other.name} takes too (${other.address}, ${earlier.file}:${earlier.row.row.line})`,
    expected: 'registers of its own, or the same ones with the same type',
  };
}

function withType({ tag }: TagRow, { device, spec }: CheckedDevice): TagDefinition {
  if (tag.type !== null) return tag as TagDefinition;
  return { ...tag, type: spec?.defaultType?.(tag.address, device?.config) ?? 'auto' };
}

function addUnknownDevice(
  name: string,
  devices: ReadonlyMap<string, CheckedDevice>,
  proposals: Map<string, string | null>,
  add: (column: TagColumnName, problem: Pick<Problem, 'code' | 'found' | 'expected'> & { suggestion?: string }) => void,
): void {
  let near = proposals.get(name);
  if (near === undefined) {
    near = nearest(name, devices.keys());
    if (proposals.size < 1000) proposals.set(name, near);
  }
  add('device', {
    code: 'CONFIG_UNKNOWN_REFERENCE',
    found: `the device ${showText(name)}`,
    expected:
      devices.size === 0
        ? 'a device defined in devices/ (there is none)'
        : `a device defined in devices/${devices.size <= 10 ? `: ${[...devices.keys()].join(', ')}` : ''}`,
    ...(near === null ? {} : { suggestion: near }),
  });
}
