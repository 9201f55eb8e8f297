import type { HeadgateError } from '../../errors/headgate-error.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import type { Timer } from '../../ports/clock.ts';
import type { ModbusReply, ModbusRequest } from './frame.ts';

/** A request for a wire, and when it may go. */
export interface WireJob {
  readonly request: ModbusRequest;
  readonly timeoutMs: Millis;
  /** How long after its time-out an answer may still come, where nothing tells it from another's. */
  readonly lateReplyMs: Millis;
  /** Least pause between an answer of this unit and the next request to it. */
  readonly unitPauseMs: Millis;
  /**
   * Where answers carry numbers: once it is unanswered for so long the wire goes on to others, while its answer still counts until the
   * time-out. Asked when it is sent; null: the wire waits for it.
   */
  readonly holdMs: (() => Millis) | null;
  /**
   * Monotonic. Until then it only goes shortly after others, once nothing else waits: scans are in step, so that is when the next ones are
   * farthest off. Null: it goes as soon as it can.
   */
  readonly waitsUntil: Millis | null;
  /** Monotonic; the earliest goes first. */
  readonly deadline: Millis;
  /** Reading again does no harm, so a request that was lost with its connection for no fault of its own is sent again. */
  readonly isRead: boolean;
  /** Asked when its turn comes; false: it is rejected unsent. */
  readonly isWanted: () => boolean;
  /** Told before it settles without data, when requests to other units have waited for it: how long the first of them did. */
  readonly heldUp: (waitedMs: Millis) => void;
}

/** A reply with the moment that its values are of. */
export interface WireReply extends ModbusReply {
  /** When the request was sent: the unit has read its values after that, however long it took to answer. */
  readonly time: EpochMs;
  /** From sending the request to the whole answer. */
  readonly tookMs: Millis;
  /** Nothing else was under way when it was sent: all of that time is the unit's. */
  readonly isUnqueued: boolean;
  /** What was wrong with an answer that does not fit; for people. */
  readonly detail?: string;
}

/** A job whose turn has not come. */
export interface WaitingJob {
  readonly job: WireJob;
  readonly deadline: Millis;
  readonly queuedAt: Millis;
  readonly resolve: (reply: WireReply) => void;
  readonly reject: (error: HeadgateError) => void;
  /** It was lost with its connection once. */
  isRepeat: boolean;
}

/** A job under way. */
export interface SentJob {
  readonly waiting: WaitingJob;
  /** Wall clock. */
  readonly time: EpochMs;
  readonly sentAt: Millis;
  /** Nothing else was under way then, not even an answer that nobody waits for. */
  readonly isUnqueued: boolean;
  /** Monotonic: until then others wait for it, if there are any. */
  readonly holdsUntil: Millis;
  /** It was lost with a connection before. */
  readonly isRepeat: boolean;
  /** Runs while others wait. */
  timer: Timer | null;
  /** The wire has gone on to others. */
  isPassedOver: boolean;
}
