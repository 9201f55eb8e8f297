import type { ForeignRow, ForeignTable } from './foreign-csv.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import {
  knownType,
  linearCells,
  numberedAddress,
  optionalNumber,
  orderCell,
  registersOf,
  scaleCell,
  squareRootCells,
} from './modbus-cells.ts';

/** Columns of KEPServerEX' tag tables. */
export const KEPWARE_COLUMNS = [
  ...['Tag Name', 'Address', 'Data Type', 'Respect Data Type', 'Client Access', 'Scan Rate', 'Scaling', 'Raw Low'],
  ...['Raw High', 'Scaled Low', 'Scaled High', 'Scaled Data Type', 'Clamp Low', 'Clamp High', 'Eng. Units'],
  ...['Description', 'Negate Value'],
] as const;

const TYPES: Readonly<Record<string, string>> = {
  boolean: 'bool',
  short: 'int16',
  word: 'uint16',
  long: 'int32',
  dword: 'uint32',
  llong: 'int64',
  qword: 'uint64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  bcd: 'bcd16',
  lbcd: 'bcd32',
};

const AREAS = { '0': 'coil', '1': 'discrete', '3': 'input', '4': 'holding' } as const;
const ADDRESS =
  /^(?<area>[0134])(?<number>\d{4,5})(?:\.(?<part>\d{1,3})(?<style>[HL])?)?(?:\s*\[(?<rows>\d{1,4})\](?:\s*\[(?<columns>\d{1,4})\])?)?$/i;
const MAX_ELEMENTS = 1_000;

/**
 * Tags of a csv of KEPServerEX with addresses of its Modbus drivers. Which device they are of, and its word order, the table does not
 * say: without another order, the low word comes first, as its drivers have it unless told otherwise ("First Word Low", "First DWord Low").
 */
export function importKepware(table: ForeignTable, options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  for (const row of table.rows) {
    const path = row.text('Tag Name').split('.');
    const name = path.pop() ?? '';
    const add = (own: string, cells: () => Cells) =>
      collector.tag(row.place, own, () => collector.namedDevice(), cells, path);
    try {
      const elements = elementsOf(row, options);
      const common = commonCells(row);
      for (const [index, cells] of elements.entries()) {
        add(elements.length === 1 ? name : `${name}_${index}`, () => ({ ...cells, ...common }));
      }
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      collector.reject(row.place, row.text('Tag Name'), error.message);
    }
  }
  if (options.byteOrder === null) {
    collector.note(
      'word order: low word first, as KEPServerEX has it unless the device says otherwise; --byte-order takes another',
    );
  }
  return collector.result();
}

/** One place, or those of all elements of an array. */
function elementsOf(row: ForeignRow, options: ImportOptions): Cells[] {
  const address = row.text('Address');
  const groups = ADDRESS.exec(address)?.groups;
  if (groups === undefined) throw new Rejection(`the address ${JSON.stringify(address)} is none of a Modbus driver`);
  const area = AREAS[groups['area'] as keyof typeof AREAS];
  const number = Number(groups['number']);
  const { part, style, rows, columns } = groups;
  const written = row.text('Data Type').replace(/ ?array$/i, '');
  const isBits = area === 'coil' || area === 'discrete';
  const fallback = isBits ? 'bool' : part !== undefined && style === undefined ? 'bool' : 'uint16';
  const key = written.toLowerCase();
  const type = knownType(key === '' || key === 'default' ? fallback : TYPES[key], written);
  const count = rows === undefined ? 1 : Number(rows) * Number(columns ?? 1);
  if (count < 1 || count > MAX_ELEMENTS) throw new Rejection(`an array of ${count} elements`);
  if (type === 'string') {
    if (part === undefined) throw new Rejection('a string without a length');
    if (count > 1) throw new Rejection('an array of strings');
    const order = style?.toUpperCase() === 'L' ? { byte_order: 'BADC' } : {};
    return [{ address: numberedAddress(area, number), type, length: part, ...order }];
  }
  if (!isBits && type === 'bool') {
    if (part === undefined) throw new Rejection('a bit of a register without its number, as in 400001.4');
    return [{ address: numberedAddress(area, number), type: 'uint16', bit: part }];
  }
  const width = isBits ? 1 : registersOf(type);
  const order = width === 1 ? {} : orderCell(options.byteOrder ?? 'CDAB');
  const bit = part === undefined || isBits ? {} : { bit: part };
  return Array.from({ length: count }, (_, index) => ({
    address: numberedAddress(area, number + index * width),
    type,
    ...order,
    ...bit,
  }));
}

function commonCells(row: ForeignRow) {
  const number = (column: string) => optionalNumber(row.text(column), column);
  const scaling = row.text('Scaling').toLowerCase();
  const isNegated = isOn(row.text('Negate Value'));
  const access = row.text('Client Access').toUpperCase();
  const rate = number('Scan Rate');
  const raw = [number('Raw Low'), number('Raw High')] as const;
  const ends = [number('Scaled Low'), number('Scaled High')] as const;
  const scaled = isNegated ? ([negated(ends[0]), negated(ends[1])] as const) : ends;
  const clamp = { low: isOn(row.text('Clamp Low')), high: isOn(row.text('Clamp High')) };
  const scale = /square/.test(scaling)
    ? squareRootCells(raw, scaled)
    : /linear/.test(scaling)
      ? linearCells(raw, scaled, clamp)
      : scaleCell(isNegated ? -1 : 1);
  return {
    access: access === 'WO' ? 'w' : access === '' || /^RO?$/.test(access) ? 'r' : 'rw',
    ...(rate === null || rate <= 0 ? {} : { scan_ms: String(rate) }),
    ...scale,
    unit: row.text('Eng. Units'),
    description: row.text('Description'),
  };
}

function isOn(text: string): boolean {
  return /^(1|true|yes)$/i.test(text);
}

function negated(value: number | null): number | null {
  return value === null ? null : -value;
}
