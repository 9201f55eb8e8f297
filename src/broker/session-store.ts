import { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';
import type { Observer } from '../observe/observer.ts';
import { FilterIndex } from './filter-index.ts';
import { RepeatFilter } from './repeat-filter.ts';

type Qos = 0 | 1 | 2;
type StoredSubscription = Pick<Subscription, 'topic' | 'qos' | 'rh' | 'rap' | 'nl'>;
interface Known {
  readonly id: string;
}
/** A packet on its way to a client; after a PUBREC it is a PUBREL. */
type Outgoing = Pick<AedesPublishPacket, 'brokerId' | 'brokerCounter' | 'messageId'> & { cmd: string };

/** The session of a client that asked for one to be kept. */
interface Session {
  readonly clientId: string;
  /** The user who made it, and who alone may take it up again. */
  readonly user: string | null;
  readonly subscriptions: Map<string, StoredSubscription>;
  outgoing: Outgoing[];
}

/** QoS 2 publishes of one client between PUBLISH and PUBREL. */
interface Incoming {
  readonly packets: Map<number, unknown>;
  readonly repeats: RepeatFilter;
}

/** A retained packet for the wire. */
export interface RetainedPacket {
  readonly cmd: 'publish';
  readonly topic: string;
  readonly payload: string | Buffer;
  readonly qos: Qos;
  readonly retain: true;
}

export interface SessionStoreOptions {
  readonly observer: Observer;
  readonly maxSessions: number;
  readonly maxQueued: number;
  readonly isConnected: (clientId: string) => boolean;
  /** The user of a connected client, and whether a filter may be subscribed to. */
  readonly userOf: (client: Known) => string | null;
  readonly maySubscribe: (client: Known, filter: string) => boolean;
  /** What is retained for these filters. */
  readonly retained: (filters: readonly string[]) => Iterable<RetainedPacket>;
}

const MESSAGE_IDS = 65_536;

/**
 * What aedes keeps behind its protocol handling (its persistence interface, version 11), in memory and bounded. Sessions outlive
 * a connection and not the gateway, which MQTT answers with "no session present". Retained messages come from outside.
 * @source MQTT 3.1.1 §4.1
 */
export class SessionStore {
  readonly #options: SessionStoreOptions;
  /** In the order of their last change: the first is the oldest. */
  readonly #sessions = new Map<string, Session>();
  readonly #index = new FilterIndex<Session>();
  readonly #incoming = new Map<string, Incoming>();
  readonly #wills = new Map<string, object>();
  #brokerId = '';

  constructor(options: SessionStoreOptions) {
    this.#options = options;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** True when a session that is kept, connected or not, wants this topic at QoS 1 or 2. */
  wants(topic: string): boolean {
    return this.#index.match(topic).length > 0;
  }

  /** The user whose session is kept under this client id; undefined: none is. */
  ownerOf(clientId: string): string | null | undefined {
    return this.#sessions.get(clientId)?.user;
  }

  /** Repeats of a client's unreleased QoS 2 publishes. */
  repeatsOf(clientId: string): RepeatFilter {
    return this.#incomingOf(clientId).repeats;
  }

  async setup(broker: { readonly id: string }): Promise<void> {
    this.#brokerId = broker.id;
  }

  /** Retained messages are kept before they are acknowledged, which is earlier. */
  async storeRetained(): Promise<void> {}

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.#options.retained(filters), { highWaterMark: 16 });
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  async addSubscriptions(client: Known, subscriptions: readonly StoredSubscription[]): Promise<void> {
    const session = this.#sessions.get(client.id) ?? this.#newSession(client);
    this.#sessions.delete(client.id);
    this.#sessions.set(client.id, session);
    for (const { topic, qos, rh, rap, nl } of subscriptions) {
      // aedes hands over the refused ones too.
      if (!this.#options.maySubscribe(client, topic)) continue;
      session.subscriptions.set(topic, {
        topic,
        qos,
        ...(rh === undefined ? {} : { rh }),
        ...(rap === undefined ? {} : { rap }),
        ...(nl === undefined ? {} : { nl }),
      });
      if (qos > 0) this.#index.add(session, topic);
      else this.#index.remove(session, topic);
    }
    this.#evict();
  }

  async removeSubscriptions(client: Known, topics: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    for (const topic of topics) {
      session.subscriptions.delete(topic);
      this.#index.remove(session, topic);
    }
    if (session.subscriptions.size === 0 && session.outgoing.length === 0) this.#sessions.delete(client.id);
  }

  async subscriptionsByClient(client: Known): Promise<StoredSubscription[]> {
    return [...(this.#sessions.get(client.id)?.subscriptions.values() ?? [])];
  }

  async subscriptionsByTopic(topic: string): Promise<{ clientId: string; topic: string; qos: Qos }[]> {
    return this.#index.match(topic).map(({ clientId }) => ({ clientId, topic, qos: 1 }));
  }

  async cleanSubscriptions(client: Known): Promise<void> {
    this.#forget(client.id);
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return { subsCount: this.#index.size, clientsCount: this.#sessions.size };
  }

  async outgoingEnqueue(to: { readonly clientId: string }, packet: Outgoing): Promise<void> {
    const session = this.#sessions.get(to.clientId);
    if (session === undefined) return;
    session.outgoing.push({ ...packet });
    if (session.outgoing.length <= this.#options.maxQueued) return;
    session.outgoing.shift();
    this.#options.observer.emit('broker-session-overflow', { client: to.clientId });
  }

  async outgoingEnqueueCombi(all: readonly { readonly clientId: string }[], packet: Outgoing): Promise<void> {
    for (const to of all) await this.outgoingEnqueue(to, packet);
  }

  /** Give a queued packet its message id, or replace it by its PUBREL. */
  async outgoingUpdate(client: Known, packet: Outgoing): Promise<void> {
    const outgoing = this.#sessions.get(client.id)?.outgoing ?? [];
    const queued = outgoing.findIndex((known) => isSame(known, packet));
    const known = outgoing[queued];
    if (known !== undefined) {
      if (packet.messageId !== undefined) known.messageId = packet.messageId;
      return;
    }
    const sent = outgoing.findIndex(({ messageId }) => messageId === packet.messageId);
    if (packet.messageId === undefined || sent < 0) throw new Error('no such packet');
    outgoing[sent] = packet;
  }

  async outgoingClearMessageId(client: Known, packet: Outgoing): Promise<Outgoing | undefined> {
    const outgoing = this.#sessions.get(client.id)?.outgoing ?? [];
    const at = outgoing.findIndex((known) =>
      packet.messageId === undefined ? isSame(known, packet) : known.messageId === packet.messageId,
    );
    return at < 0 ? undefined : outgoing.splice(at, 1)[0];
  }

  outgoingStream(client: Known): Readable {
    return Readable.from([...(this.#sessions.get(client.id)?.outgoing ?? [])]);
  }

  async incomingStorePacket(client: Known, packet: { readonly messageId: number }): Promise<void> {
    this.#incomingOf(client.id).packets.set(packet.messageId, true);
  }

  async incomingGetPacket(client: Known, packet: { readonly messageId: number }): Promise<unknown> {
    const known = this.#incoming.get(client.id)?.packets.get(packet.messageId);
    if (known === undefined) throw new Error('no such packet');
    return known;
  }

  async incomingDelPacket(client: Known, packet: { readonly messageId: number }): Promise<void> {
    const incoming = this.#incoming.get(client.id);
    if (!incoming?.packets.delete(packet.messageId)) throw new Error('no such packet');
    incoming.repeats.forget(String(packet.messageId));
  }

  async cleanIncoming(client: Known): Promise<void> {
    this.#incoming.delete(client.id);
  }

  async putWill(client: Known, will: { brokerId?: string; clientId?: string }): Promise<void> {
    will.brokerId = this.#brokerId;
    will.clientId = client.id;
    this.#wills.set(client.id, will);
  }

  async getWill(client: Known): Promise<object | undefined> {
    return this.#wills.get(client.id);
  }

  async delWill(client: Known): Promise<object | undefined> {
    const will = this.#wills.get(client.id);
    this.#wills.delete(client.id);
    return will;
  }

  /** Wills of other brokers that died: there is only this one. */
  streamWill(): Readable {
    return Readable.from([]);
  }

  getClientList(topic: string): Readable {
    return Readable.from([...this.#sessions.values()].filter((s) => s.subscriptions.has(topic)).map((s) => s.clientId));
  }

  async destroy(): Promise<void> {
    this.#sessions.clear();
    this.#incoming.clear();
    this.#wills.clear();
  }

  #newSession(client: Known): Session {
    return { clientId: client.id, user: this.#options.userOf(client), subscriptions: new Map(), outgoing: [] };
  }

  #incomingOf(clientId: string): Incoming {
    let incoming = this.#incoming.get(clientId);
    if (incoming === undefined) {
      incoming = { packets: new Map(), repeats: new RepeatFilter(MESSAGE_IDS) };
      this.#incoming.set(clientId, incoming);
    }
    return incoming;
  }

  #forget(clientId: string): void {
    const session = this.#sessions.get(clientId);
    if (session === undefined) return;
    for (const topic of session.subscriptions.keys()) this.#index.remove(session, topic);
    this.#sessions.delete(clientId);
  }

  /** Too many sessions: the one that was absent longest goes, with what waits for it. */
  #evict(): void {
    if (this.#sessions.size <= this.#options.maxSessions) return;
    for (const [clientId, session] of this.#sessions) {
      if (this.#options.isConnected(clientId)) continue;
      this.#forget(clientId);
      this.#incoming.delete(clientId);
      this.#options.observer.emit('broker-session-evicted', { client: clientId, dropped: session.outgoing.length });
      return;
    }
  }
}

function isSame(a: Outgoing, b: Outgoing): boolean {
  return a.brokerId === b.brokerId && a.brokerCounter === b.brokerCounter && a.brokerCounter !== undefined;
}
