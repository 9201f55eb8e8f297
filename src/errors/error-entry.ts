/** What a caller should do after an error: give up, try again later, or rebuild the connection first. */
export type Retry = 'never' | 'backoff' | 'reconnect';

/** One row of the error catalogue. */
export interface ErrorEntry {
  /** One sentence; `{name}` is filled from the error's context. */
  readonly message: string;
  /** What it means, for the reference page. */
  readonly meaning: string;
  /** What the operator does next. */
  readonly action: string;
  readonly retry: Retry;
}
