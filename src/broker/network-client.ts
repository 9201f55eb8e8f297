import type { Client } from 'aedes';
import { topicMatches } from '../model/topic.ts';
import type { Observer } from '../observe/observer.ts';
import { maySubscribe } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { FilterIndex } from './filter-index.ts';
import type { Identity } from './sign-in.ts';
import type { PacketReceiver } from './tag-fanout.ts';

export interface NetworkClientOptions {
  readonly client: Client;
  readonly identity: Identity;
  readonly index: FilterIndex<NetworkClient>;
  readonly config: Pick<BrokerConfig, 'max_buffer_bytes' | 'max_subscriptions'>;
  readonly observer: Observer;
}

/** A client that has signed in: who it is, what it subscribed to, how much waits for it. */
export class NetworkClient implements PacketReceiver {
  readonly id: string;
  readonly identity: Identity;
  readonly #options: NetworkClientOptions;
  readonly #subscriptions = new Map<string, 0 | 1 | 2>();
  #dropped = 0;

  constructor(options: NetworkClientOptions) {
    this.#options = options;
    this.id = options.client.id;
    this.identity = options.identity;
  }

  /** Messages that were dropped because it read too slowly. */
  get dropped(): number {
    return this.#dropped;
  }

  maySubscribe(filter: string): boolean {
    const isNew = !this.#subscriptions.has(filter);
    if (isNew && this.#subscriptions.size >= this.#options.config.max_subscriptions) return false;
    return maySubscribe(this.identity.rules, filter);
  }

  subscribed(filter: string, qos: 0 | 1 | 2): void {
    this.#subscriptions.set(filter, qos);
    this.#options.index.add(this, filter);
  }

  unsubscribed(filter: string): void {
    this.#subscriptions.delete(filter);
    this.#options.index.remove(this, filter);
  }

  gone(): void {
    for (const filter of this.#subscriptions.keys()) this.#options.index.remove(this, filter);
    this.#subscriptions.clear();
  }

  /** The highest QoS at which it subscribed to the topic. */
  qosFor(topic: string): 0 | 1 | 2 {
    let highest: 0 | 1 | 2 = 0;
    for (const [filter, qos] of this.#subscriptions) if (qos > highest && topicMatches(filter, topic)) highest = qos;
    return highest;
  }

  /** False when too much waits for it already; the message is then dropped and counted. */
  hasRoom(): boolean {
    const { client, config, observer } = this.#options;
    if (client.conn.writableLength < config.max_buffer_bytes) return true;
    this.#dropped++;
    observer.emit('broker-client-slow', { client: this.id });
    return false;
  }

  cork(): void {
    this.#options.client.conn.cork();
  }

  /** Write a whole packet, between the packets of aedes. */
  send(packet: Uint8Array): void {
    const { conn } = this.#options.client;
    if (conn.writable && this.hasRoom()) conn.write(packet);
  }

  uncork(): void {
    this.#options.client.conn.uncork();
  }
}
