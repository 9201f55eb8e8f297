import type { DriverModule } from '../../ports/driver.ts';
import type { OpcuaConfig } from './config.ts';
import { connectionKeyOf } from './connection-key.ts';
import { OpcuaDriver } from './driver.ts';
import { loadLibrary } from './library.ts';

/** OPC UA servers, by subscription or polled. */
export const opcua: DriverModule<OpcuaConfig> = {
  kind: 'opcua',
  connectionKey: connectionKeyOf,
  create: async (devices, context) => new OpcuaDriver(devices, context, await loadLibrary()),
};
