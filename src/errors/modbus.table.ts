import type { ErrorEntry } from './error-entry.ts';

/** Error codes of the area `modbus`. */
export const MODBUS_ERRORS = {} as const satisfies Record<string, ErrorEntry>;
