import type { InternalEventEntry } from './internal-event.ts';

/** Internal events of the area `journal`. */
export const JOURNAL_EVENTS = {} as const satisfies Record<string, InternalEventEntry>;
