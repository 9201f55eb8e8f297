import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { HeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { Millis } from '../../model/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ConnectionSettings } from './connection-settings.ts';

/** CONNACK: bad user name or password, not authorised (3.1.1: 4, 5), client id refused (2), and MQTT 5's kin. */
const LOGIN_REFUSED: ReadonlySet<number> = new Set([2, 4, 5, 133, 134, 135, 138, 140]);
/** PUBACK of MQTT 5 that no repetition will change: packet too large, payload format invalid. */
const REJECTED: ReadonlySet<number> = new Set([0x95, 0x99]);

/**
 * Unconfirmed messages at once, for brokers that tell no limit: cloud brokers take 100 (AWS IoT Core). Further ones wait their turn
 * here; only `format: events` has that many.
 */
const MAX_UNCONFIRMED = 100;
/** What MQTT.js says when its own deadline for CONNACK is over: after a stall of the machine either may be the first. */
const CONNACK_TIMEOUT = 'connack timeout';

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly contentType: string;
  /** Goes ahead of others that wait. */
  readonly isUrgent: boolean;
}

/** One MQTT connection, from CONNACK to its end; then another is opened. */
export interface MqttConnection {
  /** Bytes of a packet that the broker takes (MQTT 5); infinite without word of it. */
  readonly maximumPacketSize: number;
  /** Publish at QoS 1; resolves with the PUBACK. @throws SINK_DISCONNECTED, SINK_TIMEOUT, SINK_REFUSED, SINK_REJECTED */
  publish(message: MqttMessage): Promise<void>;
  /** Called once when the connection ends without `close`, after pending publishes have rejected. */
  onDown(listener: (reason: string) => void): void;
  /** Say DISCONNECT and go; pending publishes reject. */
  close(): Promise<void>;
}

/**
 * Connect once, with the deadline of the settings. Each connection has a client of its own that never reconnects, so that MQTT.js
 * queues, stores and resends nothing.
 * @throws SINK_UNREACHABLE, SINK_CONNECT_TIMEOUT, SINK_LOGIN_REFUSED; SINK_DISCONNECTED when the signal aborts it
 */
export async function openConnection(
  settings: ConnectionSettings,
  clock: Clock,
  signal: AbortSignal,
): Promise<MqttConnection> {
  const { sink, url, connectTimeoutMs } = settings;
  if (signal.aborted) throw new HeadgateError('SINK_DISCONNECTED', { sink, reason: 'stopped' });
  const client = mqtt.connect(url, clientOptions(settings));
  const ended = new Promise<never>((_resolve, reject) => {
    client.on('error', (error) => reject(connectError(settings, error)));
    client.once('close', () =>
      reject(new HeadgateError('SINK_UNREACHABLE', { sink, url, reason: 'connection closed' })),
    );
    signal.addEventListener('abort', () => reject(new HeadgateError('SINK_DISCONNECTED', { sink, reason: 'stopped' })));
  });
  let timer: Timer | null = null;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new HeadgateError('SINK_CONNECT_TIMEOUT', { sink, url, timeoutMs: connectTimeoutMs });
    timer = clock.after(connectTimeoutMs, () => reject(error));
  });
  const connected = new Promise<OpenConnection>((resolve) => {
    client.once('connect', (connack) => resolve(new OpenConnection(client, settings, clock, connack.properties ?? {})));
  });
  try {
    return await Promise.race([connected, ended, late]);
  } catch (error) {
    client.end(true);
    client.stream.destroy();
    throw error;
  } finally {
    (timer as Timer | null)?.cancel();
  }
}

interface Unconfirmed {
  readonly message: MqttMessage;
  sentAt: Millis;
  readonly resolve: () => void;
  readonly reject: (error: HeadgateError) => void;
}

class OpenConnection implements MqttConnection {
  readonly #maxUnconfirmed: number;
  readonly maximumPacketSize: number;
  readonly #client: MqttClient;
  readonly #settings: ConnectionSettings;
  readonly #clock: Clock;
  /** Oldest first: a Set keeps the order of insertion. */
  readonly #unconfirmed = new Set<Unconfirmed>();
  /** Waiting for the window, urgent ones first; at most what the batches on the way hold. */
  readonly #urgent = new Set<Unconfirmed>();
  readonly #waiting = new Set<Unconfirmed>();
  #watch: Timer | null = null;
  #isOpen = true;
  #listener: (reason: string) => void = () => {};

