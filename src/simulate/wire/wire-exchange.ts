import type { Millis } from '../../model/time.ts';
import { readFrame, type WireMessage, type WireRecording } from './wire-frame.ts';

/** A request with what came of it. */
export interface WireExchange {
  /** When the request was on the wire, since the recording began. */
  readonly atMs: Millis;
  readonly unit: number;
  /** Function code first. */
  readonly request: Uint8Array;
  /** The answer's protocol data unit; null: the unit stayed silent. */
  readonly reply: Uint8Array | null;
  /** From request to answer; null with silence. */
  readonly latencyMs: Millis | null;
}

/** What came of pairing, with what could not be used. */
export interface PairedExchanges {
  readonly exchanges: readonly WireExchange[];
  /** Frames that are damaged. */
  readonly damagedFrames: number;
  /** Answers to nothing that was asked. */
  readonly strayReplies: number;
  /** Last moment of the recording. */
  readonly durationMs: Millis;
}

interface Asked {
  readonly atMs: Millis;
  readonly message: WireMessage;
}

/** Requests that one connection may have open; an older one counts as unanswered. */
const MAX_OPEN = 64;

/**
 * Pair requests with answers: on TCP by connection, transaction, unit and function; on a serial line the next frame of the unit asked.
 * A request that the recording ends on, before the slowest answer could have come, is left out: nobody knows what came of it.
 */
export function pairExchanges({ framing, frames }: WireRecording): PairedExchanges {
  const open = new Map<number, Asked[]>();
  const exchanges: WireExchange[] = [];
  let damagedFrames = 0;
  let strayReplies = 0;
  let slowestMs = 0;
  const unanswered = ({ atMs, message }: Asked) =>
    exchanges.push({ atMs, unit: message.unit, request: message.pdu, reply: null, latencyMs: null });
  for (const { atMs, isRequest, connection, bytes } of frames) {
    const message = readFrame(framing, bytes);
    if (message === null || message.pdu.length === 0) {
      damagedFrames++;
      continue;
    }
    const asked = open.get(connection) ?? [];
    open.set(connection, asked);
    if (isRequest) {
      // A serial master that asks again has given up on what it asked before.
      const limit = framing === 'tcp' ? MAX_OPEN : 1;
      while (asked.length >= limit) unanswered(asked.shift() as Asked);
      asked.push({ atMs, message });
      continue;
    }
    const at = asked.findIndex((one) => isAnswer(one.message, message));
    const [found] = at < 0 ? [] : asked.splice(at, 1);
    if (found === undefined) {
      strayReplies++;
      continue;
    }
    const latencyMs = Math.max(0, atMs - found.atMs);
    slowestMs = Math.max(slowestMs, latencyMs);
    const { unit, pdu } = found.message;
    exchanges.push({ atMs: found.atMs, unit, request: pdu, reply: message.pdu, latencyMs });
  }
  const durationMs = frames.at(-1)?.atMs ?? 0;
  for (const asked of open.values()) for (const one of asked) if (one.atMs + slowestMs < durationMs) unanswered(one);
  exchanges.sort((a, b) => a.atMs - b.atMs);
  return { exchanges, damagedFrames, strayReplies, durationMs };
}

function isAnswer(request: WireMessage, reply: WireMessage): boolean {
  return (
    request.transaction === reply.transaction &&
    request.unit === reply.unit &&
    (request.pdu[0] ?? 0) === ((reply.pdu[0] ?? 0) & 0x7f)
  );
}
