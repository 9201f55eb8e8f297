import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `cli`. */
export const CLI_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
