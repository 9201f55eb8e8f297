import { accessSync, constants } from 'node:fs';
import type { DriverSpec, ValueProblem } from '../../config/component-spec.ts';
import type { DataType } from '../../model/tag.ts';
import { type OpcuaConfig, opcuaConfigSchema, settingsOf } from './config.ts';
import { connectionKeyOf } from './connection-key.ts';
import { formatNodeAddress, NodeAddressError, parseNodeAddress } from './node-id.ts';

/** Forms that only registers have. */
const MODBUS_TYPES: ReadonlySet<string> = new Set(['float16', 'bcd16', 'bcd32']);

/** What configuration must know of OPC UA devices; needs no protocol library. */
export const opcuaSpec: DriverSpec = {
  kind: 'opcua',
  summary: 'OPC UA server, by subscription or polled',
  schema: opcuaConfigSchema,
  checkDevice: (config) => checkDevice(config as OpcuaConfig),
  checkTag: (tag) => {
    const problems: ValueProblem[] = [];
    try {
      parseNodeAddress(tag.address);
    } catch (error) {
      if (!(error instanceof NodeAddressError)) throw error;
      problems.push({ field: 'address', found: tag.address, expected: error.message });
    }
    if (MODBUS_TYPES.has(tag.type)) {
      problems.push({ field: 'type', found: tag.type, expected: 'a type of OPC UA such as float32, or auto' });
    }
    if (tag.length !== null && tag.type !== 'string') {
      problems.push({ field: 'length', found: String(tag.length), expected: 'no length: OPC UA values have none' });
    }
    if (tag.byteOrder !== 'ABCD') {
      problems.push({
        field: 'byte_order',
        found: tag.byteOrder,
        expected: 'nothing: OPC UA values have no byte order',
      });
    }
    if (tag.bit !== null && !BIT_TYPES.has(tag.type)) {
      problems.push({
        field: 'bit',
        found: String(tag.bit),
        expected: `no bit, or an integer type instead of ${tag.type}`,
      });
    }
    return problems;
  },
  describeAddress: (tag) => {
    const shown = formatNodeAddress(parseNodeAddress(tag.address));
    return tag.bit === null ? shown : `${shown} bit ${tag.bit}`;
  },
  connection: (config) => ({
    key: connectionKeyOf(config as OpcuaConfig),
    settings: connectionSettings(config as OpcuaConfig),
  }),
};

const BIT_TYPES: ReadonlySet<DataType> = new Set<DataType>([
  'auto',
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
]);

/** What devices on one connection must agree on: all but the name and what tags alone feel. */
function connectionSettings(config: OpcuaConfig): Record<string, unknown> {
  const { endpoint, user, trust, ...rest } = settingsOf(config);
  return { ...rest, trust: JSON.stringify(trust), user: user === null ? 'anonymous' : JSON.stringify(user) };
}

function checkDevice(config: OpcuaConfig): ValueProblem[] {
  const settings = settingsOf(config);
  const { policy, securityMode, user, trust } = settings;
  const problems: ValueProblem[] = [];
  const add = (field: string, found: string, expected: string) => problems.push({ field, found, expected });

  if (!URL.canParse(settings.endpoint) || new URL(settings.endpoint).hostname === '') {
    add('endpoint', settings.endpoint, 'a URL such as opc.tcp://192.168.0.10:4840');
  }
  if (policy === 'None' && securityMode !== 'None') {
    add('security.mode', securityMode, 'None, since policy None neither signs nor encrypts; or another policy');
  }
  if (policy !== 'None' && securityMode === 'None') {
    add('security.mode', 'None', `SignAndEncrypt or Sign with policy ${policy}; or policy None, written out as well`);
  }
  if (user !== null) {
    if (user.name !== undefined && user.certificate !== undefined) {
      add('user.certificate', user.certificate, 'either name and password, or certificate and private_key');
    } else if (user.name === undefined && user.certificate === undefined) {
      add('user', 'neither name nor certificate', 'name and password, or certificate and private_key');
    }
    if (user.name !== undefined && user.password === undefined) {
      add('user.password', 'nothing', 'a reference such as { file: /etc/headgate/secrets/press-7 }');
    }
    if (user.name === undefined && user.password !== undefined) {
      add('user.name', 'nothing', 'the name that the password belongs to');
    }
    if (user.certificate !== undefined && user.private_key === undefined) {
      add('user.private_key', 'nothing', 'a reference to the private key of the user certificate');
    }
    if (user.certificate === undefined && user.private_key !== undefined) {
      add('user.certificate', 'nothing', 'the certificate that the private key belongs to');
    }
    if (policy === 'None' && user.password !== undefined) {
      add('user.password', 'a password with policy None', 'a security policy, since the password could go in clear');
    }
    if (user.certificate !== undefined) checkFile('user.certificate', user.certificate, add);
  }
  if (trust.server === 'pinned' && trust.file === null) {
    add('trust.file', 'nothing', 'the certificate file of the server, PEM or DER');
  }
  if (trust.server !== 'pinned' && trust.file !== null) {
    add('trust.file', trust.file, 'no file, or server: pinned');
  }
  if (trust.server === 'pinned' && trust.file !== null) checkFile('trust.file', trust.file, add);
  if (config.reconnect_max_ms !== undefined && config.reconnect_max_ms < settings.reconnectMinMs) {
    add('reconnect_max_ms', String(config.reconnect_max_ms), `at least reconnect_min_ms, ${settings.reconnectMinMs}`);
  }
  return problems;
}

function checkFile(field: string, path: string, add: (field: string, found: string, expected: string) => void): void {
  try {
    accessSync(path, constants.R_OK);
  } catch {
    add(field, path, 'a file that exists and may be read');
  }
}
