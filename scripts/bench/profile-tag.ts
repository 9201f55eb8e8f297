import type { Profile } from '../../src/config/profile-schema.ts';
import type { ByteOrder, DataType, TagDefinition } from '../../src/model/tag.ts';

/** A tag of a profile, as far as a plan needs it. */
export function tagOf(profile: Profile, tag: Profile['tags'][number]): TagDefinition {
  const cells = { ...profile.defaults, ...tag };
  return {
    device: profile.name,
    name: String(cells['name']),
    asset: 'bench',
    address: String(cells['address']),
    type: (cells['type'] ?? 'uint16') as DataType,
    byteOrder: (cells['byte_order'] ?? 'ABCD') as ByteOrder,
    bit: null,
    length: null,
    access: 'r',
    scanMs: 1_000,
    scale: 1,
    offset: 0,
    rawLow: null,
    rawHigh: null,
    engLow: null,
    engHigh: null,
    unit: '',
    deadband: 0,
    deadbandType: 'none',
    lane: 'bulk',
    description: '',
  };
}
