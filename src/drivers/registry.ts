import type { DriverModule } from '../ports/driver.ts';
import { modbusTcp } from './modbus/module.ts';
import { opcua } from './opcua/module.ts';

/** Every kind of driver that this build has. */
export const driverModules: readonly DriverModule[] = [modbusTcp as DriverModule, opcua as DriverModule];
