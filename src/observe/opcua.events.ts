import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `opcua`. */
export const OPCUA_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
