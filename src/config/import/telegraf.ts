import { parse, TomlError } from 'smol-toml';
import type { ByteOrder, DataType } from '../../model/tag.ts';
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
  wholeNumber,
} from './modbus-cells.ts';
import { serialSettings } from './serial-settings.ts';

/** Orders of all lengths, by Telegraf's names. Source: normalizeByteOrder in plugins/inputs/modbus. */
const ORDERS: Readonly<Record<string, ByteOrder>> = {
  '': 'ABCD',
  AB: 'ABCD',
  ABCD: 'ABCD',
  ABCDEFGH: 'ABCD',
  'MSW-BE': 'ABCD',
  BA: 'BADC',
  BADC: 'BADC',
  BADCFEHG: 'BADC',
  'MSW-LE': 'BADC',
  CDAB: 'CDAB',
  GHEFCDAB: 'CDAB',
  'LSW-BE': 'CDAB',
  DCBA: 'DCBA',
  HGFEDCBA: 'DCBA',
  'LSW-LE': 'DCBA',
};

const LISTS: Readonly<Record<string, RegisterArea>> = {
  coils: 'coil',
  discrete_inputs: 'discrete',
  input_registers: 'input',
  holding_registers: 'holding',
};

const AREAS: Readonly<Record<string, RegisterArea>> = {
  '': 'holding',
  coil: 'coil',
  discrete: 'discrete',
  input: 'input',
  holding: 'holding',
};
const SECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `[[inputs.modbus]]` in all three styles, `[[inputs.opcua]]` and `[[inputs.opcua_listener]]` of a configuration of Telegraf. */
export function importTelegraf(text: string, options: ImportOptions): ImportedTable {
  let document: Mapping;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new Rejection(`line ${error.line}: ${error.message.split('\n')[0]}`);
  }
  const collector = new TagCollector(options);
  const inputs = mappingOf(document['inputs'], 'inputs');
  const agentMs = periodMs(textOf(mappingOf(document['agent'], 'agent'), 'interval')) ?? 10_000;
  for (const { entry, place } of entriesOf(inputs, 'modbus', 'inputs')) {
    new ModbusInput(entry, place, collector, periodMs(textOf(entry, 'interval')) ?? agentMs).take();
  }
  for (const kind of ['opcua', 'opcua_listener']) {
    for (const { entry, place } of entriesOf(inputs, kind, 'inputs')) takeOpcua(entry, place, collector, agentMs);
  }
  return collector.result();
}

/** One `[[inputs.modbus]]`: a connection with one or more units. */
class ModbusInput {
  readonly #input: Mapping;
  readonly #place: string;
  readonly #collector: TagCollector;
  readonly #periodMs: number;
  readonly #devices = new Map<number, string>();

  constructor(input: Mapping, place: string, collector: TagCollector, periodMs: number) {
    this.#input = input;
    this.#place = place;
    this.#collector = collector;
    this.#periodMs = periodMs;
  }

