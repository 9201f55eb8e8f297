import type { DriverModule } from '../ports/driver.ts';
import { modbusAscii, modbusAsciiTcp, modbusRtu, modbusRtuTcp, modbusTcp } from './modbus/module.ts';
import { opcua } from './opcua/module.ts';

/** Every kind of driver that this build has. */
export const driverModules: readonly DriverModule[] = [
  modbusTcp as DriverModule,
  modbusRtu as DriverModule,
  modbusAscii as DriverModule,
  modbusRtuTcp as DriverModule,
  modbusAsciiTcp as DriverModule,
  opcua as DriverModule,
];
