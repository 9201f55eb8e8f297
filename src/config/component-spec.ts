import type { TObject } from 'typebox';
import type { DataType, TagDefinition } from '../model/tag.ts';
import type { PolledDevice, WireForecast } from './wire-forecast.ts';

/** What is wrong with one value and what would be right. */
export interface ValueProblem {
  /** The column (tag table) or the dotted key (YAML) it stands in. */
  readonly field: string;
  /** What was found, as written. */
  readonly found: string;
  /** What would be right, with an example: `a register such as 40001, 400001, HR:0 or 1!400001`. */
  readonly expected: string;
}

/** What configuration must know of a driver kind. */
export interface DriverSpec {
  readonly kind: string;
  readonly summary: string;
  /** The whole device file of this kind: `name`, `driver` (a literal of the kind) and the rest. One value: type, validation, defaults, docs. */
  readonly schema: TObject;
  /** Protocol rules beyond the schema (a file that does not exist, a user without a password). */
  checkDevice(config: unknown): readonly ValueProblem[];
  /** Check a tag's address, type, byte order, bit and length together. Pure, at most some µs. */
  checkTag(tag: TagDefinition, config: unknown): readonly ValueProblem[];
  /** The resolved, zero-based address for people: `unit 1 holding 0 (2 registers)`. Only for tags that checkTag accepts. */
  describeAddress(tag: TagDefinition, config: unknown): string;
  /**
   * The address of one value of an array of which the tag is the first (index 0). Only for tags that checkTag accepts; without this,
   * the driver has no arrays.
   */
  elementAddress?(tag: TagDefinition, config: unknown, index: number): string;
  /** The type of a tag whose row names none; without this, `auto`. */
  defaultType?(address: string, config: unknown): DataType;
  /**
   * What of the device's memory the tag's whole value takes; null where tags share as a rule (bits, nodes). Only for tags that checkTag
   * accepts; without this, nothing is compared.
   */
  span?(tag: TagDefinition, config: unknown): TagSpan | null;
  /** What polling the devices of one connection asks of it; without this, nothing is foreseen. */
  foresee?(devices: readonly PolledDevice[]): WireForecast;
  /** Which connection the device uses, and the settings that all devices on it must share; without this, nothing is compared. */
  connection?(config: unknown): SharedConnection;
}

/** A connection as one of its devices describes it. */
interface SharedConnection {
  /** Devices with equal keys share one. */
  readonly key: string;
  /** By their keys in the device file: where devices differ, those of the first one count, which is a warning. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Keys of settings in which devices cannot differ and both work: an error. */
  readonly binding?: readonly string[];
}

/** Where a value lies in a device: two of one space that overlap, and are not the same, are most often a mistake. */
export interface TagSpan {
  /** Within the device: `unit 1 holding`. */
  readonly space: string;
  readonly from: number;
  readonly count: number;
}

/** A tag that a component reads by name. */
interface TagReference {
  /** The dotted key it stands in. */
  readonly field: string;
  readonly asset: string;
  readonly tag: string;
}

/** What configuration must know of a sink or service kind. */
export interface ComponentSpec {
  readonly kind: string;
  readonly summary: string;
  readonly schema: TObject;
  check(config: unknown): readonly ValueProblem[];
  /** The tags that it reads, of a configuration that `check` accepts: those that no table has are named. */
  tagsUsed?(config: unknown): readonly TagReference[];
}

/** A section of `gateway.yaml` that belongs to a part of the daemon. Left out, it is filled from its defaults. */
interface SectionSpec {
  readonly key: 'journal' | 'broker' | 'pipeline' | 'commands';
  readonly schema: TObject;
  check(config: unknown): readonly ValueProblem[];
}

/** Every kind that this build knows; composed by the gateway. */
export interface ComponentSpecs {
  readonly drivers: readonly DriverSpec[];
  readonly sinks: readonly ComponentSpec[];
  readonly services: readonly ComponentSpec[];
  readonly sections: readonly SectionSpec[];
}
