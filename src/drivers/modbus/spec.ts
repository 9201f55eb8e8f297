import type { DriverSpec, ValueProblem } from '../../config/component-spec.ts';
import type { TagDefinition } from '../../model/tag.ts';
import { addressBehind, ModbusAddressError, parseModbusAddress } from './address.ts';
import { isBitArea } from './area.ts';
import {
  type ModbusConfig,
  modbusAsciiConfigSchema,
  modbusAsciiTcpConfigSchema,
  modbusRtuConfigSchema,
  modbusRtuTcpConfigSchema,
  modbusTcpConfigSchema,
} from './config.ts';
import { formatExtent, parseExtent } from './extent-text.ts';
import { foreseeModbus } from './foresight.ts';
import { isWithinArea, overlap } from './plan.ts';
import { bitWidth, describePoint, type ModbusPoint, pointOf } from './point.ts';
import { connectionKeyOf, settingsOf } from './settings.ts';

/** What configuration must know of one Modbus kind. */
function specOf(kind: ModbusConfig['driver'], summary: string, schema: DriverSpec['schema']): DriverSpec {
  return {
    kind,
    summary,
    schema,
    checkDevice: (config) => checkDevice(config as ModbusConfig),
    checkTag: (tag, config) => checkTag(tag, config as ModbusConfig),
    describeAddress: (tag, config) => describePoint(pointOf(tag, settingsOf(config as ModbusConfig).unit)),
    span: (tag, config) => {
      const { unit, area, offset, count, bit } = pointOf(tag, settingsOf(config as ModbusConfig).unit);
      return bit !== null || isBitArea(area) ? null : { space: `unit ${unit} ${area}`, from: offset, count };
    },
    elementAddress: (tag, config, index) => {
      const { count } = pointOf(tag, settingsOf(config as ModbusConfig).unit);
      return addressBehind(tag.address, index * count);
    },
    defaultType: (address) => {
      try {
        return isBitArea(parseModbusAddress(address).area) ? 'bool' : 'uint16';
      } catch {
        // checkTag says what is wrong with the address.
        return 'uint16';
      }
    },
    foresee: foreseeModbus,
    connection: (config) => ({
      key: connectionKeyOf(config as ModbusConfig),
      settings: sharedSettings(config as ModbusConfig),
      binding: bindingSettings(config as ModbusConfig),
    }),
  };
}

/** Every Modbus kind; none needs a protocol library to be checked. */
export const modbusSpecs: readonly DriverSpec[] = [
  specOf(
    'modbus-tcp',
    'Modbus TCP unit, or a serial unit behind a TCP gateway, polled in blocks',
    modbusTcpConfigSchema,
  ),
  specOf('modbus-rtu', 'Modbus RTU unit on a serial port, polled in blocks', modbusRtuConfigSchema),
  specOf('modbus-ascii', 'Modbus ASCII unit on a serial port, polled in blocks', modbusAsciiConfigSchema),
  specOf('modbus-rtu-tcp', 'Modbus RTU unit behind a serial device server, polled in blocks', modbusRtuTcpConfigSchema),
  specOf(
    'modbus-ascii-tcp',
    'Modbus ASCII unit behind a serial device server, polled in blocks',
    modbusAsciiTcpConfigSchema,
  ),
];

/** What all devices on a wire have to say alike, by the keys of the device file. */
function sharedSettings(config: ModbusConfig): Readonly<Record<string, unknown>> {
  const { endpoint, line, framing, hasEcho, ...settings } = settingsOf(config);
  return {
    driver: config.driver,
    ...(line === null
      ? {}
      : { baud_rate: line.baudRate, data_bits: line.dataBits, parity: line.parity, stop_bits: line.stopBits }),
    ...(endpoint.kind === 'serial'
      ? { rs485: { ...endpoint.rts, hasEcho } }
      : { connect_timeout_ms: settings.connectTimeoutMs }),
    ...(framing === 'tcp' ? { max_in_flight: settings.maxInFlight } : { turnaround_ms: settings.turnaroundMs }),
    pause_ms: settings.pauseMs,
    reconnect_min_ms: settings.reconnectMinMs,
    reconnect_max_ms: settings.reconnectMaxMs,
  };
}

/** What a wire can be in one way only: the kind of its frames and, on a serial port, their characters. */
function bindingSettings(config: ModbusConfig): readonly string[] {
  return 'path' in config ? ['driver', 'baud_rate', 'data_bits', 'parity', 'stop_bits'] : ['driver'];
}

function checkDevice(config: ModbusConfig): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const host = 'host' in config ? config.host : '';
  if (host.includes('://') || /^[^:]+:\d*$/.test(host) || /^\[|[\s/]/.test(host)) {
    problems.push({
      field: 'host',
      found: host,
      expected: 'an address or host name alone, such as 192.168.0.20; the port goes to port',
    });
  }
  const least = config.reconnect_min_ms;
  const most = config.reconnect_max_ms;
  if (least !== undefined && most !== undefined && most < least) {
    problems.push({
      field: 'reconnect_max_ms',
      found: String(most),
      expected: `at least reconnect_min_ms, ${least}`,
    });
  }
  for (const [index, text] of (config.forbidden ?? []).entries()) {
    try {
      parseExtent(text);
    } catch (error) {
      if (!(error instanceof ModbusAddressError)) throw error;
      problems.push({ field: `forbidden[${index}]`, found: text, expected: error.message });
    }
  }
  return problems;
}

