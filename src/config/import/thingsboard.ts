import { entriesOf, isTrue, type Mapping, mappingOf, textOf } from './document.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import {
  knownType,
  optionalNumber,
  orderCell,
  type RegisterArea,
  registerAddress,
  registersOf,
  scaleCell,
  swappedOrder,
  wholeNumber,
} from './modbus-cells.ts';
import { serialSettings } from './serial-settings.ts';

const AREAS: Readonly<Record<number, RegisterArea>> = {
  1: 'coil',
  2: 'discrete',
  3: 'holding',
  4: 'input',
  5: 'coil',
  6: 'holding',
  15: 'coil',
  16: 'holding',
};
const MAX_ELEMENTS = 1_000;

/**
 * `master.slaves` of a Modbus connector of ThingsBoard's IoT Gateway: time series and attributes are read, RPC and attribute updates become
 * tags to write. Without an order both bytes and words are little endian, as its converter has it (`bytes_modbus_uplink_converter.py`), and what
 * an order does to the bytes is pymodbus' BinaryPayloadDecoder.
 */
export function importThingsboard(document: unknown, options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  const root = mappingOf(document, 'the document');
  const master = mappingOf(
    root['master'] ?? mappingOf(root['configurationJson'] ?? {}, 'configurationJson')['master'],
    'master',
  );
  for (const { entry: slave, place } of entriesOf(master, 'slaves', 'master')) {
    let device: string | null = null;
    const owner = () => {
      device ??= collector.device(
        textOf(slave, 'deviceName') || `modbus-${textOf(slave, 'unitId')}`,
        connectionOf(slave),
      );
      return device;
    };
    const period = optionalPeriod(slave);
    for (const list of ['timeseries', 'attributes', 'rpc', 'attributeUpdates']) {
      for (const { entry, place: at } of entriesOf(slave, list, place)) {
        const name = textOf(entry, 'tag', 'key');
        try {
          const isWrite = list === 'rpc' || list === 'attributeUpdates';
          const elements = cellsOf(entry, slave, isWrite);
          for (const [index, cells] of elements.entries()) {
            const own = elements.length === 1 ? name : `${name}_${index}`;
            collector.tag(at, own, owner, () => ({ ...cells, ...period }));
          }
        } catch (error) {
          if (!(error instanceof Rejection)) throw error;
          collector.reject(at, name, error.message);
        }
      }
    }
  }
  return collector.result();
}

function optionalPeriod(slave: Mapping): { readonly scan_ms?: string } {
  const period = optionalNumber(slave['pollPeriod'], 'pollPeriod');
  return period === null ? {} : { scan_ms: String(Math.round(period)) };
}

function connectionOf(slave: Mapping): Mapping {
  const type = (textOf(slave, 'type') || 'tcp').toLowerCase();
  const method = textOf(slave, 'method').toLowerCase();
  const unit = wholeNumber(slave['unitId'] ?? 1, 'unitId');
  if (type === 'serial') {
    const path = textOf(slave, 'port');
    return {
      driver: method === 'ascii' ? 'modbus-ascii' : 'modbus-rtu',
      ...serialSettings(path, { baudrate: 19_200, ...slave }),
      unit,
    };
  }
  if (type !== 'tcp' || isTrue(slave['tls'])) throw new Rejection(`connections of type ${type} cannot be made`);
  const driver = method === 'rtu' ? 'modbus-rtu-tcp' : method === 'ascii' ? 'modbus-ascii-tcp' : 'modbus-tcp';
  return { driver, host: textOf(slave, 'host'), port: wholeNumber(slave['port'] ?? 502, 'port'), unit };
}

function cellsOf(tag: Mapping, slave: Mapping, isWrite: boolean): Cells[] {
  const code = wholeNumber(tag['functionCode'], 'functionCode');
  const area = AREAS[code];
  if (area === undefined) throw new Rejection(`the function code ${code} is not one that reads or writes values`);
  const access = isWrite && code > 4 ? 'w' : 'r';
  const offset = wholeNumber(tag['address'], 'address');
  const count = wholeNumber(tag['objectsCount'] ?? tag['registersCount'] ?? tag['registerCount'] ?? 1, 'objectsCount');
  if (count < 1 || count > MAX_ELEMENTS) throw new Rejection(`objectsCount is ${count}`);
  if (area === 'coil' || area === 'discrete') {
    return Array.from({ length: count }, (_, index) => ({
      address: registerAddress(area, offset + index),
      type: 'bool',
      access,
    }));
  }
  const address = registerAddress(area, offset);
  const order = (key: string) => (textOf(tag, key) || textOf(slave, key) || 'LITTLE').toUpperCase() === 'LITTLE';
  const swapped = swappedOrder(order('byteOrder'), order('wordOrder'));
  const written = textOf(tag, 'type').toLowerCase();
  const divider = optionalNumber(tag['divider'], 'divider');
  const multiplier = optionalNumber(tag['multiplier'], 'multiplier');
  const scale = scaleCell((multiplier || 1) / (divider || 1));
  if (written === 'bit' || written === 'bits') {
    const bit = optionalNumber(tag['bit'], 'bit');
    if (bit !== null) return [{ address, type: 'uint16', bit: String(bit), access }];
    if (count > 1) throw new Rejection('bits of several registers, which it gives as one list');
    return Array.from({ length: 16 }, (_, index) => ({ address, type: 'uint16', bit: String(index), access }));
  }
  // Its decoder takes text as it stands, whatever the order.
  if (written === 'string') return [{ address, type: 'string', length: String(count * 2), access }];
  const type = knownType(typeOf(written, count), textOf(tag, 'type') || 'nothing');
  // It takes the first byte of the register, which is the high one.
  if (type === 'int8' || type === 'uint8') return [{ address, type, byte_order: 'BADC', access, ...scale }];
  const own = registersOf(type) === 1 ? (order('byteOrder') ? 'BADC' : 'ABCD') : swapped;
  return [{ address, type, access, ...orderCell(own), ...scale }];
}

/** `16uint`, `32float`, `long` with its count of registers. */
function typeOf(written: string, registers: number): string | undefined {
  const [, bits, kind] = /^(\d+)(u?int|float)$/.exec(written) ?? [];
  if (bits !== undefined) return `${kind}${bits}`;
  if (written === 'int' || written === 'long' || written === 'integer') return `int${registers * 16}`;
  if (written === 'uint') return `uint${registers * 16}`;
  return written === 'float' || written === 'double' ? `float${registers * 16}` : undefined;
}
