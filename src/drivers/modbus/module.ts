import type { DriverModule } from '../../ports/driver.ts';
import type { ModbusConfig } from './config.ts';
import { connectionKeyOf } from './settings.ts';

/** The driver of one Modbus kind; its code is loaded with the first device. */
function moduleOf(kind: ModbusConfig['driver']): DriverModule<ModbusConfig> {
  return {
    kind,
    hasFrames: true,
    connectionKey: connectionKeyOf,
    create: async (devices, context) => {
      const { ModbusDriver } = await import('./driver.ts');
      return new ModbusDriver(devices, context);
    },
  };
}

export const modbusTcp = moduleOf('modbus-tcp');
export const modbusRtu = moduleOf('modbus-rtu');
export const modbusAscii = moduleOf('modbus-ascii');
export const modbusRtuTcp = moduleOf('modbus-rtu-tcp');
export const modbusAsciiTcp = moduleOf('modbus-ascii-tcp');
