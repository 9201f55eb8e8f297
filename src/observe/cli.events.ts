import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `cli`. */
export const CLI_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
