import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { LaneCursors, StreamLedger } from '../ports/journal.ts';
import type { Consumer, ConsumerCounts } from './consumer.ts';
import type { SegmentInfo } from './segment-info.ts';

/** A gap as recorded; `consumers` says how many events each of them lost. */
export interface StoredGap {
  readonly id: number;
  readonly lane: Lane;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Numbers in the range that no event is known to have had: a crash came between two lanes of a commit, or damage hides what was there. */
  readonly unused: number;
  readonly reason: string;
  readonly at: EpochMs;
  readonly consumers: Readonly<Record<string, number>>;
}

/** A gap and the event that tells of it; null: none does yet, or the one that did was lost. */
export interface GapTelling {
  readonly id: number;
  readonly toldBy: number | null;
}

/** Totals of a lane since the journal began: stored = accepted - removed. */
interface LaneTotals {
  accepted: number;
  removed: number;
}

/** The one row of the journal. */
export interface LedgerHead {
  readonly journalId: string;
  lastSequence: number;
  /** No sequence above it was ever given out: where to go on when the newest events are damaged. */
  reserved: number;
  isClean: boolean;
  /** The machine's run in which it was written last, see `JournalDisk.bootId`; empty: unknown. */
  bootId: string;
  /** Cursors were lost with a damaged ledger: a consumer that is new now may be an old one. */
  cursorsLost: boolean;
}

/** All that the ledger holds. */
export interface LedgerContent {
  readonly head: LedgerHead;
  readonly lanes: Record<Lane, LaneTotals>;
  readonly segments: SegmentInfo[];
  readonly consumers: Map<string, Consumer>;
}

/** The ledger at one moment, as it can be posted. */
export interface LedgerSnapshot {
  readonly head: LedgerHead;
  readonly lanes: Record<Lane, LaneTotals>;
  readonly segments: readonly SegmentInfo[];
  readonly streams: StreamLedger;
  readonly consumers: readonly {
    readonly name: string;
    readonly cursors: LaneCursors;
    readonly counts: Record<Lane, ConsumerCounts>;
  }[];
}

/** Events of one stream. */
export interface StreamCount {
  /** The partition key; of streams beyond the bound together: empty. */
  readonly stream: string;
  readonly count: number;
}

/** What a consumer had of a stream in segments that are gone. */
export interface StreamAccount {
  readonly consumer: string;
  readonly stream: string;
  readonly settled: number;
  readonly gaps: number;
}

/** What a `save` writes, in one transaction. */
export interface LedgerChange {
  readonly head: LedgerHead;
  readonly lanes: Readonly<Record<Lane, LaneTotals>>;
  readonly segments: readonly SegmentInfo[];
  readonly removedSegments: readonly SegmentInfo[];
  readonly consumers: readonly Consumer[];
  readonly removedConsumers: readonly string[];
  readonly gaps: readonly StoredGap[];
  readonly tellings: readonly GapTelling[];
  /** Sums of segments that are sealed. */
  readonly tallies: readonly { readonly segment: SegmentInfo; readonly counts: readonly StreamCount[] }[];
  /** To be added to what is written. */
  readonly accounts: readonly StreamAccount[];
}
