import type { Profile } from '../../src/config/profile-schema.ts';
import type { ByteOrder, DataType, TagDefinition } from '../../src/model/tag.ts';
import { TAG_DEFAULTS } from '../../src/simulate/fixture.ts';

/** A tag of a profile, as far as a plan needs it. */
export function tagOf(profile: Profile, tag: Profile['tags'][number]): TagDefinition {
  const cells = { ...profile.defaults, ...tag };
  return {
    ...TAG_DEFAULTS,
    device: profile.name,
    name: String(cells['name']),
    asset: 'bench',
    address: String(cells['address']),
    type: (cells['type'] ?? 'uint16') as DataType,
    byteOrder: (cells['byte_order'] ?? TAG_DEFAULTS.byteOrder) as ByteOrder,
  };
}
