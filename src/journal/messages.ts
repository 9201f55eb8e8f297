import type { ErrorCode } from '../errors/catalogue.ts';
import type { ErrorContext } from '../errors/headgate-error.ts';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { Cursor, JournalStatus, LaneCursors, PageRequest, StreamLedger } from '../ports/journal.ts';
import type { ClockStepData } from './clock-step.ts';
import type { GapTelling, LedgerSnapshot, StoredGap } from './ledger.ts';
import type { EncodedList, StreamKey } from './record.ts';
import type { JournalSettings } from './settings.ts';
import type { GroupOutcome } from './store.ts';
import type { StoreNotice } from './store-notice.ts';
import type { VerifyReport } from './verify-report.ts';

/** What the worker is started with. */
export interface WorkerStart {
  readonly directory: string;
  readonly settings: JournalSettings;
  readonly now: EpochMs;
  readonly newJournalId: string;
}

/**
 * Events of one turn of the main thread, as columns over one buffer: cheap to post and to read. References count up from 1 in the
 * order in which streams and lists were first sent; 0: no list.
 */
export interface CommitRequest {
  readonly kind: 'commit';
  readonly group: number;
  readonly now: EpochMs;
  readonly recorded: EpochMs;
  /** Index into LANES of each event. */
  readonly lanes: Uint8Array;
  readonly streams: Uint32Array;
  readonly lists: Uint32Array;
  readonly times: Float64Array;
  /** Where the payload of each event ends in `payload`. */
  readonly ends: Uint32Array;
  readonly payload: Uint8Array;
  readonly newStreams: readonly StreamKey[];
  readonly newLists: readonly EncodedList[];
  /** References start again from 1 with this group. */
  readonly isReset: boolean;
  /** First sequence of the segment that these events are thinned from: committed by itself. */
  readonly thins: number | null;
}

/** A request that is answered under its id. */
export type Question =
  | { readonly kind: 'read'; readonly request: PageRequest }
  | { readonly kind: 'open-cursor'; readonly consumer: string; readonly start: 'now' | 'beginning' }
  | { readonly kind: 'forget-cursor'; readonly consumer: string }
  | { readonly kind: 'status' }
  | { readonly kind: 'streams' }
  | { readonly kind: 'seal' }
  | { readonly kind: 'put-aside'; readonly problems: VerifyReport['problems'] }
  | { readonly kind: 'close' };

/** Main thread to worker. */
export type ToWorker =
  | CommitRequest
  | (Question & { readonly id: number; readonly now: EpochMs })
  | {
      readonly kind: 'move-cursor';
      readonly consumer: string;
      readonly cursor: Cursor;
      readonly lanes: readonly Lane[];
    }
  | { readonly kind: 'gaps-told'; readonly tellings: readonly GapTelling[] }
  | { readonly kind: 'clock-step'; readonly step: ClockStepData }
  | { readonly kind: 'tick'; readonly now: EpochMs };

/** A page as columns over one buffer. `lists`: those that the main thread has not been sent before. */
export interface PageAnswer {
  readonly sequences: Float64Array;
  readonly recorded: Float64Array;
  readonly lanes: Uint8Array;
  readonly listIds: readonly (string | null)[];
  readonly ends: Uint32Array;
  readonly payload: Uint8Array;
  readonly through: number;
  readonly lists: readonly EncodedList[];
  /** Forget the lists sent before. */
  readonly isReset: boolean;
}

/** The answers, by the kind of question. */
export interface Answers {
  readonly read: PageAnswer;
  readonly 'open-cursor': LaneCursors;
  readonly 'forget-cursor': boolean;
  readonly status: JournalStatus;
  readonly streams: StreamLedger;
  readonly seal: LedgerSnapshot;
  readonly 'put-aside': null;
  readonly close: null;
}

/** What became of a group of appends. */
export type CommitOutcome = { readonly group: number } & GroupOutcome;

/** Worker to main thread. */
export type FromWorker =
  | {
      readonly kind: 'opened';
      readonly journalId: string;
      readonly lastSequence: number;
      readonly untold: readonly StoredGap[];
    }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly context: ErrorContext }
  | { readonly kind: 'committed'; readonly outcomes: readonly CommitOutcome[] }
  | { readonly kind: 'answer'; readonly id: number; readonly value: Answers[keyof Answers] }
  | { readonly kind: 'notice'; readonly notice: StoreNotice }
  | { readonly kind: 'failed'; readonly reason: string };

/** Verify worker to main thread. */
export type FromVerifier =
  | { readonly kind: 'progress'; readonly done: number; readonly of: number }
  | { readonly kind: 'report'; readonly report: VerifyReport }
  | { readonly kind: 'failed'; readonly reason: string };
