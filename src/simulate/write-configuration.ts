import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { TagDefinition } from '../model/tag.ts';
import type { Fixture } from './fixture.ts';
import type { SimulatedEndpoint } from './line-servers.ts';
import { isLoopback } from './opcua-endpoint.ts';
import { encodeTagTable } from './tag-table.ts';

/** Settings of a recorded device file that belong to the real device and not to the simulated one. */
const REAL_DEVICE_KEYS = ['security', 'trust', 'user', 'host', 'port', 'endpoint', 'unit', 'path', 'rs485'];

/**
 * Write `devices/<device>.yaml` and `tags/<fixture>.csv` that point a gateway at simulated devices: the recorded device files
 * with host and port replaced, and without users and certificates. What else stands in the directory stays.
 */
export async function writeConfiguration(
  directory: string,
  line: {
    readonly fixture: Fixture;
    readonly tags: readonly TagDefinition[];
    readonly endpoints: readonly SimulatedEndpoint[];
  },
): Promise<void> {
  await mkdir(join(directory, 'devices'), { recursive: true });
  await mkdir(join(directory, 'tags'), { recursive: true });
  for (const endpoint of line.endpoints) {
    const recorded = line.fixture.deviceConfigs.get(endpoint.device) ?? {};
    // The keys of a serial line mean nothing on TCP.
    const isSameKind = recorded['driver'] === endpoint.protocol;
    const kept = Object.entries(recorded).filter(([key]) => isSameKind && !REAL_DEVICE_KEYS.includes(key));
    const config = { ...Object.fromEntries(kept), ...deviceConfig(endpoint) };
    await writeFile(join(directory, 'devices', `${endpoint.device}.yaml`), stringify(config));
  }
  await writeFile(join(directory, 'tags', `${line.fixture.manifest.name}.csv`), encodeTagTable(line.tags));
}

/** The device file of a simulated device, with everything that is not default. */
export function deviceConfig(endpoint: SimulatedEndpoint): Readonly<Record<string, unknown>> {
  const { device: name, host, port, url, unit, baudRate } = endpoint;
  if (endpoint.protocol === 'opcua') {
    const open = { security: { policy: 'None', mode: 'None' } };
    return {
      name,
      driver: 'opcua',
      endpoint: url,
      ...(isLoopback(host) ? open : { trust: { server: 'on_first_use' } }),
    };
  }
  const driver = endpoint.protocol;
  if (driver === 'modbus-rtu' || driver === 'modbus-ascii') {
    const path = url.slice('serial:'.length);
    return { name, driver, path, baud_rate: baudRate, data_bits: 8, parity: 'none', stop_bits: 1, unit };
  }
  return { name, driver, host, port, unit };
}
