import type { Millis } from '../../model/time.ts';

/** Every bound of the service host. */
export interface ServiceLimits {
  /** How often a worker is asked whether it lives, and for its figures. */
  readonly heartbeatMs: Millis;
  /** A worker that does not answer for so long is ended and started again. */
  readonly hangMs: Millis;
  /** The same while it starts and loads. */
  readonly startMs: Millis;
  /** A handler that has not settled after this is taken for hung. */
  readonly handlerMs: Millis;
  readonly stopMs: Millis;
  readonly queryMs: Millis;
  readonly queriesPending: number;
  /** First delay of a restart; doubled up to the greatest, and spread by half. */
  readonly backoffMs: Millis;
  readonly maxBackoffMs: Millis;
  /** After so many crashes in a row a service counts as failed and is tried only every `failedRetryMs`. */
  readonly crashesToFail: number;
  readonly failedRetryMs: Millis;
  /** A service that ran so long has recovered. */
  readonly stableMs: Millis;
  /** After so many crashes on one event, the event is passed over. */
  readonly crashesToSkip: number;
  /** Sent and not yet handled, per feed. */
  readonly creditEvents: number;
  readonly creditBytes: number;
  /** Live events that wait in the host beyond the credit; more drop the oldest. */
  readonly liveQueueEvents: number;
  readonly liveQueueBytes: number;
  readonly maxOldSpaceMb: number;
  readonly maxYoungMb: number;
}

export const SERVICE_LIMITS: ServiceLimits = {
  heartbeatMs: 1_000,
  hangMs: 10_000,
  startMs: 30_000,
  handlerMs: 30_000,
  stopMs: 2_000,
  queryMs: 5_000,
  queriesPending: 100,
  backoffMs: 1_000,
  maxBackoffMs: 60_000,
  crashesToFail: 5,
  failedRetryMs: 300_000,
  stableMs: 60_000,
  crashesToSkip: 3,
  creditEvents: 2_000,
  creditBytes: 4_194_304,
  liveQueueEvents: 1_000,
  liveQueueBytes: 4_194_304,
  maxOldSpaceMb: 256,
  maxYoungMb: 4,
};
