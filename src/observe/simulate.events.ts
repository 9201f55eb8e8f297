import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `simulate`. */
export const SIMULATE_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
