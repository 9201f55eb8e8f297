import type { Socket } from 'node:net';
import type { Client } from 'aedes';
import type { Millis } from '../model/time.ts';
import { topicMatches } from '../model/topic.ts';
import type { Observer } from '../observe/observer.ts';
import { maySubscribe } from './access.ts';
import type { BrokerConfig } from './config.ts';
import type { CurrentList } from './current-values.ts';
import type { FilterIndex } from './filter-index.ts';
import type { Identity } from './sign-in.ts';
import { type PacketReceiver, tagPacket } from './tag-fanout.ts';

export interface NetworkClientOptions {
  readonly client: Client;
  readonly identity: Identity;
  readonly index: FilterIndex<NetworkClient>;
  readonly config: Pick<BrokerConfig, 'max_buffer_bytes' | 'max_subscriptions'>;
  readonly observer: Observer;
  /** Monotonic. */
  readonly now: Millis;
}

/** One commit may exceed `max_buffer_bytes` by this factor. */
const BURST = 8;

/** A client that has signed in: who it is, what it subscribed to, how much waits for it. */
export class NetworkClient implements PacketReceiver {
  readonly id: string;
  readonly identity: Identity;
  readonly #options: NetworkClientOptions;
  readonly #subscriptions = new Map<string, 0 | 1 | 2>();
  /** Tags whose change found no room: bounded by the tags that there are. */
  readonly #postponed = new Map<CurrentList, Set<number>>();
  /** Not below the stream's own mark, so that reaching it is always followed by a `drain`. */
  readonly #limit: number;
  #dropped = 0;
  #hasCaughtUp = true;
  #taken = 0;
  #takenAt: Millis;

  constructor(options: NetworkClientOptions) {
    this.#options = options;
    this.id = options.client.id;
    this.identity = options.identity;
    this.#takenAt = options.now;
    this.#limit = Math.max(options.config.max_buffer_bytes, options.client.conn.writableHighWaterMark);
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
    this.#postponed.clear();
  }

  /** The highest QoS at which it subscribed to the topic. */
  qosFor(topic: string): 0 | 1 | 2 {
    let highest: 0 | 1 | 2 = 0;
    for (const [filter, qos] of this.#subscriptions) if (qos > highest && topicMatches(filter, topic)) highest = qos;
    return highest;
  }

  /** A commit begins: a client with room now gets all of it, however much that is; later ones it must have caught up with. */
  openCommit(): void {
    this.#hasCaughtUp = this.#options.client.conn.writableLength < this.#limit;
  }

  /** False when too much waits for it already; the message is then dropped and counted. */
  hasRoom(): boolean {
    const { client, observer } = this.#options;
    const waiting = client.conn.writableLength;
    if (waiting < this.#limit) return true;
    if (this.#hasCaughtUp && waiting < BURST * this.#limit) return true;
    this.#dropped++;
    observer.emit('broker-client-slow', { client: this.id });
    return false;
  }

  /** True once it has taken no byte for `timeoutMs` while some waited; ask regularly. */
  isFrozen(now: Millis, timeoutMs: Millis): boolean {
    const { conn } = this.#options.client;
    const taken = (conn as Socket).bytesWritten - conn.writableLength;
    if (conn.writableLength === 0 || taken !== this.#taken) {
      this.#taken = taken;
      this.#takenAt = now;
    }
    return now - this.#takenAt >= timeoutMs;
  }

  disconnect(): void {
    this.#options.client.conn.destroy();
  }

  cork(): void {
    this.#options.client.conn.cork();
  }

  /** Whole packets, between those of aedes. */
  sendTag(packet: Uint8Array, current: CurrentList, position: number): void {
    const { conn } = this.#options.client;
    if (this.#postponed.size === 0 && conn.writableLength < this.#limit) {
      if (conn.writable) conn.write(packet);
      return;
    }
    if (this.#postponed.size === 0) conn.once('drain', this.#sendPostponed);
    const positions = this.#postponed.get(current);
    if (positions === undefined) this.#postponed.set(current, new Set([position]));
    else positions.add(position);
  }

  uncork(): void {
    this.#options.client.conn.uncork();
  }

  readonly #sendPostponed = (): void => {
    const { conn } = this.#options.client;
    conn.cork();
    for (const [current, positions] of this.#postponed) {
      for (const position of positions) {
        if (!conn.writable || conn.writableLength >= this.#limit) break;
        conn.write(tagPacket(current, position));
        positions.delete(position);
      }
      if (positions.size > 0) break;
      this.#postponed.delete(current);
    }
    conn.uncork();
    if (conn.writable && this.#postponed.size > 0) conn.once('drain', this.#sendPostponed);
  };
}
