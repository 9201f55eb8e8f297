import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `services`. */
export const SERVICES_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
