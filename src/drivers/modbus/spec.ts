import type { DriverSpec, ValueProblem } from '../../config/component-spec.ts';
import type { TagDefinition } from '../../model/tag.ts';
import { ModbusAddressError, parseModbusAddress } from './address.ts';
import { isBitArea } from './area.ts';
import { connectionKeyOf, type ModbusTcpConfig, modbusTcpConfigSchema, settingsOf } from './config.ts';
import { formatExtent, parseExtent } from './extent-text.ts';
import { isWithinArea, overlap } from './plan.ts';
import { bitWidth, describePoint, type ModbusPoint, pointOf } from './point.ts';

/** What configuration must know of Modbus TCP devices; needs no protocol library. */
export const modbusTcpSpec: DriverSpec = {
  kind: 'modbus-tcp',
  summary: 'Modbus TCP unit, or a serial unit behind a TCP gateway, polled in blocks',
  schema: modbusTcpConfigSchema,
  checkDevice: (config) => checkDevice(config as ModbusTcpConfig),
  checkTag: (tag, config) => checkTag(tag, config as ModbusTcpConfig),
  describeAddress: (tag, config) => describePoint(pointOf(tag, settingsOf(config as ModbusTcpConfig).unit)),
  span: (tag, config) => {
    const { unit, area, offset, count, bit } = pointOf(tag, settingsOf(config as ModbusTcpConfig).unit);
    return bit !== null || isBitArea(area) ? null : { space: `unit ${unit} ${area}`, from: offset, count };
  },
  defaultType: (address) => {
    try {
      return isBitArea(parseModbusAddress(address).area) ? 'bool' : 'uint16';
    } catch {
      // checkTag says what is wrong with the address.
      return 'uint16';
    }
  },
  connection: (config) => {
    const { connectTimeoutMs, pauseMs, reconnectMinMs, reconnectMaxMs } = settingsOf(config as ModbusTcpConfig);
    return {
      key: connectionKeyOf(config as ModbusTcpConfig),
      settings: {
        connect_timeout_ms: connectTimeoutMs,
        pause_ms: pauseMs,
        reconnect_min_ms: reconnectMinMs,
        reconnect_max_ms: reconnectMaxMs,
      },
    };
  },
};

function checkDevice(config: ModbusTcpConfig): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const { host } = config;
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

function checkTag(tag: TagDefinition, config: ModbusTcpConfig): ValueProblem[] {
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
  if (tag.length !== null) add('length', String(tag.length), `no length for ${point.type}; only strings have one`);
  if (point.bit !== null && point.bit >= width) {
    const wider = point.bit < 32 ? 'uint32' : 'uint64';
    const field = tag.bit === null ? 'address' : 'bit';
    const found = tag.bit === null ? tag.address : String(tag.bit);
    add(field, found, `a bit from 0 to ${width - 1} for ${point.type}, or type ${wider}`);
  }
  if (tag.bit !== null && part !== null && part !== tag.bit) {
    add('bit', String(tag.bit), `${part} as in the address ${tag.address}, or no bit in the address`);
  }
  if (point.bit !== null && (point.type === 'float32' || point.type === 'float64')) {
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
