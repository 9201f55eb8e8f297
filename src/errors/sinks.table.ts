import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `sinks`. */
export const SINKS_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
