import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `pipeline`. */
export const PIPELINE_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
