import type { Lane } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import type { LaneCursors } from '../../ports/journal.ts';
import type { SinkHold, SinkLinkState } from '../../ports/sink.ts';
import { Confirmations } from './confirmations.ts';

/** How a sink stands. Counters count since start. */
export interface SinkStatus {
  readonly name: string;
  readonly kind: string;
  readonly link: SinkLinkState;
  readonly cursors: LaneCursors;
  /** When what was confirmed lately was. */
  readonly confirmations: Readonly<Record<Lane, Pick<Confirmations, 'timeOf'>>>;
  /** Everything up to this sequence is confirmed. */
  readonly settled: number;
  /** Events not confirmed yet, those on the way among them; of what is on disk, at most so many. */
  readonly waiting: number;
  readonly inFlight: { readonly batches: number; readonly bytes: number };
  /** Those of `waiting` that drain as backlog beside live data. */
  readonly backlog: number;
  /** What schedule and cap hold back at the moment. */
  readonly held: readonly SinkHold[];
  /** Confirmed per second over the last 10 s. */
  readonly rates: { readonly eventsPerSecond: number; readonly bytesPerSecond: number };
  readonly lastError: { readonly code: string; readonly message: string; readonly at: EpochMs } | null;
  readonly connections: number;
  readonly reconnects: number;
  readonly connectFailures: number;
  readonly eventsSettled: number;
  readonly batchesSettled: number;
  /** Payload bytes of confirmed batches. */
  readonly bytesSent: number;
  /** Events that went out again because the first time was not confirmed. */
  readonly resent: number;
  /** Events that the sink will never take: passed over, each with a gap event. */
  readonly deadLettered: number;
}

const NOWHERE = { settled: 0, above: [] };
const NONE = new Confirmations();

/** A sink that could not be set up; its backlog stays in the journal, which knows how much that is. */
export function unusableStatus(name: string, kind: string, reason: string, now: EpochMs): SinkStatus {
  return {
    name,
    kind,
    link: { state: 'down', reason, since: now },
    cursors: { critical: NOWHERE, normal: NOWHERE, bulk: NOWHERE },
    confirmations: { critical: NONE, normal: NONE, bulk: NONE },
    settled: 0,
    waiting: 0,
    inFlight: { batches: 0, bytes: 0 },
    backlog: 0,
    held: [],
    rates: { eventsPerSecond: 0, bytesPerSecond: 0 },
    lastError: { code: 'SINK_UNUSABLE', message: reason, at: now },
    connections: 0,
    reconnects: 0,
    connectFailures: 0,
    eventsSettled: 0,
    batchesSettled: 0,
    bytesSent: 0,
    resent: 0,
    deadLettered: 0,
  };
}
