import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `system`. */
export const SYSTEM_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
