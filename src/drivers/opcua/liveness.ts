import type { Millis } from '../../model/time.ts';

/** How long a subscription may be silent. */
export interface LivenessLimits {
  /** Without any message, keep-alives included. */
  readonly messageMs: Millis;
  /** Without a new server time, once it was seen to change. */
  readonly tickMs: Millis;
}

/**
 * Whether a subscription still delivers. "Connected" proves nothing: servers are known that answer reads and renew channels while
 * their subscriptions are dead. So each subscription carries Server.ServerStatus.CurrentTime, which has to keep changing; where a
 * server does not sample it, the keep-alive messages of the subscription are the proof.
 */
export class Liveness {
  readonly #limits: LivenessLimits;
  #messageAt: Millis;
  #tickAt: Millis;
  #ticks = 0;

  constructor(limits: LivenessLimits, now: Millis) {
    this.#limits = limits;
    this.#messageAt = now;
    this.#tickAt = now;
  }

  /** Count silence from now on: setting up a large subscription may keep a small server busy. */
  restart(now: Millis): void {
    this.#messageAt = now;
    this.#tickAt = now;
  }

  /** A notification or keep-alive of this subscription came. */
  noteMessage(now: Millis): void {
    this.#messageAt = now;
  }

  /** The server's time came with it. */
  noteTick(now: Millis): void {
    this.#tickAt = now;
    this.#ticks++;
  }

  /** Why it counts as dead, or null while it lives. The first tick is only the initial value. */
  silence(now: Millis): string | null {
    const { messageMs, tickMs } = this.#limits;
    if (now - this.#messageAt > messageMs) return `no message for ${Math.round(now - this.#messageAt)} ms`;
    if (this.#ticks > 1 && now - this.#tickAt > tickMs) {
      return `server time unchanged for ${Math.round(now - this.#tickAt)} ms`;
    }
    return null;
  }
}

/**
 * The limits of a subscription: three publishing intervals, at least `heartbeatMs`; keep-alives come every `keepAliveCount`
 * intervals only, and may be late by one.
 */
export function livenessLimits(publishingMs: Millis, keepAliveCount: number, heartbeatMs: Millis): LivenessLimits {
  return {
    messageMs: Math.max(heartbeatMs, 3 * publishingMs, (keepAliveCount + 2) * publishingMs),
    tickMs: Math.max(heartbeatMs, 3 * publishingMs),
  };
}
