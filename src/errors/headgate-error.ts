import { ERROR_CATALOGUE, type ErrorCode } from './catalogue.ts';
import type { ErrorEntry, Retry } from './error-entry.ts';

/** Facts that name the place: device, file, line, address. Never a secret, never a payload. */
export type ErrorContext = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** The one error class: a catalogue code, the recovery decision, the place, and what caused it. */
export class HeadgateError extends Error {
  override readonly name = 'HeadgateError';
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, context: ErrorContext = {}, cause?: unknown) {
    const entry: ErrorEntry = ERROR_CATALOGUE[code];
    super(fillMessage(entry.message, context), cause === undefined ? undefined : { cause });
    this.code = code;
    this.retry = entry.retry;
    this.context = context;
  }

  /** What the operator does next, from the catalogue. */
  get action(): string {
    const entry: ErrorEntry = ERROR_CATALOGUE[this.code];
    return fillMessage(entry.action, this.context);
  }
}

/** True for a HeadgateError, of one code if given; works for errors that crossed a thread as plain objects too. */
export function isHeadgateError(error: unknown, code?: ErrorCode): error is HeadgateError {
  return error instanceof HeadgateError && (code === undefined || error.code === code);
}

/** The one-line text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function fillMessage(template: string, context: ErrorContext): string {
  return template.replace(/\{(\w+)\}/g, (whole, key: string) =>
    context[key] === undefined ? whole : String(context[key]),
  );
}
