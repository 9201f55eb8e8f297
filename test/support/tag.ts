import type { TagDefinition } from '../../src/model/tag.ts';

/** A tag definition with ordinary defaults. */
export function tag(name: string, over: Partial<TagDefinition> = {}): TagDefinition {
  return {
    device: 'pump',
    name,
    asset: 'acme/line/pump',
    address: 'HR:0',
    type: 'float64',
    byteOrder: 'ABCD',
    bit: null,
    length: null,
    access: 'r',
    scanMs: 1000,
    scale: 1,
    offset: 0,
    rawLow: null,
    rawHigh: null,
    engLow: null,
    engHigh: null,
    unit: '',
    deadband: 0,
    deadbandType: 'absolute',
    lane: 'bulk',
    description: '',
    ...over,
  };
}
