import type { TagSequence } from '../model/tag-columns.ts';
import type { GatewayConfig } from './gateway-schema.ts';

/** One device: `config` is its whole file, validated by its driver's schema, defaults filled in. */
export interface DeviceConfiguration {
  readonly name: string;
  /** The driver's kind. */
  readonly driver: string;
  readonly config: unknown;
  /** Under the configuration directory. */
  readonly file: string;
}

/** One enabled sink; `config` as its kind's schema has it. */
export interface SinkConfiguration {
  readonly name: string;
  readonly kind: string;
  readonly config: unknown;
}

/** One enabled service. */
export interface ServiceConfiguration {
  readonly name: string;
  readonly config: unknown;
}

/** A configuration without errors. */
export interface Configuration {
  readonly directory: string;
  readonly gateway: GatewayConfig;
  readonly devices: readonly DeviceConfiguration[];
  /** In order of the tables. */
  readonly tags: TagSequence;
  readonly sinks: readonly SinkConfiguration[];
  readonly services: readonly ServiceConfiguration[];
}
