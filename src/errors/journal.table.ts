import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `journal`. */
export const JOURNAL_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
