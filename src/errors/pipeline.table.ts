import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `pipeline`. */
export const PIPELINE_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
