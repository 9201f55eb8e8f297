import { isAssetPath, isSegment, proposeSegment } from '../model/asset.ts';
import {
  type ByteOrder,
  DATA_TYPES,
  DEADBAND_TYPES,
  type DeadbandType,
  LANES,
  type Lane,
  type TagAccess,
  type TagDefinition,
} from '../model/tag.ts';
import { ownText } from '../model/text-column.ts';
import { MOST_ELEMENTS, splitArrayType } from './array-type.ts';
import { nearest } from './nearest.ts';
import { parseNumberCell, parseWholeCell } from './number-cell.ts';
import type { Problem, ProblemCode } from './problem.ts';
import { parseScaleForm, SCALE_EXPECTED } from './scale-cell.ts';
import { FASTEST_SCAN_MS, SLOWEST_SCAN_MS } from './scan-period.ts';
import { showText } from './show-value.ts';
import type { TagColumnName } from './tag-columns.table.ts';
import { ACCESS_ALIASES, aliasKey, BYTE_ORDER_ALIASES, TYPE_ALIASES } from './type-alias.table.ts';

/** The cells of one row, by column; an empty or missing cell is `''`. */
export interface RowCells {
  text(column: TagColumnName): string;
  readonly hasDecimalComma: boolean;
}

/** What is wrong with one cell. */
interface CellProblem {
  readonly severity: Problem['severity'];
  readonly code: ProblemCode;
  readonly column: TagColumnName;
  readonly found: string;
  readonly expected: string;
  readonly suggestion?: string;
}

/** A row's tag without its type's default, or null when a cell is wrong. */
export interface RowResult {
  readonly tag: Omit<TagDefinition, 'type'> & { readonly type: TagDefinition['type'] | null };
  /** The row stands for so many values that follow each other; null: for one. */
  readonly elements: number | null;
  readonly problems: readonly CellProblem[];
}

/** A column filled with one mistake is the rule: each proposal is looked for once. */
const proposals = new Map<string, string | null>();
const CONTROL = /\p{Cc}/u;
const knownPaths = new Map<string, string | null>();
const KNOWN_PATHS_LIMIT = 10_000;
/** Texts that recur in many rows, so that each is kept once. */
const recurring = new Map<string, string>();

