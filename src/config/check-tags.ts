import { isSegment } from '../model/asset.ts';
import type { TagDefinition } from '../model/tag.ts';
import { TagColumns, type TagSequence } from '../model/tag-columns.ts';
import { elementName } from './array-type.ts';
import type { CheckedDevice } from './check-devices.ts';
import type { DriverSpec } from './component-spec.ts';
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
    for (const { tag, elements, row, isSound } of table.rows((problem) => problems.push(problem))) {
      const add = (column: TagColumnName, wrong: Wrong) =>
        problems.push(problemAt({ table, ...row }, tag.name, column, wrong));
      const origin = origins.add(table, row);
      if (tag.name !== '' && tag.asset !== '') {
        for (const name of namesOf(tag.name, isSound ? elements : null)) {
          const first = firstOf(names, { asset: tag.asset, name }, origin);
          if (first === origin) continue;
          const { table: other, line } = origins.at(first);
          add('name', {
            code: 'CONFIG_DUPLICATE',
            found: `${showText(name)} again for ${tag.asset}`,
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
      const { spec, device: checked } = device;
      const values = elements === null ? [complete] : elementsOf(complete, elements, spec, checked.config);
      if (!Array.isArray(values)) {
        add(values.column, values.wrong);
        continue;
      }
      for (const value of values) {
        const span = spec.span?.(value, checked.config) ?? null;
        tags.push(value);
        if (span === null) continue;
        const memory = `${tag.device} ${span.space}`;
        const others = spans.get(memory) ?? new Spans();
        spans.set(memory, others);
        others.add(span, tags.length - 1);
        origins.ofTag[tags.length - 1] = origin;
      }
    }
  }
  tags.seal();
  for (const memory of spans.values())
    for (const [later, earlier] of memory.overlaps()) problems.push(overlapProblem(tags, origins, later, earlier));
  return { tags, names, problems };
}

/** The names of the tags that a row stands for. */
function namesOf(name: string, elements: number | null): string[] {
  return elements === null ? [name] : Array.from({ length: elements }, (_none, index) => elementName(name, index));
}

/** The tags that an array stands for; or what is wrong with it. */
function elementsOf(
  first: TagDefinition,
  elements: number,
  spec: DriverSpec,
  config: unknown,
): TagDefinition[] | { readonly column: TagColumnName; readonly wrong: Wrong } {
  const wrong = (column: TagColumnName, found: string, expected: string) =>
    ({ column, wrong: { code: 'CONFIG_INVALID_VALUE', found, expected } }) as const;
  const array = `${first.type}[${elements}]`;
  if (spec.elementAddress === undefined) {
    return wrong('type', array, `${first.type}: devices of kind ${spec.kind} have no arrays; a row for each value`);
  }
  if (first.bit !== null) return wrong('bit', String(first.bit), `no bit beside ${array}; a row for each bit`);
  const values: TagDefinition[] = [];
  for (const [index, name] of namesOf(first.name, elements).entries()) {
    if (!isSegment(name)) {
      return wrong('name', showText(first.name), `a name that stays within 64 characters with _${index} behind it`);
    }
    const value = { ...first, name, address: spec.elementAddress(first, config, index) };
    const [problem] = spec.checkTag(value, config);
    if (problem !== undefined) {
      return wrong('address', `${first.address}, of which value ${index} is at ${problem.found}`, problem.expected);
    }
    values.push(value);
  }
  return values;
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
