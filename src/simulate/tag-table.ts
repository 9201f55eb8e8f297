import { parse } from 'csv-parse/sync';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { isAssetPath, isSegment } from '../model/asset.ts';
import { csvLine } from '../model/csv-line.ts';
import { BYTE_ORDERS, DATA_TYPES, DEADBAND_TYPES, LANES, TAG_ACCESS, type TagDefinition } from '../model/tag.ts';
import { TAG_DEFAULTS } from './fixture.ts';

const COLUMNS = [
  'device',
  'name',
  'asset',
  'address',
  'type',
  'byte_order',
  'bit',
  'length',
  'access',
  'scan_ms',
  'scale',
  'offset',
  'raw_low',
  'raw_high',
  'eng_low',
  'eng_high',
  'unit',
  'deadband',
  'deadband_type',
  'lane',
  'description',
] as const;
type Column = (typeof COLUMNS)[number];

/** The tag table as comma-separated text with every column, as `tags/*.csv` and a fixture's `tags.csv` hold it. */
export function encodeTagTable(tags: readonly TagDefinition[]): string {
  const rows = tags.map((tag) => csvLine(COLUMNS.map((column) => cellOf(tag, column))));
  return `${[COLUMNS.join(','), ...rows].join('\n')}\n`;
}

/**
 * The tags of a fixture's own `tags.csv`: written by Headgate, so strict; people's tables are read by the configuration.
 * @throws FIXTURE_INVALID with the line
 */
export function decodeTagTable(text: string, path: string): TagDefinition[] {
  let rows: Record<string, string>[];
  try {
    rows = parse(text, { columns: true, bom: true, trim: true, skip_empty_lines: true });
  } catch (cause) {
    throw new HeadgateError('FIXTURE_INVALID', { path, place: 'table', problem: messageOf(cause) }, cause);
  }
  return rows.map((row, position) => {
    const fail = (column: Column, expected: string): never => {
      const problem = `${column} is ${JSON.stringify(row[column] ?? '')}, expected ${expected}`;
      throw new HeadgateError('FIXTURE_INVALID', { path, place: `line ${position + 2}`, problem });
    };
    const text = (column: Column): string => row[column] ?? '';
    const number = (column: Column, absent: number): number => numberOrNull(column) ?? absent;
    const numberOrNull = (column: Column): number | null => {
      const cell = text(column);
      if (cell === '') return null;
      const value = Number(cell);
      return Number.isFinite(value) ? value : fail(column, 'a number');
    };
    const choice = <T extends string>(column: Column, choices: readonly T[], absent: T | null): T =>
      text(column) === '' && absent !== null
        ? absent
        : (choices.find((one) => one === text(column)) ?? fail(column, choices.join(' | ')));
    return {
      device: isSegment(text('device')) ? text('device') : fail('device', 'a device name'),
      name: isSegment(text('name')) ? text('name') : fail('name', 'a tag name'),
      asset: isAssetPath(text('asset')) ? text('asset') : fail('asset', 'an asset path'),
      address: text('address') === '' ? fail('address', 'an address') : text('address'),
      type: choice('type', DATA_TYPES, null),
      byteOrder: choice('byte_order', BYTE_ORDERS, TAG_DEFAULTS.byteOrder),
      bit: numberOrNull('bit'),
      length: numberOrNull('length'),
      access: choice('access', TAG_ACCESS, TAG_DEFAULTS.access),
      scanMs: number('scan_ms', TAG_DEFAULTS.scanMs),
      scale: number('scale', TAG_DEFAULTS.scale),
      offset: number('offset', TAG_DEFAULTS.offset),
      rawLow: numberOrNull('raw_low'),
      rawHigh: numberOrNull('raw_high'),
      engLow: numberOrNull('eng_low'),
      engHigh: numberOrNull('eng_high'),
      unit: text('unit'),
      deadband: number('deadband', TAG_DEFAULTS.deadband),
      deadbandType: choice('deadband_type', DEADBAND_TYPES, TAG_DEFAULTS.deadbandType),
      lane: choice('lane', LANES, TAG_DEFAULTS.lane),
      description: text('description'),
    };
  });
}

function cellOf(tag: TagDefinition, column: Column): string {
  const isNumeric = tag.type !== 'bool' && tag.type !== 'string';
  switch (column) {
    case 'byte_order':
      return tag.byteOrder === TAG_DEFAULTS.byteOrder ? '' : tag.byteOrder;
    case 'bit':
      return tag.bit === null ? '' : String(tag.bit);
    case 'length':
      return tag.length === null ? '' : String(tag.length);
    case 'scan_ms':
      return String(tag.scanMs);
    case 'scale':
      return isNumeric && tag.scale !== 1 ? String(tag.scale) : '';
    case 'offset':
      return isNumeric && tag.offset !== 0 ? String(tag.offset) : '';
    case 'raw_low':
      return tag.rawLow === null ? '' : String(tag.rawLow);
    case 'raw_high':
      return tag.rawHigh === null ? '' : String(tag.rawHigh);
    case 'eng_low':
      return tag.engLow === null ? '' : String(tag.engLow);
    case 'eng_high':
      return tag.engHigh === null ? '' : String(tag.engHigh);
    case 'deadband':
      return tag.deadband === 0 ? '' : String(tag.deadband);
    case 'deadband_type':
      return tag.deadbandType === 'none' ? '' : tag.deadbandType;
    default:
      return tag[column];
  }
}