  take(): void {
    const style = textOf(this.#input, 'configuration_type').toLowerCase();
    if (style === '' || style === 'register') {
      for (const [list, area] of Object.entries(LISTS)) {
        for (const { entry, place } of entriesOf(this.#input, list, this.#place)) {
          this.#add(place, entry, this.#input, () => registerStyle(entry, area));
        }
      }
      return;
    }
    for (const group of ['request', 'metric']) {
      for (const request of entriesOf(this.#input, group, this.#place)) {
        for (const { entry, place } of entriesOf(request.entry, 'fields', request.place)) {
          if (isTrue(entry['omit'])) continue;
          this.#add(place, entry, request.entry, () => fieldStyle(entry, request.entry));
        }
      }
    }
  }

  #add(place: string, field: Mapping, unitOf: Mapping, cells: () => Cells): void {
    this.#collector.tag(
      place,
      textOf(field, 'name'),
      () => this.#device(wholeNumber(unitOf['slave_id'] ?? 1, 'slave_id')),
      () => ({ ...cells(), scan_ms: String(this.#periodMs) }),
    );
  }

  #device(unit: number): string {
    const known = this.#devices.get(unit);
    if (known !== undefined) return known;
    const name = `${textOf(this.#input, 'name') || 'modbus'}-${unit}`;
    const device = this.#collector.device(name, { ...connectionOf(this.#input), unit });
    this.#devices.set(unit, device);
    return device;
  }
}

function connectionOf(input: Mapping): Mapping {
  const controller = textOf(input, 'controller');
  const mode = textOf(input, 'transmission_mode').toLowerCase();
  const [, host, port] = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+)/i.exec(controller) ?? [];
  if (host !== undefined) {
    const driver =
      mode === 'rtuovertcp' ? 'modbus-rtu-tcp' : mode === 'asciiovertcp' ? 'modbus-ascii-tcp' : 'modbus-tcp';
    return { driver, host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
  }
  const [, path] = /^(?:file:\/\/)?(\/.+)$/.exec(controller) ?? [];
  if (path === undefined)
    throw new Rejection(`the controller ${JSON.stringify(controller)} is neither tcp://host:port nor a serial port`);
  return {
    driver: mode === 'ascii' ? 'modbus-ascii' : 'modbus-rtu',
    ...serialSettings(path, { baud_rate: 9600, ...input }),
  };
}

/** A field of the style "register": addresses as a list, types with `FLOAT32` for a scaled integer. */
function registerStyle(field: Mapping, area: RegisterArea): Cells {
  const addresses = Array.isArray(field['address']) ? (field['address'] as unknown[]) : [field['address']];
  const from = wholeNumber(addresses[0], 'address');
  if (addresses.some((address, index) => address !== from + index))
    throw new Rejection('its addresses are not consecutive');
  const address = registerAddress(area, from);
  if (area === 'coil' || area === 'discrete') return { address, type: 'bool' };
  const written = textOf(field, 'data_type').toUpperCase();
  const bits = addresses.length * 16;
  if (written === 'FIXED' || written === 'UFIXED' || written === 'FLOAT32') {
    return {
      address,
      ...numberCells(field, `${written === 'FIXED' ? 'INT' : 'UINT'}${bits}`, textOf(field, 'byte_order')),
    };
  }
  if (written === 'STRING') return { address, ...stringCells(addresses.length, textOf(field, 'byte_order')) };
  if (written === 'BIT') return { address, type: 'uint16', bit: String(wholeNumber(field['bit'] ?? 0, 'bit')) };
  return { address, ...numberCells(field, written.replace('-IEEE', ''), textOf(field, 'byte_order')) };
}

/** A field of the styles "request" and "metric". */
function fieldStyle(field: Mapping, request: Mapping): Cells {
  const written = textOf(field, 'register') || textOf(request, 'register');
  const area = AREAS[written.toLowerCase()];
  if (area === undefined) throw new Rejection(`the register type ${JSON.stringify(written)} is unknown`);
  const address = registerAddress(area, field['address']);
  if (area === 'coil' || area === 'discrete') return { address, type: 'bool' };
  const order = textOf(request, 'byte_order');
  const type = textOf(field, 'type').toUpperCase();
  if (type === 'STRING') return { address, ...stringCells(wholeNumber(field['length'] ?? 1, 'length'), order) };
  if (type === 'BIT') return { address, type: 'uint16', bit: String(wholeNumber(field['bit'] ?? 0, 'bit')) };
  return { address, ...numberCells(field, type, order) };
}

function stringCells(registers: number, order: string) {
  const isSwapped = /^(BA|DCBA|HGFEDCBA|.SW-LE)/i.test(order);
  return { type: 'string', length: String(registers * 2), ...(isSwapped ? { byte_order: 'BADC' } : {}) };
}

function numberCells(field: Mapping, written: string, orderText: string) {
  const order = ORDERS[orderText.toUpperCase()];
  if (order === undefined) throw new Rejection(`the byte order ${JSON.stringify(orderText)} is unknown`);
  const scale = scaleCell(optionalNumber(field['scale'], 'scale'));
  const [, half] = /^U?INT8([LH])$/.exec(written) ?? [];
  if (half !== undefined) {
    // Of a register whose bytes are swapped the low half comes first.
    const isHighByte = (half === 'H') !== (order === 'BADC' || order === 'DCBA');
    return { type: written.startsWith('U') ? 'uint8' : 'int8', ...orderCell(isHighByte ? 'BADC' : 'ABCD'), ...scale };
  }
  const type: DataType = knownType(written.toLowerCase(), written === '' ? 'nothing' : written);
  const own = registersOf(type) === 1 ? (order === 'BADC' || order === 'DCBA' ? 'BADC' : 'ABCD') : order;
  return { type, ...orderCell(own), ...scale };
}

function takeOpcua(input: Mapping, place: string, collector: TagCollector, agentMs: number): void {
  let device: string | null = null;
  const owner = () => {
    const endpoint = textOf(input, 'endpoint');
    if (endpoint === '') throw new Rejection('the server has no endpoint');
    device ??= collector.device(textOf(input, 'name') || 'opcua', {
      driver: 'opcua',
      endpoint,
      ...securityOf(input, collector),
    });
    return device;
  };
  const period = periodMs(textOf(input, 'subscription_interval', 'interval')) ?? agentMs;
  const take = (nodes: Mapping, at: string, defaults: Mapping) => {
    for (const { entry, place: nodePlace } of entriesOf(nodes, 'nodes', at)) {
      const cells = () => ({
        address: nodeIdOf({ ...defaults, ...entry }),
        scan_ms: String(periodMs(textOf(defaults, 'sampling_interval')) ?? period),
      });
      collector.tag(nodePlace, textOf(entry, 'name'), owner, cells);
    }
  };
  take(input, place, {});
  for (const group of entriesOf(input, 'group', place)) take(group.entry, group.place, group.entry);
}

function nodeIdOf(node: Mapping): string {
  const id = textOf(node, 'id');
  if (id !== '') return id;
  const identifier = textOf(node, 'identifier');
  if (identifier === '') throw new Rejection('it has no identifier');
  const type = textOf(node, 'identifier_type') || 's';
  const uri = textOf(node, 'namespace_uri');
  return `${uri === '' ? `ns=${textOf(node, 'namespace') || '0'}` : `nsu=${uri}`};${type}=${identifier}`;
}

function securityOf(input: Mapping, collector: TagCollector): Mapping {
  if (textOf(input, 'username') !== '' || textOf(input, 'auth_method') === 'UserName') {
    collector.note(
      'user and password of OPC UA servers are not taken over: "headgate device add" and config/reference.md say how',
    );
  }
  const policy = textOf(input, 'security_policy');
  return /^none$/i.test(policy) ? { security: { policy: 'None', mode: 'None' } } : {};
}

/** `10s`, `1m30s`, `500ms`; null for nothing. */
function periodMs(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length === 0) return null;
  return Math.max(
    10,
    Math.round(parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ''] ?? 0), 0)),
  );
}