function checkTag(tag: TagDefinition, config: ModbusConfig): ValueProblem[] {
  const settings = settingsOf(config);
  const problems: ValueProblem[] = [];
  const add = (field: string, found: string, expected: string) => problems.push({ field, found, expected });
  let point: ModbusPoint;
  let part: number | null;
  let suffixOrder: string | null;
  try {
    ({ part, byteOrder: suffixOrder } = parseModbusAddress(tag.address));
    point = pointOf(tag, settings.unit);
  } catch (error) {
    if (!(error instanceof ModbusAddressError)) throw error;
    add('address', tag.address, error.message);
    return problems;
  }
  if (suffixOrder !== null && tag.byteOrder !== 'ABCD' && tag.byteOrder !== suffixOrder) {
    add('byte_order', tag.byteOrder, `${suffixOrder} as in the address ${tag.address}, or no order in the address`);
  }
  if (settings.framing !== 'tcp' && (point.unit > 247 || (point.unit === 0 && tag.access !== 'w'))) {
    add('address', tag.address, 'a unit from 1 to 247 on a serial line; 0, all units at once, can only be written');
  }
  if (isBitArea(point.area)) checkCoil(tag, part, add);
  else if (point.type === 'string') checkString(tag, point, part, add);
  else checkNumber(tag, point, part, settings.maxRegisters, add);
  if (problems.length === 0 && !isWithinArea(point)) {
    add('address', tag.address, `an address whose ${point.count} registers end at or before 65535 (HR:65535, 465536)`);
  }
  const barred = settings.forbidden.find((extent) => overlap(extent, point));
  if (barred !== undefined) {
    add('address', tag.address, `an address outside ${formatExtent(barred)}, which the device file forbids`);
  }
  if (tag.access !== 'r' && (point.area === 'input' || point.area === 'discrete')) {
    add('access', tag.access, `r: ${point.area === 'input' ? 'input registers' : 'discrete inputs'} cannot be written`);
  }
  return problems;
}

type Add = (field: string, found: string, expected: string) => void;

function checkCoil(tag: TagDefinition, part: number | null, add: Add): void {
  if (tag.type !== 'bool' && tag.type !== 'auto') {
    add('type', tag.type, 'bool for a coil or discrete input; or a register such as 40001 or HR:0 for a number');
  }
  if (tag.bit !== null) add('bit', String(tag.bit), 'no bit: a coil or discrete input is one');
  if (part !== null) add('address', tag.address, 'a coil or discrete input without a bit, such as 00001 or DI:0');
  if (tag.byteOrder !== 'ABCD') add('byte_order', tag.byteOrder, 'nothing: a coil or discrete input has no byte order');
}

function checkString(tag: TagDefinition, point: ModbusPoint, part: number | null, add: Add): void {
  if (tag.bit !== null) add('bit', String(tag.bit), 'no bit for a string');
  const length = point.length ?? 0;
  if (length < 1 || length > 1000) {
    add(
      'length',
      tag.length === null ? '' : String(tag.length),
      'the characters of the string, from 1 to 1000, such as 16',
    );
  } else if (tag.length !== null && part !== null && part !== tag.length) {
    add('length', String(tag.length), `${part} as in the address ${tag.address}, or no length in the address`);
  }
}

function checkNumber(
  tag: TagDefinition,
  point: ModbusPoint,
  part: number | null,
  maxRegisters: number,
  add: Add,
): void {
  const width = bitWidth(point.type);
  if (point.bit === null && tag.length !== null) {
    add('length', String(tag.length), `no length for ${point.type}; only strings and fields of bits have one`);
  }
  if (point.bit !== null && (point.bitCount > 32 || (point.bit < width && point.bit + point.bitCount > width))) {
    const most = Math.min(32, width - point.bit);
    add('length', String(tag.length), `from 1 to ${most} bits from bit ${point.bit} of ${point.type}`);
  }
  if (point.bit !== null && point.bit >= width) {
    const wider = point.bit < 32 ? 'uint32' : 'uint64';
    const field = tag.bit === null ? 'address' : 'bit';
    const found = tag.bit === null ? tag.address : String(tag.bit);
    add(field, found, `a bit from 0 to ${width - 1} for ${point.type}, or type ${wider}`);
  }
  if (tag.bit !== null && part !== null && part !== tag.bit) {
    add('bit', String(tag.bit), `${part} as in the address ${tag.address}, or no bit in the address`);
  }
  if (point.bit !== null && /^(float|bcd)/.test(point.type)) {
    add('bit', String(point.bit), `no bit for ${point.type}; or an integer type such as uint16`);
  }
  if (point.count > maxRegisters) {
    add(
      'type',
      point.type,
      `a type of at most max_registers (${maxRegisters}) registers: read in two, it could be torn`,
    );
  }
}
