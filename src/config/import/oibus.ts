import type { ForeignRow, ForeignTable } from './foreign-csv.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import { knownType, optionalNumber, orderCell, registerAddress, registersOf, scaleCell } from './modbus-cells.ts';

/** Columns of OIBus' item tables. */
export const OIBUS_COLUMNS = [
  ...['name', 'enabled', 'scanMode', 'scanModeName', 'settings_address', 'settings_modbusType', 'settings_nodeId'],
  ...['settings_mode', 'settings_data', 'settings_dataType', 'settings_multiplierCoefficient'],
] as const;

const AREAS: Readonly<Record<string, 'coil' | 'discrete' | 'input' | 'holding'>> = {
  coil: 'coil',
  discreteinput: 'discrete',
  inputregister: 'input',
  holdingregister: 'holding',
};

const TYPES: Readonly<Record<string, string>> = {
  uint16: 'uint16',
  int16: 'int16',
  uint32: 'uint32',
  int32: 'int32',
  float: 'float32',
  double: 'float64',
  biguint64: 'uint64',
  bigint64: 'int64',
};

/**
 * Items of a csv of OIBus, of a Modbus or an OPC UA connector; addresses are zero-based. Where the device is, and its byte order, the table does
 * not say: without being told, OIBus takes the low word of 32 bits first (`swapWordsInDWords` off; source: getValueFromBuffer in south-modbus.ts).
 */
export function importOibus(table: ForeignTable, options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  for (const row of table.rows) {
    const cells = () => {
      if (/^(0|false|no)$/i.test(row.text('enabled'))) throw new Rejection('it is switched off');
      return { ...placeOf(row, options, collector), ...scanCell(row, collector) };
    };
    collector.tag(row.place, row.text('name'), () => collector.namedDevice(), cells);
  }
  return collector.result();
}

function scanCell(row: ForeignRow, collector: TagCollector): { readonly scan_ms?: string } {
  const mode = row.text('scanModeName', 'scanMode');
  const [, count, unit] =
    /^(?:every\s+)?(\d*)\s*(ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?)$/i.exec(mode) ?? [];
  if (unit === undefined) {
    if (mode !== '' && !/subscription/i.test(mode))
      collector.note(`the period of scan mode "${mode}" is not in the table: --scan-ms says it`);
    return {};
  }
  const factor = /^ms|^milli/i.test(unit) ? 1 : /^s/i.test(unit) ? 1_000 : /^m/i.test(unit) ? 60_000 : 3_600_000;
  return { scan_ms: String(Number(count || '1') * factor) };
}

function placeOf(row: ForeignRow, options: ImportOptions, collector: TagCollector): Cells {
  const nodeId = row.text('settings_nodeId');
  if (nodeId !== '') {
    if (/^ha$/i.test(row.text('settings_mode')))
      throw new Rejection('it is read from the history of the server (mode ha)');
    return { address: nodeId };
  }
  const data = dataOf(row);
  const area =
    AREAS[
      row
        .text('settings_modbusType')
        .toLowerCase()
        .replace(/[^a-z]/g, '')
    ];
  if (area === undefined) throw new Rejection('it has neither a node id nor a Modbus area');
  const address = registerAddress(area, row.text('settings_address'));
  if (area === 'coil' || area === 'discrete') return { address, type: 'bool' };
  const written = data('dataType') || 'uint16';
  const key = written.toLowerCase().replace(/[^a-z0-9]/g, '');
  if (key === 'bit') return { address, type: 'uint16', bit: data('bitIndex') || '0' };
  const type = knownType(TYPES[key], written);
  const scale = scaleCell(optionalNumber(data('multiplierCoefficient'), 'multiplierCoefficient'));
  const registers = registersOf(type);
  if (registers === 4 && options.byteOrder === null) {
    // Without being told, it swaps the words of each half alone, an order that no known device has.
    throw new Rejection('the order of 64 bits is not in the table: --byte-order says it');
  }
  if (registers > 1 && options.byteOrder === null) {
    collector.note(
      'word order: low word first, as OIBus has it with swapWordsInDWords off; --byte-order takes another',
    );
  }
  return { address, type, ...orderCell(registers === 1 ? 'ABCD' : (options.byteOrder ?? 'CDAB')), ...scale };
}

/** Settings of the data: columns of their own, or JSON in one, as versions have it. */
function dataOf(row: ForeignRow): (key: string) => string {
  let data: Readonly<Record<string, unknown>> = {};
  const text = row.text('settings_data');
  if (text.startsWith('{')) {
    try {
      data = JSON.parse(text) as Readonly<Record<string, unknown>>;
    } catch {
      throw new Rejection('settings_data is not JSON');
    }
  }
  return (key) => row.text(`settings_data_${key}`, `settings_${key}`) || String(data[key] ?? '');
}
