import type { EventDraft } from '../model/event.ts';
import type { EpochMs } from '../model/time.ts';

/** What a client published to a topic of its own choice. */
export const MESSAGE_TYPE = 'headgate.message.v1';

/** Data of `headgate.message.v1`; with `encoding`, the payload is not text. */
export interface MessageData {
  readonly topic: string;
  readonly payload: string;
  readonly encoding?: 'base64';
  readonly qos: number;
  readonly retain: boolean;
}

/** A publish as it came in. */
export interface IncomingMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: number;
  readonly retain: boolean;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The event that records a client's message: about the gateway itself, in the order in which messages came. */
export function messageEvent(
  message: IncomingMessage,
  gateway: { asset: string; source: string },
  now: EpochMs,
): EventDraft<MessageData> {
  const { topic, payload, qos, retain } = message;
  return {
    source: gateway.source,
    type: MESSAGE_TYPE,
    subject: gateway.asset,
    time: now,
    lane: 'normal',
    data: { topic, ...payloadText(payload), qos, retain },
  };
}

function payloadText(payload: Uint8Array): Pick<MessageData, 'payload' | 'encoding'> {
  try {
    return { payload: utf8.decode(payload) };
  } catch {
    return { payload: Buffer.from(payload).toString('base64'), encoding: 'base64' };
  }
}