/** Read the cells of a row, each by its column's rule; what belongs together is checked together. */
export function readTagRow(cells: RowCells): RowResult {
  const problems: CellProblem[] = [];
  const put = (column: TagColumnName, expected: string, suggestion?: string | null, code?: ProblemCode) => {
    const text = cells.text(column);
    problems.push({
      severity: 'error',
      code: code ?? (text === '' ? 'CONFIG_MISSING_KEY' : 'CONFIG_INVALID_VALUE'),
      column,
      found: text === '' ? 'an empty cell' : showText(text),
      expected,
      ...(suggestion === undefined || suggestion === null ? {} : { suggestion }),
    });
  };
  const choice = <T extends string>(
    column: TagColumnName,
    fallback: T,
    known: readonly T[],
    aliases: Readonly<Record<string, T>>,
    text = cells.text(column),
  ): T => {
    if (text === '') return fallback;
    const key = aliasKey(text);
    if (Object.hasOwn(aliases, key)) return aliases[key] ?? fallback;
    const found = known.find((word) => word.toLowerCase() === key);
    if (found !== undefined) return found;
    put(column, `one of ${known.join(', ')}`, proposeChoice(text, known, aliases));
    return fallback;
  };
  const number = <T>(
    column: TagColumnName,
    fallback: T,
    expected: string,
    fits?: (value: number) => boolean,
  ): number | T => {
    const text = cells.text(column);
    if (text === '') return fallback;
    const value = parseNumberCell(text, cells.hasDecimalComma);
    if (Number.isFinite(value) && (fits === undefined || fits(value))) return value;
    const isComma = !cells.hasDecimalComma && /^[+-]?\d+,\d+$/.test(text);
    put(column, isComma ? `${expected} (with a decimal point)` : expected, isComma ? text.replace(',', '.') : null);
    return fallback;
  };
  const whole = <T>(column: TagColumnName, fallback: T, from: number, to: number): number | T => {
    const text = cells.text(column);
    if (text === '') return fallback;
    const value = parseWholeCell(text, cells.hasDecimalComma);
    if (value >= from && value <= to) return value;
    put(column, `a whole number from ${from} to ${to}`);
    return fallback;
  };

  const device = cells.text('device');
  if (device === '') put('device', 'the name of a device');
  const name = cells.text('name');
  if (name === '') put('name', 'a name, such as bearing_temperature');
  else if (!isSegment(name)) put('name', '1 to 64 of letters, digits, "_" and "-"', proposeSegment(name));
  else if (name.startsWith('_'))
    put('name', 'a name that does not begin with "_" (kept for contracts)', proposeSegment(name));
  const asset = checkAsset(once(cells.text('asset')), put);
  const address = cells.text('address');
  if (address === '') put('address', 'an address of the device');
  else if (address.length > 1000 || CONTROL.test(address)) put('address', 'at most 1000 characters on one line');

  const typeText = cells.text('type');
  // Few cells are arrays, and the pattern costs each of 50,000 rows.
  const array = typeText.endsWith(']') ? splitArrayType(typeText) : null;
  const type = typeText === '' ? null : choice('type', 'auto', DATA_TYPES, TYPE_ALIASES, array?.type ?? typeText);
  const elements = array?.elements ?? null;
  if (elements !== null && (elements < 1 || elements > MOST_ELEMENTS)) {
    put('type', `a count from 1 to ${MOST_ELEMENTS}, such as int16[8]`);
  }
  const byteOrder = choice<ByteOrder>('byte_order', 'ABCD', ['ABCD', 'CDAB', 'BADC', 'DCBA'], BYTE_ORDER_ALIASES);
  const bit = whole('bit', null, 0, 63);
  const length = whole('length', null, 1, 1000);
  if (length !== null && type !== null && type !== 'string' && bit === null) {
    put('length', `nothing, since the type is ${type}, or a bit to count from`);
  }
  const access = choice<TagAccess>('access', 'r', ['r', 'w', 'rw'], ACCESS_ALIASES);
  const scanMs = whole('scan_ms', 1000, FASTEST_SCAN_MS, SLOWEST_SCAN_MS);
  const form = parseScaleForm(cells.text('scale'));
  const scale = form === null ? number('scale', 1, SCALE_EXPECTED, (value) => value !== 0) : 1;
  const offset = number('offset', 0, 'a number, such as -40');
  const range = readRange(cells, number, put);
  if (form !== null && 'curve' in form && !range.isMapped) {
    put('scale', 'sqrt together with raw_low, raw_high, eng_low and eng_high');
  }
  if (form !== null && 'texts' in form && (range.isMapped || range.engLow !== null || range.engHigh !== null)) {
    put('scale', 'texts for numbers without raw_low … eng_high, which mean nothing to them');
  }
  if (range.isMapped && (scale !== 1 || offset !== 0)) {
    problems.push({
      severity: 'warning',
      code: 'CONFIG_CONTRADICTION',
      column: scale !== 1 ? 'scale' : 'offset',
      found: `${showText(cells.text(scale !== 1 ? 'scale' : 'offset'))} beside raw_low … eng_high`,
      expected: 'one of the two ways to scale; this one counts for nothing here',
    });
  }
  const unit = cells.text('unit');
  if (unit.length > 32 || CONTROL.test(unit)) put('unit', 'at most 32 characters, such as °C');
  const description = cells.text('description');
  if (description.length > 1000) put('description', 'at most 1000 characters');

  const percent = cells.text('deadband').endsWith('%');
  const deadbandText = percent ? cells.text('deadband').slice(0, -1).trimEnd() : cells.text('deadband');
  let deadband = deadbandText === '' ? 0 : parseNumberCell(deadbandText, cells.hasDecimalComma);
  if (!(deadband >= 0 && Number.isFinite(deadband)) || (percent && deadband > 100)) {
    put('deadband', 'a number of at least 0, such as 0.5, or a percentage such as 1%');
    deadband = 0;
  }
  const given = percent ? 'percent' : deadband > 0 ? 'absolute' : 'none';
  const deadbandType = choice<DeadbandType>('deadband_type', given, DEADBAND_TYPES, {
    abs: 'absolute',
    '%': 'percent',
  });
  if (percent && deadbandType !== 'percent') put('deadband_type', 'percent, since the deadband is a percentage');
  if (!percent && deadbandType === 'percent' && deadband > 100) put('deadband', 'a percentage of at most 100');
  const lane = choice<Lane>('lane', 'bulk', LANES, {});

  const tag = {
    device: once(device),
    name,
    asset,
    address,
    type,
    byteOrder,
    bit,
    length,
    access,
    scanMs,
    scale,
    offset,
    rawLow: range.rawLow,
    rawHigh: range.rawHigh,
    engLow: range.engLow,
    engHigh: range.engHigh,
    unit: once(unit),
    deadband,
    deadbandType,
    lane,
    description,
  };
  // Few rows have a form, and spreading costs each of 50,000 rows a µs.
  return { tag: form === null ? tag : { ...tag, ...form }, elements, problems };
}

