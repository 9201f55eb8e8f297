import type { Observer } from '../observe/observer.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeviceFaults } from './faults.ts';
import type { ModbusUnit } from './modbus-unit.ts';

/** A unit with the devices that have tags in it: mostly one. */
export interface ServedUnit {
  readonly unit: ModbusUnit;
  readonly devices: ReadonlySet<string>;
}

/** The faults of a unit's devices, merged. */
export type FaultsOf = (served: ServedUnit) => DeviceFaults;

/** What a connection to simulated units needs to answer. */
export interface ConnectionContext {
  readonly units: ReadonlyMap<number, ServedUnit>;
  readonly faultsOf: FaultsOf;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** A connection that can be made to answer nothing any more. */
export interface Served {
  setFrozen(isFrozen: boolean): void;
}