  constructor(
    client: MqttClient,
    settings: ConnectionSettings,
    clock: Clock,
    limits: { receiveMaximum?: number; maximumPacketSize?: number },
  ) {
    this.#client = client;
    this.#settings = settings;
    this.#clock = clock;
    this.#maxUnconfirmed = Math.min(limits.receiveMaximum ?? MAX_UNCONFIRMED, MAX_UNCONFIRMED);
    this.maximumPacketSize = limits.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    const { stream } = client;
    // Small packets must not wait for the acknowledgement of earlier ones.
    if ('setNoDelay' in stream && typeof stream.setNoDelay === 'function') stream.setNoDelay(true);
    client.on('error', (error) => this.#end(this.#lost(messageOf(error))));
    client.on('close', () => this.#end(this.#lost('connection closed by the broker or the network')));
    client.on('disconnect', (packet) =>
      this.#end(this.#lost(`broker said disconnect, reason ${packet.reasonCode ?? 0}`)),
    );
  }

  onDown(listener: (reason: string) => void): void {
    this.#listener = listener;
  }

  publish(message: MqttMessage): Promise<void> {
    if (!this.#isOpen) return Promise.reject(this.#lost('connection has ended'));
    return new Promise((resolve, reject) => {
      (message.isUrgent ? this.#urgent : this.#waiting).add({ message, sentAt: 0, resolve, reject });
      this.#sendWaiting();
    });
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#listener = () => {};
    const isIdle = this.#unconfirmed.size === 0;
    // A polite DISCONNECT needs a live link: with publishes unconfirmed nobody knows, so the socket goes at once.
    if (isIdle) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(500, resolve);
        this.#client.end(false, {}, () => {
          timer.cancel();
          resolve();
        });
      });
    }
    this.#end(this.#lost('stopped'));
  }

  #sendWaiting(): void {
    while (this.#unconfirmed.size < this.#maxUnconfirmed && this.#isOpen) {
      const queue = this.#urgent.size > 0 ? this.#urgent : this.#waiting;
      const [entry] = queue;
      if (entry === undefined) return;
      queue.delete(entry);
      this.#unconfirmed.add(entry);
      entry.sentAt = this.#clock.monotonic();
      this.#startWatch();
      const { topic, payload, contentType } = entry.message;
      const isFive = this.#settings.protocolVersion === 5;
      const body =
        typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.length);
      const options = isFive ? ({ qos: 1, properties: { contentType } } as const) : ({ qos: 1 } as const);
      this.#client.publish(topic, body, options, (error) => {
        if (!this.#unconfirmed.delete(entry)) return;
        if (error === undefined || error === null) entry.resolve();
        else entry.reject(this.#publishError(error));
        this.#sendWaiting();
      });
    }
  }

  #startWatch(): void {
    if (this.#watch !== null) return;
    const [oldest] = this.#unconfirmed;
    if (oldest === undefined) return;
    const { ackTimeoutMs } = this.#settings;
    const dueIn = Math.max(1, oldest.sentAt + ackTimeoutMs - this.#clock.monotonic());
    this.#watch = this.#clock.after(dueIn, () => {
      this.#watch = null;
      const [first] = this.#unconfirmed;
      if (first !== undefined && this.#clock.monotonic() - first.sentAt >= ackTimeoutMs) {
        const { sink } = this.#settings;
        this.#end(new HeadgateError('SINK_TIMEOUT', { sink, timeoutMs: ackTimeoutMs }));
      } else {
        this.#startWatch();
      }
    });
  }

  #end(error: HeadgateError): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#watch?.cancel();
    const pending = [...this.#unconfirmed, ...this.#urgent, ...this.#waiting];
    this.#unconfirmed.clear();
    this.#urgent.clear();
    this.#waiting.clear();
    for (const { reject } of pending) reject(error);
    this.#client.end(true);
    this.#client.stream.destroy();
    this.#listener(String(error.context['reason'] ?? error.message));
  }

  #lost(reason: string): HeadgateError {
    return new HeadgateError('SINK_DISCONNECTED', { sink: this.#settings.sink, reason });
  }

  #publishError(error: Error): HeadgateError {
    const { sink } = this.#settings;
    const code = codeOf(error);
    if (code === undefined) return this.#lost(error.message);
    return new HeadgateError(
      REJECTED.has(code) ? 'SINK_REJECTED' : 'SINK_REFUSED',
      { sink, reason: error.message },
      error,
    );
  }
}

function clientOptions(settings: ConnectionSettings): IClientOptions {
  const { protocolVersion, clientId, username, password, tls, keepaliveS, connectTimeoutMs } = settings;
  return {
    protocolVersion,
    clientId,
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    ...(settings.url.startsWith('mqtts:') ? tls : {}),
    keepalive: keepaliveS,
    clean: true,
    reconnectPeriod: 0,
    queueQoSZero: false,
    // A table of all 16-bit numbers as bytes: 65,536 buffers, 10 MB.
    writeCache: false,
    resubscribe: false,
    // The belt, should ours not come.
    connectTimeout: connectTimeoutMs + 1000,
  };
}

function connectError(settings: ConnectionSettings, error: Error): HeadgateError {
  const { sink, url, connectTimeoutMs } = settings;
  if (error.message === CONNACK_TIMEOUT) {
    return new HeadgateError('SINK_CONNECT_TIMEOUT', { sink, url, timeoutMs: connectTimeoutMs }, error);
  }
  const code = codeOf(error);
  const isLogin = code !== undefined && LOGIN_REFUSED.has(code);
  return new HeadgateError(
    isLogin ? 'SINK_LOGIN_REFUSED' : 'SINK_UNREACHABLE',
    { sink, url, reason: reasonOf(error) },
    error,
  );
}

/** An AggregateError of several addresses has no message of its own. */
function reasonOf(error: Error): string {
  if (error.message !== '') return error.message;
  return 'code' in error ? String(error.code) : error.name;
}

function codeOf(error: Error): number | undefined {
  return 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
