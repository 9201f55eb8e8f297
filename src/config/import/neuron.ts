import type { ByteOrder, DataType } from '../../model/tag.ts';
import type { ForeignRow, ForeignTable } from './foreign-csv.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import {
  knownType,
  numberedAddress,
  offsetCell,
  optionalNumber,
  orderCell,
  registersOf,
  scaleCell,
} from './modbus-cells.ts';

/** Columns of Neuron's tag tables. */
export const NEURON_COLUMNS = [
  ...['group', 'interval', 'name', 'address', 'attribute', 'type', 'description', 'decimal', 'precision', 'bias'],
] as const;

/** By name, and by the number that its API has. Source: `neu_type_e` of emqx/neuron. */
const TYPES: Readonly<Record<string, DataType>> = {
  int8: 'int8',
  '1': 'int8',
  uint8: 'uint8',
  '2': 'uint8',
  int16: 'int16',
  '3': 'int16',
  uint16: 'uint16',
  word: 'uint16',
  '4': 'uint16',
  int32: 'int32',
  '5': 'int32',
  uint32: 'uint32',
  dword: 'uint32',
  '6': 'uint32',
  int64: 'int64',
  '7': 'int64',
  uint64: 'uint64',
  lword: 'uint64',
  '8': 'uint64',
  float: 'float32',
  '9': 'float32',
  double: 'float64',
  '10': 'float64',
  bit: 'bool',
  '11': 'bool',
  bool: 'bool',
  '12': 'bool',
  string: 'string',
  '13': 'string',
};

/**
 * What `#` and its letters do to the bytes on the wire. Neuron's documents name three different meanings; these are what its driver does:
 * it takes the registers as big endian and swaps the number then. Source: `read_report_group` in src/adapter/driver/driver.c.
 */
const ORDERS: Readonly<Record<string, readonly [bits: string, order: ByteOrder]>> = {
  L: ['16 64', 'ABCD'],
  B: ['16 64', 'DCBA'],
  LL: ['32', 'ABCD'],
  LB: ['32', 'BADC'],
  BB: ['32', 'DCBA'],
  BL: ['32', 'CDAB'],
};

const AREAS = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' } as const;
const MODBUS =
  /^(?<unit>\d{1,3})!(?<area>[0134])(?<number>\d{4,5})(?:\.(?<bit>\d{1,2}))?(?:#(?<order>[BL]{1,2}))?(?:\.(?<length>\d{1,4})(?<style>[HLDE])?)?$/i;

/** Tags of an xlsx or csv of Neuron (EMQ). Which device they are of, the table does not say. Groups become a level of the asset. */
export function importNeuron(table: ForeignTable, options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  for (const row of table.rows) {
    const group = row.text('group');
    const folders = group === '' ? [] : [group];
    const cells = () => ({ ...placeOf(row, options, collector), ...commonCells(row) });
    collector.tag(row.place, row.text('name'), () => collector.namedDevice(), cells, folders);
  }
  return collector.result();
}

function commonCells(row: ForeignRow) {
  const attribute = row.text('attribute').toLowerCase();
  if (/static/.test(attribute)) throw new Rejection('it is a constant that Neuron invents (Static)');
  const number = /^\d+$/.test(attribute) ? Number(attribute) : null;
  const isRead = number === null ? attribute === '' || /read|subscribe/.test(attribute) : (number & 5) !== 0;
  const isWritten = number === null ? /write/.test(attribute) : (number & 2) !== 0;
  const isOnChange = number === null ? /subscribe/.test(attribute) : (number & 4) !== 0;
  const interval = optionalNumber(row.text('interval'), 'interval');
  return {
    access: isWritten ? (isRead ? 'rw' : 'w') : 'r',
    ...(interval === null ? {} : { scan_ms: String(interval) }),
    ...scaleCell(optionalNumber(row.text('decimal'), 'decimal')),
    ...offsetCell(optionalNumber(row.text('bias'), 'bias')),
    ...(isOnChange ? { deadband_type: 'absolute' } : {}),
    description: row.text('description'),
  };
}

function placeOf(row: ForeignRow, options: ImportOptions, collector: TagCollector): Cells {
  const address = row.text('address');
  const written = row.text('type').toLowerCase();
  if (options.driver === 'opcua') {
    const [, namespace, id] = /^(\d+)!(.+)$/.exec(address) ?? [];
    if (id === undefined) throw new Rejection(`the address ${JSON.stringify(address)} is not NAMESPACE!NODE`);
    return { address: `ns=${namespace};${/^\d+$/.test(id) ? 'i' : 's'}=${id}` };
  }
  const groups = MODBUS.exec(address)?.groups;
  if (groups === undefined) throw new Rejection(`the address ${JSON.stringify(address)} is none of its Modbus driver`);
  const type = knownType(TYPES[written], row.text('type') || 'nothing');
  const area = AREAS[groups['area'] as keyof typeof AREAS];
  const place = numberedAddress(area, Number(groups['number']), Number(groups['unit']));
  const { bit, order, length, style } = groups;
  if (type === 'string') {
    const characters = length ?? bit;
    const how = (style ?? 'H').toUpperCase();
    if (characters === undefined) throw new Rejection('a string without a length');
    if (how === 'D' || how === 'E') throw new Rejection('a string with one character in each register');
    return { address: place, type, length: characters, ...(how === 'L' ? { byte_order: 'BADC' } : {}) };
  }
  if (area === 'coil' || area === 'discrete') return { address: place, type: 'bool' };
  if (type === 'bool') {
    if (bit === undefined) throw new Rejection('a bit of a register without its number, as in 1!400010.4');
    return { address: place, type: 'uint16', bit };
  }
  return { address: place, type, ...orderCell(orderOf(type, order, options, collector)) };
}

function orderOf(
  type: DataType,
  letters: string | undefined,
  options: ImportOptions,
  collector: TagCollector,
): ByteOrder {
  const registers = registersOf(type);
  if (letters === undefined) return registers === 2 ? (options.byteOrder ?? 'ABCD') : 'ABCD';
  const [bits, order] = ORDERS[letters.toUpperCase()] ?? [];
  if (order === undefined || bits?.includes(String(registers * 16)) !== true) {
    throw new Rejection(`#${letters} is no order of ${registers * 16} bits`);
  }
  if (letters.length === 2) {
    collector.note(
      'Neuron documents #BB and #BL in several ways; taken as its driver works: #LL ABCD, #LB BADC, #BB DCBA, #BL CDAB',
    );
  }
  return order;
}
