import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `config`. */
export const CONFIG_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
