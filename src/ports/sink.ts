import type { Lane } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { WeeklyWindow } from '../model/weekly-window.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random } from './clock.ts';
import type { SequenceRange, StoredEvent } from './journal.ts';

/**
 * What a batch speaks for, so that a receiver can prove that nothing is missing: a closed range of one lane. What of that lane and range
 * is not among the events is not stored, or no longer.
 */
export interface BatchCoverage extends SequenceRange {
  readonly lane: Lane;
  /** Ranges of the lane elsewhere in which nothing is stored, or no longer; at most 64. */
  readonly absent?: readonly SequenceRange[];
  /** Through this sequence this destination has confirmed everything, in all lanes. */
  readonly settled: number;
}

/** Events that travel together, in sequence order, of one lane unless replayed; none, if it only tells its coverage. `historical`: from a backlog or replayed, not live. */
export interface OutgoingBatch {
  readonly events: readonly StoredEvent[];
  readonly historical: boolean;
  /** null: it speaks for its own events alone. */
  readonly coverage: BatchCoverage | null;
  /** Name of the run that sends these events again because somebody asked for it; absent: the forwarder's own delivery. */
  readonly replay?: string;
}

/** Where a secret stands: a file, or a systemd credential by name. */
export type SecretReference = { readonly file: string } | { readonly credential: string };

export interface SinkContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly journalId: string;
  /** `gateway.name`, for client ids and topics. */
  readonly gatewayName: string;
  /** Reads a secret when a connection is made. */
  readSecret(reference: SecretReference): Promise<string>;
}

export type SinkLinkState =
  | { readonly state: 'down'; readonly reason: string; readonly since: EpochMs }
  | { readonly state: 'up'; readonly since: EpochMs };

/** How the forwarder feeds a sink, from the sink's configuration. */
export interface SinkPacing {
  /** A batch is full at this many events or, but for a lone larger event, bytes of encoded events. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  /** A batch that is not full waits this long for more. */
  readonly lingerMs: Millis;
  /** Bounds of the jittered exponential backoff between connection attempts. */
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
  /** Where a sink starts that the journal has not seen before. */
  readonly startAt: 'beginning' | 'now';
  /** Bytes of live data for each byte of backlog while both have plenty. */
  readonly liveWeight: number;
  /** Bytes of payload on the wire; null: as many as the link takes. Critical events do not wait for it, but count. */
  readonly maxBytesPerSecond: number | null;
  /** null: everything at any time. */
  readonly schedule: SinkSchedule | null;
}

/** When a sink may send what need not go at once; live events of the lanes normal and critical go at any time. */
export interface SinkSchedule {
  /** Backlog, but for the lane critical; null: at any time. */
  readonly backlog: readonly WeeklyWindow[] | null;
  /** The lane bulk; null: at any time. */
  readonly bulk: readonly WeeklyWindow[] | null;
  /** IANA name; null: the zone of this machine. */
  readonly timeZone: string | null;
}

/** What the configuration of a sink holds back at the moment. */
export interface SinkHold {
  readonly what: 'backlog' | 'bulk' | 'all but critical';
  readonly by: 'schedule' | 'max_bytes_per_s';
  /** When it may go; null: as the cap allows. */
  readonly until: EpochMs | null;
}

/**
 * A northbound destination. Owned by the forwarder, which alone decides what is sent again: a sink holds no queue beyond
 * `maxInFlight` batches and remembers nothing over a reconnect.
 */
export interface Sink {
  /** How many unconfirmed sends the destination takes; the forwarder keeps to it. */
  readonly maxInFlight: number;
  readonly pacing: SinkPacing;
  /** Connect, with a deadline of its own; resolves when batches may be sent. Called again after `onDown`, never overlapping. */
  connect(): Promise<void>;
  /** Called once per lost connection, after which all pending sends have rejected. */
  onDown(listener: (reason: string) => void): void;
  /**
   * Send one batch; resolves when the destination confirmed it (PUBACK). May be called up to maxInFlight times at once; order of
   * the calls is the order on the wire, but that batches of the lane critical may go ahead of others.
   * @throws SINK_DISCONNECTED (reconnect), SINK_TIMEOUT (reconnect), SINK_REFUSED not now (backoff), SINK_REJECTED the destination
   *   will never take it (never)
   */
  send(batch: OutgoingBatch): Promise<SendReceipt>;
  /** Drop the connection; pending sends reject. Within 1 s. */
  disconnect(): Promise<void>;
}

export interface SendReceipt {
  /** Bytes of payload on the wire. */
  readonly bytes: number;
}

/** A kind of sink. Light: `create` loads the protocol library lazily. */
export interface SinkModule<C = unknown> {
  readonly kind: string;
  create(name: string, config: C, context: SinkContext): Promise<Sink>;
}
