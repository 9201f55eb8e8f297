import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `broker`. */
export const BROKER_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
