import type { ByteOrder, DataType } from '../../model/tag.ts';
import { entriesOf, isTrue, type Mapping, mappingOf, textOf } from './document.ts';
import { type Cells, type ImportedTable, type ImportOptions, Rejection, TagCollector } from './imported-table.ts';
import {
  knownType,
  offsetCell,
  optionalNumber,
  orderCell,
  type RegisterArea,
  registerAddress,
  scaleCell,
  swappedOrder,
  wholeNumber,
} from './modbus-cells.ts';
import { serialSettings } from './serial-settings.ts';

const AREAS: Readonly<Record<string, RegisterArea>> = {
  COILS: 'coil',
  DISCRETES_INPUT: 'discrete',
  INPUT_REGISTERS: 'input',
  HOLDING_REGISTERS: 'holding',
};

/**
 * Device profiles of EdgeX' device-modbus-go, with or without the list of devices that use them. Addresses are zero-based; bytes and words are
 * swapped for 32 bits only, as its `swap32BitDataBytes` does. Without a list of devices the tags are of the one that was named.
 * @param documents the YAML documents of the file
 */
export function importEdgex(documents: readonly unknown[], options: ImportOptions): ImportedTable {
  const collector = new TagCollector(options);
  const roots = documents.map((document) => mappingOf(document, 'the document'));
  const users = roots.flatMap((root) => [...entriesOf(root, 'deviceList', ''), ...entriesOf(root, 'devices', '')]);
  for (const root of roots) {
    const profiles = Array.isArray(root['profiles']) ? entriesOf(root, 'profiles', '') : [{ entry: root, place: '' }];
    for (const { entry: profile, place } of profiles) {
      const resources = entriesOf(profile, 'deviceResources', place);
      if (resources.length === 0) continue;
      const own = users.filter(({ entry }) => textOf(entry, 'profileName') === textOf(profile, 'name'));
      if (own.length === 0) take(resources, () => collector.namedDevice(), {}, collector);
      for (const { entry: user } of own) {
        let device: string | null = null;
        const owner = () => {
          device ??= collector.device(textOf(user, 'name'), connectionOf(user));
          return device;
        };
        take(resources, owner, user, collector);
      }
    }
  }
  return collector.result();
}

function take(
  resources: ReturnType<typeof entriesOf>,
  owner: () => string,
  user: Mapping,
  collector: TagCollector,
): void {
  const periods = new Map(
    entriesOf(user, 'autoEvents', '').map(({ entry }) => [
      textOf(entry, 'sourceName', 'resource'),
      textOf(entry, 'interval'),
    ]),
  );
  for (const { entry, place } of resources) {
    collector.tag(place, textOf(entry, 'name'), owner, () => ({
      ...cellsOf(entry),
      ...scanCell(periods.get(textOf(entry, 'name'))),
    }));
  }
}

function scanCell(interval: string | undefined): { readonly scan_ms?: string } {
  const [, count, unit] = /^(\d+)(ms|s|m|h)$/.exec(interval ?? '') ?? [];
  if (unit === undefined) return {};
  return { scan_ms: String(Number(count) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[unit as 'ms']) };
}

function connectionOf(user: Mapping): Mapping {
  const protocols = mappingOf(user['protocols'], 'protocols');
  const tcp = mappingOf(protocols['modbus-tcp'], 'modbus-tcp');
  if (textOf(tcp, 'Address') !== '') {
    return {
      driver: 'modbus-tcp',
      host: textOf(tcp, 'Address'),
      port: wholeNumber(tcp['Port'] ?? 502, 'Port'),
      unit: wholeNumber(tcp['UnitID'] ?? 1, 'UnitID'),
    };
  }
  const rtu = mappingOf(protocols['modbus-rtu'], 'modbus-rtu');
  const path = textOf(rtu, 'Address');
  if (path === '') throw new Rejection('its device is reached by neither modbus-tcp nor modbus-rtu');
  const parity = textOf(rtu, 'Parity');
  return {
    driver: 'modbus-rtu',
    ...serialSettings(path, { ...rtu, parity }),
    unit: wholeNumber(rtu['UnitID'] ?? 1, 'UnitID'),
  };
}

function cellsOf(resource: Mapping): Cells {
  const attributes = mappingOf(resource['attributes'], 'attributes');
  const properties = mappingOf(resource['properties'], 'properties');
  const area = AREAS[textOf(attributes, 'primaryTable').toUpperCase()];
  if (area === undefined) throw new Rejection('it has no primaryTable of Modbus');
  for (const key of ['mask', 'shift', 'base']) {
    if ((optionalNumber(properties[key], key) ?? 0) !== 0) throw new Rejection(`values with ${key} cannot be read`);
  }
  const [start = '', bit] = textOf(attributes, 'startingAddress').split('.');
  const address = registerAddress(area, start);
  const right = textOf(properties, 'readWrite').toUpperCase();
  const common = {
    access: right === 'W' ? 'w' : /W/.test(right) ? 'rw' : 'r',
    unit: textOf(properties, 'units'),
    description: textOf(resource, 'description'),
  };
  if (area === 'coil' || area === 'discrete') return { address, type: 'bool', ...common };
  const written = textOf(properties, 'valueType');
  if (/array$/i.test(written)) throw new Rejection(`values of type ${written} cannot be read`);
  if (written.toLowerCase() === 'bool') return { address, type: 'uint16', bit: bit ?? '0', ...common };
  if (written.toLowerCase() === 'string') {
    const registers = wholeNumber(attributes['stringRegisterSize'], 'stringRegisterSize');
    return { address, type: 'string', length: String(registers * 2), ...common };
  }
  const raw = textOf(attributes, 'rawType') || written;
  const type = knownType(raw.toLowerCase(), raw === '' ? 'nothing' : raw);
  return {
    address,
    type,
    ...orderCell(orderOf(type, attributes)),
    ...scaleCell(optionalNumber(properties['scale'], 'scale')),
    ...offsetCell(optionalNumber(properties['offset'], 'offset')),
    ...common,
  };
}

function orderOf(type: DataType, attributes: Mapping): ByteOrder {
  if (!type.endsWith('32')) return 'ABCD';
  return swappedOrder(isTrue(attributes['isByteSwap']), isTrue(attributes['isWordSwap']));
}
