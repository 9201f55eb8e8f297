import type { ScanGroup } from '../../model/reading.ts';
import type { TagDefinition } from '../../model/tag.ts';
import type { DriverDevice } from '../../ports/driver.ts';
import type { OpcuaConfig } from './config.ts';
import { type NodeAddress, parseNodeAddress } from './node-id.ts';

/**
 * All tags of a connection under one number, the slot, which is their handle on the wire: what arrives finds its group and its place
 * in it in two array reads.
 */
export class TagTable {
  readonly groups: readonly ScanGroup[];
  readonly tags: readonly TagDefinition[];
  readonly addresses: readonly NodeAddress[];
  readonly groupOf: Uint32Array;
  readonly positionOf: Uint32Array;

  /** @throws NodeAddressError an address that validation should have refused */
  constructor(devices: readonly DriverDevice<OpcuaConfig>[]) {
    this.groups = devices.flatMap((device) => device.groups);
    this.tags = this.groups.flatMap((group) => [...group.tags]);
    this.addresses = this.tags.map((tag) => parseNodeAddress(tag.address));
    this.groupOf = new Uint32Array(this.tags.length);
    this.positionOf = new Uint32Array(this.tags.length);
    let slot = 0;
    for (const [index, group] of this.groups.entries()) {
      for (let position = 0; position < group.tags.length; position++) {
        this.groupOf[slot] = index;
        this.positionOf[slot] = position;
        slot++;
      }
    }
  }

  /** Slots of the groups with a period, ascending. */
  slotsByPeriod(): Map<number, number[]> {
    const byPeriod = new Map<number, number[]>();
    for (let slot = 0; slot < this.tags.length; slot++) {
      const periodMs = this.groups[this.groupOf[slot] ?? 0]?.periodMs ?? 1_000;
      const slots = byPeriod.get(periodMs);
      if (slots === undefined) byPeriod.set(periodMs, [slot]);
      else slots.push(slot);
    }
    return new Map([...byPeriod].sort(([a], [b]) => a - b));
  }
}
