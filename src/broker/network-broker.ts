import type { Socket } from 'node:net';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { writeToStream } from 'mqtt-packet';
import { messageOf } from '../errors/headgate-error.ts';
import { encodeCloudEventJson } from '../model/cloud-event.ts';
import { type HeadgateEvent, isTelemetry } from '../model/event.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { isTopicName, MAX_TOPIC_LEVELS, publishRefusal } from './access.ts';
import { ClientListener } from './client-listener.ts';
import type { BrokerConfig } from './config.ts';
import type { CurrentTable } from './current-values.ts';
import { FilterIndex } from './filter-index.ts';
import { NetworkClient } from './network-client.ts';
import type { PublishGate } from './publish-gate.ts';
import { currentPackets } from './retained-current.ts';
import type { RetainedMessages } from './retained-messages.ts';
import { SessionStore } from './session-store.ts';
import type { Identity, SignIn } from './sign-in.ts';
import { TagFanout } from './tag-fanout.ts';

/** Nobody can subscribe under `$`: where aedes routes what must not be routed. */
const NOWHERE = '$headgate/nowhere';
/** aedes would disconnect a client that takes bytes slowly; here only one that takes none is. It coalesces waits only with a time-out. */
const NEVER_MS = 2_147_483_647;
const NOTHING = Buffer.alloc(0);
/** CONNACK with return code 2, identifier rejected. Source: MQTT 3.1.1 §3.1.3-8, §3.2.2.3. */
const CONNACK_IDENTIFIER_REJECTED = Buffer.from([0x20, 0x02, 0x00, 0x02]);
const IDENTIFIER_REJECTED = 2;
const SERVER_UNAVAILABLE = 3;
const BAD_USER_OR_PASSWORD = 4;
const NOT_AUTHORISED = 5;

// Two bytes for each number of 16 bits, made in advance, are 65,536 buffers and 10 MB.
writeToStream.cacheNumbers = false;

export interface NetworkBrokerOptions {
  readonly config: BrokerConfig;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly signIn: SignIn;
  readonly gate: PublishGate;
  readonly retained: RetainedMessages;
  readonly table: CurrentTable;
}

/** Figures of the network side. */
export interface NetworkStats {
  readonly clients: number;
  readonly pending: number;
  readonly subscriptions: number;
  readonly sessions: number;
  readonly eventsSent: number;
}

/**
 * The MQTT 3.1.1 listener: aedes speaks the protocol, and everything that it would allow is asked here first. A publish is
 * committed in the hook before aedes acknowledges it; a will takes the same way.
 */
export class NetworkBroker {
  readonly #options: NetworkBrokerOptions;
  readonly #aedes: Aedes;
  readonly #store: SessionStore;
  readonly #index = new FilterIndex<NetworkClient>();
  readonly #tags: TagFanout<NetworkClient>;
  readonly #clients = new Map<Client, NetworkClient>();
  /** A will is published after its client is gone. */
  readonly #identities = new WeakMap<Client, Identity>();
  readonly #wills = new WeakMap<Client, PublishPacket>();
  #listener: ClientListener | null = null;
  #frozenCheck: Timer | null = null;
  #eventsSent = 0;
  #isClosing = false;

