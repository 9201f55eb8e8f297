import type { LedgerRow } from '../ports/journal.ts';

/** What verification found. */
export interface VerifyReport {
  readonly segments: number;
  readonly events: number;
  readonly problems: readonly { readonly segment: string; readonly problem: string }[];
  readonly ledger: readonly LedgerRow[];
  /** True when no problem was found and the ledger's equation holds for every consumer. */
  readonly holds: boolean;
}
