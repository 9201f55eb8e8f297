import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `broker`. */
export const BROKER_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
