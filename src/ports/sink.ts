import type { EpochMs, Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random } from './clock.ts';
import type { StoredEvent } from './journal.ts';

/** Events that travel together, in sequence order. `historical`: from a backlog, not live. */
export interface OutgoingBatch {
  readonly events: readonly StoredEvent[];
  readonly historical: boolean;
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
   * the calls is the order on the wire.
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
