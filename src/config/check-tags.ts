import type { TagDefinition } from '../model/tag.ts';
import { TagColumns, type TagSequence } from '../model/tag-columns.ts';
import type { CheckedDevice } from './check-devices.ts';
import { nearest } from './nearest.ts';
import type { Problem } from './problem.ts';
import { showText } from './show-value.ts';
import { TAG_COLUMNS, type TagColumnName } from './tag-columns.table.ts';
import { Spans } from './tag-spans.ts';
import { type RowPlace, type TagRow, type TagTableReader, whereOf } from './tag-table.ts';

/** What the tag tables hold. */
export interface CheckedTags {
  /** Sound ones, in order of the tables. */
  readonly tags: TagSequence;
  /** The names of every asset's tags, also of those that are not sound. */
  readonly names: ReadonlyMap<string, ReadonlyMap<string, unknown>>;
  readonly problems: readonly Problem[];
}

/** Where a tag comes from. */
interface Origin {
  readonly table: TagTableReader;
  readonly line: number;
  /** Of its row in the text. */
  readonly start: number;
}

type Wrong = Pick<Problem, 'code' | 'found' | 'expected'> & { readonly suggestion?: string };

const COLUMN_NAMES: ReadonlySet<string> = new Set(TAG_COLUMNS.map(({ name }) => name));

/**
 * Check the rows of all tag tables against the devices and each other; sound ones become tags. Nothing else is kept of a row than some
 * numbers, so that reading a large table takes little more memory than its tags do.
 */
export function checkTags(tables: readonly TagTableReader[], devices: ReadonlyMap<string, CheckedDevice>): CheckedTags {
  const tags = new TagColumns();
  const origins = new Origins(tables);
  const problems: Problem[] = [];
  /** Origin of each name by asset. */
  const names = new Map<string, Map<string, number>>();
  const proposals = new Map<string, string | null>();
  const spans = new Map<string, Spans>();
  for (const table of tables) {
    for (const { tag, row, isSound } of table.rows((problem) => problems.push(problem))) {
      const add = (column: TagColumnName, wrong: Wrong) =>
        problems.push(problemAt({ table, ...row }, tag.name, column, wrong));
      const origin = origins.add(table, row);
      if (tag.name !== '' && tag.asset !== '') {
        const first = firstOf(names, tag, origin);
        if (first !== origin) {
          const { table: other, line } = origins.at(first);
          add('name', {
            code: 'CONFIG_DUPLICATE',
            found: `${showText(tag.name)} again for ${tag.asset}`,
            expected: `a name of its own; the first is at ${other.file}:${line}`,
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
      const complete = withType(tag, device);
      const wrong = device.spec.checkTag(complete, device.device.config);
      for (const { field, found, expected } of wrong) {
        const column = COLUMN_NAMES.has(field) ? (field as TagColumnName) : 'address';
        // Of a row with a wrong cell, what depends on that cell cannot be judged; the address can.
        if (!isSound && (column !== 'address' || tag.address === '')) continue;
        add(column, { code: 'CONFIG_INVALID_VALUE', found: found === '' ? 'an empty cell' : found, expected });
      }
      if (wrong.length > 0 || !isSound) continue;
      const span = device.spec.span?.(complete, device.device.config) ?? null;
      tags.push(complete);
      if (span === null) continue;
      const memory = `${tag.device} ${span.space}`;
      const others = spans.get(memory) ?? new Spans();
      spans.set(memory, others);
      others.add(span, tags.length - 1);
      origins.ofTag[tags.length - 1] = origin;
    }
  }
  tags.seal();
  for (const memory of spans.values())
    for (const [later, earlier] of memory.overlaps()) problems.push(overlapProblem(tags, origins, later, earlier));
  return { tags, names, problems };
}

/** The origin of each row as columns; an origin is known by its number. */
class Origins {
  readonly #tables: readonly TagTableReader[];
  readonly #table: number[] = [];
  readonly #line: number[] = [];
  readonly #start: number[] = [];
  /** Origin of a tag, by its place among the sound ones; only of those that are compared. */
  readonly ofTag: number[] = [];

  constructor(tables: readonly TagTableReader[]) {
    this.#tables = tables;
  }

  add(table: TagTableReader, { line, start }: RowPlace): number {
    this.#table.push(this.#tables.indexOf(table));
    this.#line.push(line);
    return this.#start.push(start) - 1;
  }

  at(origin: number): Origin {
    const table = this.#tables[this.#table[origin] as number] as TagTableReader;
    return { table, line: this.#line[origin] as number, start: this.#start[origin] as number };
  }
}

/** The origin that had a tag's name first; the given one if none had. */
function firstOf(
  names: Map<string, Map<string, number>>,
  { asset, name }: Pick<TagDefinition, 'asset' | 'name'>,
  origin: number,
): number {
  let ofAsset = names.get(asset);
  if (ofAsset === undefined) {
    ofAsset = new Map();
    names.set(asset, ofAsset);
  }
  const first = ofAsset.get(name);
  if (first === undefined) ofAsset.set(name, origin);
  return first ?? origin;
}

function problemAt({ table, line, start }: Origin, tagName: string, column: TagColumnName, wrong: Wrong): Problem {
  const where = whereOf(tagName, column);
  return { severity: 'error', file: table.file, line, column: table.columnOf(start, column), where, ...wrong };
}

/** A value that begins inside another one: most often the wrong type or an address off by one. */
function overlapProblem(tags: TagSequence, origins: Origins, later: number, earlier: number): Problem {
  const other = tags.at(earlier) as TagDefinition;
  const { table, line } = origins.at(origins.ofTag[earlier] as number);
  return {
    ...problemAt(origins.at(origins.ofTag[later] as number), tags.at(later)?.name ?? '', 'address', {
      code: 'CONFIG_OVERLAP',
      found: `registers that tag ${other.name} takes too (${other.address}, ${table.file}:${line})`,
      expected: 'registers of its own, or the same ones with the same type',
    }),
    severity: 'warning',
  };
}

function withType(tag: TagRow['tag'], { device, spec }: CheckedDevice): TagDefinition {
  if (tag.type !== null) return tag as TagDefinition;
  return { ...tag, type: spec?.defaultType?.(tag.address, device?.config) ?? 'auto' };
}

function addUnknownDevice(
  name: string,
  devices: ReadonlyMap<string, CheckedDevice>,
  proposals: Map<string, string | null>,
  add: (column: TagColumnName, wrong: Wrong) => void,
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
