import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `config`. */
export const CONFIG_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
