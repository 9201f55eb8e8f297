import type { DriverModule } from '../../ports/driver.ts';
import { connectionKeyOf, type ModbusTcpConfig } from './config.ts';

/** The driver of Modbus TCP units; its code is loaded with the first device. */
export const modbusTcp: DriverModule<ModbusTcpConfig> = {
  kind: 'modbus-tcp',
  connectionKey: connectionKeyOf,
  create: async (devices, context) => {
    const { ModbusTcpDriver } = await import('./driver.ts');
    return new ModbusTcpDriver(devices, context);
  },
};
