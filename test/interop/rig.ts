import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type GatewayProcess, startGatewayProcess } from '../../src/cli/demo/gateway-process.ts';

/** A gateway's directories, and the daemon on them. */
export interface Rig {
  readonly directory: string;
  start(): Promise<GatewayProcess>;
  remove(): void;
}

export interface RigFiles {
  /** What gateway.yaml holds beside `gateway` itself. */
  readonly gateway: Readonly<Record<string, unknown>>;
  readonly devices?: readonly (Readonly<Record<string, unknown>> & { readonly name: string })[];
  /** Rows of one tag table: `device,name,asset,address,type,byte_order,bit,length,scan_ms,deadband_type`. */
  readonly tags?: readonly string[];
}

const TAG_HEADER = 'device,name,asset,address,type,byte_order,bit,length,scan_ms,deadband_type';

/** Write a configuration into a new directory. */
export function rig(files: RigFiles): Rig {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
  const data = join(directory, 'data');
  for (const folder of ['devices', 'tags']) mkdirSync(join(directory, folder));
  const gateway = { gateway: { name: 'interop', asset: 'test/gateway', data_dir: data }, ...files.gateway };
  writeFileSync(join(directory, 'gateway.yaml'), stringify(gateway));
  for (const device of files.devices ?? [])
    writeFileSync(join(directory, 'devices', `${device.name}.yaml`), stringify(device));
  if (files.tags !== undefined)
    writeFileSync(join(directory, 'tags', 'tags.csv'), `${[TAG_HEADER, ...files.tags].join('\n')}\n`);
  return {
    directory,
    start: () => startGatewayProcess(directory, join(data, 'headgate.sock')),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
