import type { DriverSpec } from '../config/component-spec.ts';
import type { DriverModule } from '../ports/driver.ts';
import { modbusTcp } from './modbus/module.ts';
import { modbusTcpSpec } from './modbus/spec.ts';
import { opcua } from './opcua/module.ts';
import { opcuaSpec } from './opcua/spec.ts';

/** What configuration knows of each kind of driver. */
export const driverSpecs: readonly DriverSpec[] = [modbusTcpSpec, opcuaSpec];

/** Every kind of driver that this build has. */
export const driverModules: readonly DriverModule[] = [modbusTcp as DriverModule, opcua as DriverModule];
