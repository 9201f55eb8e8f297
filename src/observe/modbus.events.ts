import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `modbus`. */
export const MODBUS_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
