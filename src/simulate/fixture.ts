import type { TagDefinition } from '../model/tag.ts';
import type { FixtureDevice, FixtureManifest } from './fixture-manifest.ts';
import type { Series } from './series.ts';

/** A recorded line in memory. */
export interface Fixture {
  readonly manifest: FixtureManifest;
  readonly devices: readonly FixtureDevice[];
  readonly tags: readonly TagDefinition[];
  readonly series: readonly Series[];
  /** The device files that it was recorded with, by device name, as parsed YAML. */
  readonly deviceConfigs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

/** The default of every column of the tag table; what a fixture or a proposal leaves out. */
export const TAG_DEFAULTS = {
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
  deadbandType: 'none',
  lane: 'bulk',
  description: '',
} as const satisfies Partial<TagDefinition>;
