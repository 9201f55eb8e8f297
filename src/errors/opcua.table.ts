import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `opcua`. */
export const OPCUA_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
