import { SerialLink } from '../drivers/modbus/serial-link.ts';
import { systemClock } from '../ports/system-clock.ts';
import type { SerialPlace } from '../simulate/modbus-line.ts';

/** A serial port that a simulated device is served on, 8N1; opened anew each time. */
export function serialPlace(path: string, baudRate: number): SerialPlace {
  const line = { baudRate, dataBits: 8, parity: 'none', stopBits: 1 } as const;
  let link: SerialLink | null = null;
  return {
    path,
    baudRate,
    open: (handlers) => {
      link = new SerialLink({ path, line, rts: null, clock: systemClock });
      return link.open(handlers);
    },
    write: (bytes) => link?.write(bytes),
    close: async () => {
      await link?.close();
      link = null;
    },
  };
}