  private constructor(options: NetworkBrokerOptions) {
    const { config, observer, table } = options;
    this.#options = options;
    this.#tags = new TagFanout(table, this.#index);
    this.#store = new SessionStore({
      observer,
      maxSessions: config.max_clients,
      maxQueued: config.max_queued,
      isConnected: (clientId) => this.#connected(clientId) !== undefined,
      userOf: (client) => this.#connected(client.id)?.identity.user ?? null,
      maySubscribe: (client, filter) => this.#connected(client.id)?.maySubscribe(filter) ?? false,
      retained: (filters) => this.#retained(filters),
    });
    this.#aedes = new Aedes({
      persistence: this.#store,
      // One client that is not read from must hold no slot that others wait for.
      concurrency: 0,
      connectTimeout: config.connect_timeout_ms,
      drainTimeout: NEVER_MS,
      maxTopicLevels: MAX_TOPIC_LEVELS,
      preConnect: (client, packet, done) => {
        const refusal = connectRefusal(packet);
        if (refusal === null) {
          if (packet.will !== undefined)
            this.#wills.set(client, { cmd: 'publish', dup: false, ...packet.will } as PublishPacket);
          done(null, true);
          return;
        }
        if (packet.clientId === '') client.conn.write(CONNACK_IDENTIFIER_REJECTED);
        this.#options.observer.emit('broker-sign-in-refused', { client: packet.clientId, reason: refusal });
        done(new Error(refusal), false);
      },
      authenticate: (client, username, password, done) => {
        this.#authenticate(client, username, password).then(
          (code) =>
            code === 0 ? done(null, true) : done(Object.assign(new Error('refused'), { returnCode: code }), false),
          (error: Error) => done(Object.assign(error, { returnCode: SERVER_UNAVAILABLE }), false),
        );
      },
      authorizePublish: (client, packet, done) => {
        this.#authorizePublish(client, packet).then(() => done(null), done);
      },
      authorizeSubscribe: (client, subscription, done) => {
        const known = this.#clients.get(client);
        const isAllowed = known?.maySubscribe(subscription.topic) ?? false;
        if (!isAllowed) {
          observer.emit('broker-subscribe-refused', {
            client: client.id,
            user: known?.identity.user,
            filter: subscription.topic.slice(0, 256),
          });
        }
        done(null, isAllowed ? subscription : null);
      },
      authorizeForward: (client, packet) => {
        const known = this.#clients.get(client);
        if (known === undefined) return null;
        // What is retained waits for the client instead.
        if (!packet.retain && !known.hasRoom()) return null;
        if (packet.qos === 2) packet.qos = known.qosFor(packet.topic);
        return packet;
      },
    });
  }

  static async open(options: NetworkBrokerOptions): Promise<NetworkBroker> {
    const broker = new NetworkBroker(options);
    broker.#watch();
    await broker.#aedes.listen();
    try {
      broker.#listener = await ClientListener.open({
        config: options.config,
        clock: options.clock,
        observer: options.observer,
        onConnection: (socket) => void broker.#aedes.handle(socket),
      });
    } catch (error) {
      await broker.close();
      throw error;
    }
    broker.#watchFrozen();
    return broker;
  }

  get address(): { readonly host: string; readonly port: number } | null {
    return this.#listener?.address ?? null;
  }

  stats(): NetworkStats {
    return {
      clients: this.#clients.size,
      pending: this.#listener?.pending ?? 0,
      subscriptions: this.#index.size,
      sessions: this.#store.sessions,
      eventsSent: this.#eventsSent,
    };
  }

  /** Show a committed event to the clients that subscribed; encoded only if there is one. */
  push(topic: string, event: HeadgateEvent): void {
    if (isTelemetry(event)) this.#tags.update(event.data);
    if (this.#index.match(topic).length === 0 && !this.#store.wants(topic)) return;
    this.#eventsSent++;
    const packet = {
      cmd: 'publish',
      topic,
      payload: encodeCloudEventJson(event),
      qos: 1,
      retain: false,
      dup: false,
    } as const;
    this.#aedes.publish(packet, (error) => this.#failed(error));
  }

  /** The commit is complete. */
  flush(): void {
    this.#tags.flush();
    for (const client of this.#clients.values()) client.openCommit();
  }

  /** Disconnect everybody; wills are not published, since the clients have not failed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => this.#aedes.close(resolve));
    await this.#listener?.close();
    await closed;
    this.#frozenCheck?.cancel();
  }

  #connected(clientId: string): NetworkClient | undefined {
    for (const known of this.#clients.values()) if (known.id === clientId) return known;
    return undefined;
  }

  #watch(): void {
    const { observer } = this.#options;
    this.#aedes.on('clientReady', (client) => this.#ready(client));
    this.#aedes.on('clientDisconnect', (client) => this.#gone(client));
    this.#aedes.on('subscribe', (subscriptions, client) => {
      for (const { topic, qos } of subscriptions) if (qos <= 2) this.#clients.get(client)?.subscribed(topic, qos);
    });
    this.#aedes.on('unsubscribe', (filters, client) => {
      for (const filter of filters) this.#clients.get(client)?.unsubscribed(filter);
    });
    this.#aedes.on('clientError', (client, error) => {
      observer.emit('broker-client-error', { client: client.id, problem: messageOf(error) });
    });
    this.#aedes.on('connectionError', (_client, error) => {
      observer.emit('broker-connection-error', { problem: messageOf(error) });
    });
    // A plain EventEmitter: an error that nobody hears would end the process.
    const emitter: NodeJS.EventEmitter = this.#aedes;
    emitter.on('error', (error: unknown) => this.#failed(error));
  }

  #watchFrozen(): void {
    const { clock, config, observer } = this.#options;
    this.#frozenCheck = clock.after(config.drain_timeout_ms / 4, () => {
      for (const client of this.#clients.values()) {
        if (!client.isFrozen(clock.monotonic(), config.drain_timeout_ms)) continue;
        observer.emit('broker-client-frozen', { client: client.id });
        client.disconnect();
      }
      if (!this.#isClosing) this.#watchFrozen();
    });
  }

  async #authenticate(client: Client, username: string | undefined, password: Buffer | undefined): Promise<number> {
    const { config, signIn, observer, clock } = this.#options;
    const refuse = (reason: string, code: number) => {
      observer.emit('broker-sign-in-refused', { client: client.id, user: username?.slice(0, 128), reason });
      return code;
    };
    const identity = await signIn.identify(username, password);
    if (identity === null) {
      return username === undefined
        ? refuse('anonymous clients may not connect', NOT_AUTHORISED)
        : refuse('unknown user or wrong password', BAD_USER_OR_PASSWORD);
    }
    const connected = this.#connected(client.id);
    const holder = connected === undefined ? this.#store.ownerOf(client.id) : connected.identity.user;
    if (holder !== undefined && holder !== identity.user) {
      return refuse('the client id belongs to another user', IDENTIFIER_REJECTED);
    }
    if (this.#clients.size >= config.max_clients && connected === undefined) {
      return refuse(`max_clients (${config.max_clients}) are connected`, SERVER_UNAVAILABLE);
    }
    const will = this.#wills.get(client);
    const refusal = will === undefined ? null : publishRefusal(identity.rules, will.topic);
    if (refusal !== null) return refuse(`its will: ${refusal}`, NOT_AUTHORISED);
    if (client.closed || client.conn.destroyed) return SERVER_UNAVAILABLE;
    this.#identities.set(client, identity);
    this.#clients.set(
      client,
      new NetworkClient({ client, identity, index: this.#index, config, observer, now: clock.monotonic() }),
    );
    // aedes tells of the end of those only that got as far as being registered.
    client.conn.once('close', () => this.#gone(client));
    return 0;
  }

  #ready(client: Client): void {
    const known = this.#clients.get(client);
    if (known === undefined || client.closed) {
      this.#gone(client);
      return;
    }
    this.#listener?.release(client.conn as Socket);
    this.#options.observer.emit('broker-client-connected', { client: client.id, user: known.identity.user });
    if (client.clean) return;
    // aedes takes up the subscriptions of a kept session without a word.
    void this.#store.subscriptionsByClient(client).then((subscriptions) => {
      for (const { topic, qos } of subscriptions) known.subscribed(topic, qos);
    });
  }

  #gone(client: Client): void {
    const known = this.#clients.get(client);
    if (known === undefined) return;
    known.gone();
    this.#clients.delete(client);
    this.#options.observer.emit('broker-client-disconnected', { client: client.id, dropped: known.dropped });
  }

  /** Resolves when the packet may be acknowledged; what must not be routed is sent nowhere. */
  async #authorizePublish(client: Client | null, packet: PublishPacket): Promise<void> {
    const identity = client === null ? undefined : this.#identities.get(client);
    if (client === null || identity === undefined || this.#isClosing) throw new Error('not connected');
    const { topic, qos, retain, messageId } = packet;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const outcome = await this.#options.gate.accept({
      client: client.id,
      identity,
      topic,
      payload,
      qos,
      retain,
      repeats: this.#store.repeatsOf(client.id),
      ...(messageId === undefined ? {} : { messageId }),
    });
    if (outcome === 'route') return;
    packet.topic = NOWHERE;
    packet.payload = NOTHING;
    packet.retain = false;
  }

  *#retained(filters: readonly string[]) {
    for (const filter of filters) {
      for (const { topic, payload, qos } of this.#options.retained.matching(filter)) {
        yield { cmd: 'publish', topic, payload, qos, retain: true } as const;
      }
      yield* currentPackets(this.#options.table, filter);
    }
  }

  #failed(error: unknown): void {
    if (error) this.#options.observer.emit('broker-failed', { problem: messageOf(error) });
  }
}

/** What MQTT asks of a CONNECT and aedes does not check. */
function connectRefusal(packet: Pick<ConnectPacket, 'clientId' | 'clean' | 'will'>): string | null {
  if (packet.clientId === '' && packet.clean === false) return 'no client id, and a session that is to be kept';
  if (/[\0\ufffd]/.test(packet.clientId) || packet.clientId.length > 256) return 'not a client id';
  if (packet.will !== undefined && (!isTopicName(packet.will.topic) || (packet.will.qos ?? 0) > 2)) return 'not a will';
  return null;
}
