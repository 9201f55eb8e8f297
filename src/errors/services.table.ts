import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `services`. */
export const SERVICES_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
