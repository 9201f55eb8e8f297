import type { EventDraft, HeadgateEvent } from '../model/event.ts';
import type { Lane } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EpochMs } from '../model/time.ts';

/** An accepted event with its one CBOR encoding (event-codec.ts), as committed; the bytes are shared and never changed. */
export interface StoredEvent {
  readonly sequence: number;
  readonly lane: Lane;
  readonly recordedtime: EpochMs;
  readonly bytes: Uint8Array;
  /** The tag list that the bytes refer to, for telemetry. */
  readonly list: TagList | null;
}

/** A committed event in both forms. */
export interface CommittedEvent extends StoredEvent {
  readonly event: HeadgateEvent;
}

/** A closed range of sequences. */
export interface SequenceRange {
  readonly first: number;
  readonly last: number;
}

/**
 * How far a consumer has got in a lane: all of the lane's events up to and including the sequence `settled`, and those in the ranges
 * above it, ascending and disjoint (live events that overtook a backlog). At most 64 ranges.
 */
export interface Cursor {
  readonly settled: number;
  readonly above: readonly SequenceRange[];
}

/** A consumer's place in each lane: lanes overtake one another. */
export type LaneCursors = Readonly<Record<Lane, Cursor>>;

/** `received = stored = settled + waiting + gaps` of one consumer, in events. */
export interface LedgerRow {
  readonly consumer: string;
  readonly received: number;
  readonly settled: number;
  readonly waiting: number;
  readonly gaps: number;
}

/** The ledger of one consumer and one stream; stream null: of segments that could not be read when they went. */
export interface StreamLedgerRow extends LedgerRow {
  readonly stream: string | null;
}

/** The ledger by stream: what keeps its order, named by its partition key. */
export interface StreamLedger {
  /** Events that lie there, and that have gone, by whatever way. */
  readonly streams: readonly { readonly stream: string; readonly stored: number; readonly removed: number }[];
  readonly rows: readonly StreamLedgerRow[];
}

/** Events lost or dropped by policy, as recorded and as told upstream by a gap event. */
interface GapRecord {
  readonly lane: Lane;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** Numbers in the range that no event is known to have had; nobody lost anything with them. */
  readonly unused: number;
  readonly reason: string;
  readonly at: EpochMs;
}

/** For `journal status`. */
export interface JournalStatus {
  readonly journalId: string;
  readonly lastSequence: number;
  readonly lanes: Readonly<
    Record<Lane, { readonly segments: number; readonly events: number; readonly bytes: number }>
  >;
  readonly bytes: number;
  readonly quotaBytes: number;
  readonly freeDiskBytes: number;
  /** Why nothing is accepted at the moment: the quota is full of what may not be dropped, the disk is full, or read-only. Null when it is. */
  readonly blocked: 'quota' | 'disk' | 'readonly' | null;
  readonly gaps: readonly GapRecord[];
  readonly ledger: readonly LedgerRow[];
}

/** Which events of a page to give; what is absent does not matter. */
export interface EventSelection {
  /** Exact type, or a prefix ending in `*`. */
  readonly type?: string;
  /** Asset path; what lies below it is included. */
  readonly asset?: string;
  /** Only telemetry of tag lists that have a tag of this name; a report may hold other tags too. */
  readonly tag?: string;
  /** Source time, inclusive. */
  readonly from?: EpochMs;
  /** Source time, exclusive. */
  readonly to?: EpochMs;
}

/** Which stored events to read: ascending sequence, strictly after `after`. */
export interface PageRequest {
  readonly after: number;
  /** Up to and including. */
  readonly until: number;
  readonly lanes?: readonly Lane[];
  readonly where?: EventSelection;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** A page; `through` is how far the search got: the next request's `after` (events between were pruned or of other lanes). */
export interface Page {
  readonly events: readonly StoredEvent[];
  readonly through: number;
}

/**
 * The durable log, seen from the main thread. `append` may overlap; commits are grouped. One instance per data directory.
 */
export interface Journal {
  readonly journalId: string;
  /** Highest committed sequence; 0 when empty. */
  readonly lastSequence: number;
  /**
   * Accept events: resolves after the commit under synchronous=FULL returned, with the events in the order given.
   * @throws JOURNAL_OVERLOADED the bounded queue is full (retry: backoff); JOURNAL_DISK_FULL nothing could be made free
   *   (retry: backoff); JOURNAL_FAILED an fsync or I/O error: nothing will be accepted any more (retry: never)
   */
  append(drafts: readonly EventDraft[]): Promise<readonly HeadgateEvent[]>;
  /** Hear of every commit, in sequence order, before its append resolves. Must not throw. Returns the unsubscribe. */
  onCommit(listener: (events: readonly CommittedEvent[]) => void): () => void;
  /**
   * Read from disk, for consumers that are behind and for questions. With `where` a page may be empty before the search is at its end:
   * go on after `through`.
   */
  read(request: PageRequest): Promise<Page>;
  /** Make a consumer known: a new one starts at `start` (`now`: what is committed from here on); a known one keeps its place. */
  openCursor(consumer: string, start: 'now' | 'beginning'): Promise<LaneCursors>;
  /** Move a cursor, in all lanes or in some; persisted with the next group commit, at the latest after a second, and on close. */
  moveCursor(consumer: string, cursor: Cursor, lanes?: readonly Lane[]): void;
  /** Consumers known from earlier that nobody opened since start keep their backlog; this lets one go, with a gap for what waited. */
  forgetCursor(consumer: string): Promise<void>;
  status(): Promise<JournalStatus>;
  /** Resolves with the error when the journal can accept nothing any more; the daemon must exit then. */
  readonly failed: Promise<Error>;
  /** Commit what is queued, persist cursors, close. */
  close(): Promise<void>;
}
