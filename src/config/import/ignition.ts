import type { ForeignRow, ForeignTable } from './foreign-csv.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import {
  knownType,
  linearCells,
  numberedAddress,
  optionalNumber,
  orderCell,
  registersOf,
  squareRootCells,
} from './modbus-cells.ts';

/** Columns of Ignition's tag tables. */
export const IGNITION_COLUMNS = [
  ...['Path', 'Name', 'TagType', 'DataType', 'Enabled', 'AccessRights', 'OPCServer', 'OPCItemPath', 'ScaleMode'],
  ...[
    'RawLow',
    'RawHigh',
    'ScaledLow',
    'ScaledHigh',
    'ClampMode',
    'Deadband',
    'DeadbandMode',
    'EngUnit',
    'Documentation',
  ],
] as const;

/** Behind `HR` and `IR`. Source: Ignition's manual, Modbus Addressing. */
const TYPES: Readonly<Record<string, string>> = {
  '': 'int16',
  US: 'uint16',
  I: 'int32',
  UI: 'uint32',
  I_64: 'int64',
  UI_64: 'uint64',
  F: 'float32',
  D: 'float64',
  BCD: 'bcd16',
  BCD_32: 'bcd32',
  S: 'string',
};

const MODBUS =
  /^\[(?<device>[^\]]+)\](?:(?<unit>\d{1,3})\.)?(?<area>HR|IR|C|DI)(?<kind>(?:US|UI_64|UI|I_64|I|F|D|BCD_32|BCD|S)?)(?<number>\d{1,6})(?:\.(?<bit>\d{1,2}))?(?::(?<length>\d{1,4}))?$/;
const AREAS = { HR: 'holding', IR: 'input', C: 'coil', DI: 'discrete' } as const;

/**
 * Tags of a csv of Ignition: addresses of its own Modbus driver (`[Device]HRF100`, one-based), or node ids of another OPC UA server. Where
 * its devices are, the table does not say. Words come high one first unless a device says otherwise ("Reverse Word Order").
 */
export function importIgnition(table: ForeignTable, options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  for (const row of table.rows) {
    const item = row.text('OPCItemPath').replace(/^ns=\d+;s=(?=\[)/, '');
    const name = row.text('Name');
    const kind = row.text('TagType');
    if (item === '' && /folder/i.test(kind)) continue;
    const folders = row
      .text('Path')
      .split('/')
      .filter((level) => level !== '');
    const cells = () => {
      if (/^(0|false)$/i.test(row.text('Enabled'))) throw new Rejection('it is switched off');
      if (item === '') throw new Rejection(`it is not read from a device (${kind || 'no OPCItemPath'})`);
      return { ...placeOf(item, options), ...commonCells(row) };
    };
    collector.tag(row.place, name, () => collector.namedDevice(), cells, folders);
  }
  return collector.result();
}

function placeOf(item: string, options: ImportOptions): Cells {
  const groups = MODBUS.exec(item)?.groups;
  if (groups === undefined) {
    if (/^(ns=|nsu=|i=|s=|g=|b=)/.test(item) && options.driver === 'opcua') return { address: item };
    throw new Rejection(`${JSON.stringify(item)} is neither of its Modbus driver nor a node id`);
  }
  const area = AREAS[groups['area'] as keyof typeof AREAS];
  const unit = groups['unit'] === undefined ? null : Number(groups['unit']);
  const address = numberedAddress(area, Number(groups['number']), unit);
  if (area === 'coil' || area === 'discrete') return { address, type: 'bool' };
  const { kind = '', bit, length } = groups;
  const type = knownType(TYPES[kind], `${groups['area']}${kind}`);
  if (type === 'string') {
    if (length === undefined) throw new Rejection('a string without a length, as in HRS100:20');
    return { address, type, length };
  }
  const order = registersOf(type) === 1 ? {} : orderCell(options.byteOrder ?? 'ABCD');
  return { address, type, ...order, ...(bit === undefined ? {} : { bit }) };
}

function commonCells(row: ForeignRow) {
  const number = (column: string) => optionalNumber(row.text(column), column);
  const mode = row.text('ScaleMode').toLowerCase();
  const clamp = row
    .text('ClampMode')
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  const isRoot = mode === '2' || /square/.test(mode);
  const isLinear = mode === '1' || mode === 'linear';
  if (!isRoot && !isLinear && !/^(0|off|none|)$/.test(mode))
    throw new Rejection(`it is scaled by ${row.text('ScaleMode')}`);
  const both = clamp === '3' || clamp === 'clampboth';
  const range = (low: string, high: string) => [number(low), number(high)] as const;
  const raw = isRoot || isLinear ? range('RawLow', 'RawHigh') : null;
  const linear =
    raw === null
      ? {}
      : isRoot
        ? squareRootCells(raw, range('ScaledLow', 'ScaledHigh'))
        : linearCells(raw, range('ScaledLow', 'ScaledHigh'), {
            low: both || clamp === '1' || clamp === 'clamplow',
            high: both || clamp === '2' || clamp === 'clamphigh',
          });
  const deadband = number('Deadband');
  const deadbandMode = row.text('DeadbandMode').toLowerCase();
  const isOff = /^(off|2)$/.test(deadbandMode);
  return {
    access: /^(read_?write|2)$/i.test(row.text('AccessRights')) ? 'rw' : 'r',
    ...linear,
    ...(deadband === null || deadband <= 0 || isOff
      ? {}
      : { deadband: String(deadband), deadband_type: /^(percent|1)/.test(deadbandMode) ? 'percent' : 'absolute' }),
    unit: row.text('EngUnit'),
    description: row.text('Documentation'),
  };
}
