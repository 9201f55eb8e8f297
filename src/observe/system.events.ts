import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `system`. */
export const SYSTEM_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