function once(text: string): string {
  const known = recurring.get(text);
  if (known !== undefined) return known;
  if (recurring.size >= KNOWN_PATHS_LIMIT) recurring.clear();
  const own = ownText(text);
  recurring.set(own, own);
  return own;
}

function proposeChoice(
  text: string,
  known: readonly string[],
  aliases: Readonly<Record<string, string>>,
): string | null {
  const key = `${known[0]} ${text}`;
  let proposed = proposals.get(key);
  if (proposed === undefined) {
    const near = nearest(text, known) ?? nearest(text, Object.keys(aliases));
    proposed = near !== null && Object.hasOwn(aliases, near) ? (aliases[near] ?? null) : near;
    if (proposals.size >= KNOWN_PATHS_LIMIT) proposals.clear();
    proposals.set(key, proposed);
  }
  return proposed;
}

type Put = (column: TagColumnName, expected: string, suggestion?: string | null) => void;
type ReadNumber = (column: TagColumnName, fallback: null, expected: string) => number | null;

/** raw_low and raw_high need all four; eng_low and eng_high may stand alone, as limits. */
function readRange(cells: RowCells, number: ReadNumber, put: Put) {
  const range = {
    rawLow: number('raw_low', null, 'a number, such as 4000'),
    rawHigh: number('raw_high', null, 'a number, such as 20000'),
    engLow: number('eng_low', null, 'a number, such as 0'),
    engHigh: number('eng_high', null, 'a number, such as 100'),
  };
  const columns = ['raw_low', 'raw_high', 'eng_low', 'eng_high'] as const;
  const isMapped = cells.text('raw_low') !== '' || cells.text('raw_high') !== '';
  if (isMapped) {
    for (const column of columns) {
      if (cells.text(column) === '') put(column, 'a number, since raw_low, raw_high, eng_low and eng_high go together');
    }
    if (range.rawLow !== null && range.rawLow === range.rawHigh) put('raw_high', 'a number other than raw_low');
  }
  if (range.engLow !== null && range.engHigh !== null) {
    if (range.engLow === range.engHigh) put('eng_high', 'a number other than eng_low');
    else if (!isMapped && range.engLow > range.engHigh) put('eng_high', 'a number greater than eng_low');
  }
  return { ...range, isMapped };
}

/** Many tags share an asset: judge each path once. */
function checkAsset(path: string, put: Put): string {
  if (path === '') {
    put('asset', 'a path, such as acme/hamburg/line-3/press-7');
    return path;
  }
  let proposed = knownPaths.get(path);
  if (proposed === undefined) {
    const isFree = !path.startsWith('_') && !path.includes('/_');
    proposed = isAssetPath(path) && isFree ? null : proposeAssetPath(path);
    if (knownPaths.size >= KNOWN_PATHS_LIMIT) knownPaths.clear();
    knownPaths.set(path, proposed);
  }
  if (proposed !== null) {
    put(
      'asset',
      '1 to 16 levels joined by "/", each 1 to 64 of letters, digits, "_" and "-", none beginning with "_"',
      proposed,
    );
  }
  return path;
}

/** The nearest legal asset path: `ACME/Halle 3//Presse (7)` → `ACME/Halle_3/Presse_7`. */
function proposeAssetPath(path: string): string {
  const levels = path
    .split(/[/\\]+/)
    .map((level) => level.trim())
    .filter((level) => level !== '')
    .map(proposeSegment);
  return levels.length === 0 ? 'site/line/machine' : levels.slice(0, 16).join('/');
}
