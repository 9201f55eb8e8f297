import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `sinks`. */
export const SINKS_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
