import type { StatusCode } from '../model/quality.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { DeviceFaults } from './faults.ts';

/** A device that is being served, to write values into. */
export interface ServedDevice {
  readonly name: string;
  readonly tags: readonly TagDefinition[];
  /** @param index position in `tags`; the time is the source time where the protocol has one */
  write(index: number, value: TagValue, status: StatusCode, time: EpochMs): void;
  /** Take on these faults instead of those before. */
  setFaults(faults: DeviceFaults): Promise<void>;
}

/** How a device is served, by the kind of its driver. */
export type ServedProtocol =
  | 'opcua'
  | 'modbus-tcp'
  | 'modbus-rtu'
  | 'modbus-ascii'
  | 'modbus-rtu-tcp'
  | 'modbus-ascii-tcp';

/** A port with the devices behind it. */
export interface DeviceServer {
  readonly protocol: ServedProtocol;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly devices: readonly ServedDevice[];
  close(): Promise<void>;
}
