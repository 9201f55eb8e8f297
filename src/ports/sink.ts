import type { EpochMs } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random } from './clock.ts';
import type { StoredEvent } from './journal.ts';

/** Events that travel together, in sequence order. `historical`: from a backlog, not live. */
export interface OutgoingBatch {
  readonly events: readonly StoredEvent[];
  readonly historical: boolean;
}

export interface SinkContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly journalId: string;
  /** `gateway.name`, for client ids and topics. */
  readonly gatewayName: string;
  /** Reads a secret reference (a file or systemd credential) when a connection is made. */
  readSecret(reference: string): Promise<string>;
}

export type SinkLinkState =
  | { readonly state: 'down'; readonly reason: string; readonly since: EpochMs }
  | { readonly state: 'up'; readonly since: EpochMs };

/**
 * A northbound destination. Owned by the forwarder, which alone decides what is sent again: a sink holds no queue beyond
 * `maxInFlight` batches and remembers nothing over a reconnect.
 */
export interface Sink {
  /** How many unconfirmed sends the destination takes; the forwarder keeps to it. */
  readonly maxInFlight: number;
  /** Connect, with a deadline of its own; resolves when batches may be sent. Called again after `onDown`, never overlapping. */
  connect(): Promise<void>;
  /** Called once per lost connection, after which all pending sends have rejected. */
  onDown(listener: (reason: string) => void): void;
  /**
   * Send one batch; resolves when the destination confirmed it (PUBACK). May be called up to maxInFlight times at once; order of
   * the calls is the order on the wire.
   * @throws SINK_DISCONNECTED (reconnect), SINK_TIMEOUT (reconnect), SINK_REJECTED the destination will never take it (never)
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
