import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `simulate`. */
export const SIMULATE_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
