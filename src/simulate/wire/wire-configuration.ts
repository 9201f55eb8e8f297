import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { proposeSegment } from '../../model/asset.ts';
import type { TagDefinition } from '../../model/tag.ts';
import { TAG_DEFAULTS } from '../fixture.ts';
import { isBitArea, type ModbusArea } from '../modbus-address.ts';
import { encodeTagTable } from '../tag-table.ts';
import type { WireEndpoint } from './wire-simulation.ts';

/** How an area is written in addresses. */
const PREFIX: Readonly<Record<ModbusArea, string>> = { holding: 'HR', input: 'IR', coil: 'CO', discrete: 'DI' };

/**
 * Write `devices/*.yaml` and `tags/recorded-wire.csv` that point a gateway at served wires: a device for each unit, and a tag for
 * each register and bit that a recorded read showed. What they mean nobody knows from the wire: they are raw 16-bit registers.
 * @returns how many tags were proposed
 */
export async function writeWireConfiguration(directory: string, endpoints: readonly WireEndpoint[]): Promise<number> {
  await mkdir(join(directory, 'devices'), { recursive: true });
  await mkdir(join(directory, 'tags'), { recursive: true });
  const tags: TagDefinition[] = [];
  for (const { link, host, port, units, player } of endpoints) {
    for (const unit of units) {
      const name = deviceName(link, unit, units.length);
      await writeFile(
        join(directory, 'devices', `${name}.yaml`),
        stringify({ name, driver: 'modbus-tcp', host, port, unit }),
      );
      const timeline = player.timeline(unit);
      for (const area of Object.keys(PREFIX) as ModbusArea[]) {
        for (const address of timeline?.known(area) ?? []) tags.push(proposeTag(name, area, address));
      }
    }
  }
  await writeFile(join(directory, 'tags', 'recorded-wire.csv'), encodeTagTable(tags));
  return tags.length;
}

function deviceName(link: string, unit: number, units: number): string {
  // Names of adapters differ at their ends.
  const place = proposeSegment(link.replace(/^[a-z]+:\/*/, '').slice(-40));
  return units === 1 ? place : `${place}_${unit}`;
}

function proposeTag(device: string, area: ModbusArea, address: number): TagDefinition {
  return {
    ...TAG_DEFAULTS,
    device,
    name: `${PREFIX[area].toLowerCase()}_${address}`,
    asset: `recorded/${device}`,
    address: `${PREFIX[area]}:${address}`,
    type: isBitArea(area) ? 'bool' : 'uint16',
  };
}
