import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { messageOf } from '../../errors/headgate-error.ts';

export interface SubscriptionOptions {
  /** `mqtt://host:port` or `mqtts://…`, without credentials. */
  readonly url: string;
  /** Topic prefix of the gateways, as in their sinks' `topic`; all below it is received. */
  readonly topic: string;
  /** Stable over restarts, so that the broker keeps what comes meanwhile. */
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  /** Certificates to trust, PEM. */
  readonly ca?: string;
  /** Take a message; the broker hears of it when this resolves. A rejection ends the subscription: the message stays with the broker. */
  readonly onMessage: (topic: string, payload: Uint8Array) => Promise<void>;
  readonly onState?: (state: 'connected' | 'disconnected', reason: string) => void;
}

/** A lasting subscription at QoS 1. */
export interface Subscription {
  readonly isConnected: boolean;
  /** Rejects with what `onMessage` threw. */
  readonly failed: Promise<never>;
  /** What is being taken is finished first. */
  close(): Promise<void>;
}

const RECONNECT_MS = 1000;

/**
 * Subscribe and stay subscribed: reconnects for ever, and the broker keeps what comes meanwhile in the session of the client id.
 * Messages are taken one after the other and confirmed afterwards, so that a crash between loses none.
 * @throws what the first connection ends with
 */
export async function subscribe(options: SubscriptionOptions): Promise<Subscription> {
  const { url, topic, clientId, username, password, ca, onMessage, onState } = options;
  const settings: IClientOptions = {
    clientId,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    clean: false,
    reconnectPeriod: RECONNECT_MS,
    resubscribe: false,
  };
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  let busy: Promise<void> = Promise.resolve();
  let isClosed = false;
  const client: MqttClient = mqtt.connect(url, settings);
  client.handleMessage = (packet, done) => {
    if (isClosed) return;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    busy = onMessage(packet.topic, payload).then(
      () => done(),
      (error: unknown) => {
        isClosed = true;
        fail(error);
        client.end(true);
      },
    );
  };
  let lastError = 'the connection was closed';
  client.on('error', (error) => {
    lastError = messageOf(error);
  });
  await new Promise<void>((resolve, reject) => {
    let isFirst = true;
    client.on('connect', () => {
      client.subscribe(`${topic}/#`, { qos: 1 }, (error, granted) => {
        const refused = granted?.some(({ qos }) => qos === 128) === true;
        if (error === null && !refused) {
          onState?.('connected', '');
          isFirst = false;
          resolve();
          return;
        }
        lastError = error === null ? `the broker refuses a subscription to ${topic}/#` : messageOf(error);
        if (isFirst) reject(new Error(lastError));
      });
    });
    client.on('close', () => {
      if (!isClosed) onState?.('disconnected', lastError);
      if (isFirst) reject(new Error(lastError));
    });
  }).catch(async (error: unknown) => {
    await client.endAsync(true);
    throw error;
  });
  return {
    get isConnected() {
      return client.connected;
    },
    failed,
    close: async () => {
      isClosed = true;
      await busy;
      await client.endAsync();
    },
  };
}
