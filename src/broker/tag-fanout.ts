import type { TelemetryReport } from '../model/telemetry.ts';
import type { CurrentList, CurrentTable } from './current-values.ts';
import type { FilterIndex } from './filter-index.ts';

/** A receiver of encoded packets. */
export interface PacketReceiver {
  cork(): void;
  /** Write the packet; with no room, note the tag, and write its value as it is when there is room again. */
  sendTag(packet: Uint8Array, current: CurrentList, position: number): void;
  uncork(): void;
}

interface Watch<R> {
  readonly version: number;
  readonly all: readonly R[];
  /** Per position of the list, only those that someone watches. */
  readonly byPosition: ReadonlyMap<number, readonly R[]> | null;
}

/**
 * The topics of single tags, for network clients: the table of current values is updated from each report, and where a client
 * watches a tag of the list, its change goes out at QoS 0. Each packet is encoded once, whoever watches; who watches is worked
 * out once per list and change of subscriptions.
 */
export class TagFanout<R extends PacketReceiver> {
  readonly #table: CurrentTable;
  readonly #index: FilterIndex<R>;
  readonly #watches = new WeakMap<CurrentList, Watch<R>>();
  readonly #corked = new Set<R>();

  constructor(table: CurrentTable, index: FilterIndex<R>) {
    this.#table = table;
    this.#index = index;
  }

  update(report: TelemetryReport): void {
    const current = this.#table.of(report.list);
    const watch = this.#watch(current);
    current.update(report, watch === null ? null : (position) => this.#send(current, position, watch));
  }

  /** The commit is complete: let the packets go. */
  flush(): void {
    for (const receiver of this.#corked) receiver.uncork();
    this.#corked.clear();
  }

  #send(current: CurrentList, position: number, watch: Watch<R>): void {
    const own = watch.byPosition?.get(position);
    if (own === undefined && watch.all.length === 0) return;
    const packet = tagPacket(current, position);
    for (const receiver of watch.all) this.#cork(receiver).sendTag(packet, current, position);
    if (own !== undefined) for (const receiver of own) this.#cork(receiver).sendTag(packet, current, position);
  }

  /** What one commit brings leaves in one write. */
  #cork(receiver: R): R {
    if (!this.#corked.has(receiver)) {
      this.#corked.add(receiver);
      receiver.cork();
    }
    return receiver;
  }

  #watch(current: CurrentList): Watch<R> | null {
    let watch = this.#watches.get(current);
    if (watch === undefined || watch.version !== this.#index.version) {
      const { all, byName } = this.#index.matchChildren(`uns/v1/${current.list.asset}`);
      const byPosition = new Map<number, readonly R[]>();
      for (const [name, receivers] of byName) {
        const position = current.position(name);
        if (position >= 0) byPosition.set(position, receivers);
      }
      watch = { version: this.#index.version, all, byPosition: byPosition.size === 0 ? null : byPosition };
      this.#watches.set(current, watch);
    }
    return watch.all.length === 0 && watch.byPosition === null ? null : watch;
  }
}

/** The current value of a tag as a PUBLISH at QoS 0, not retained. */
export function tagPacket(current: CurrentList, position: number): Uint8Array {
  return publishPacket(current.tagTopic(position), current.payload(position));
}

/** A PUBLISH at QoS 0, not retained. Source: MQTT 3.1.1 §3.3. */
export function publishPacket(topic: string, payload: string): Uint8Array {
  const topicBytes = Buffer.byteLength(topic);
  const remaining = 2 + topicBytes + Buffer.byteLength(payload);
  const packet = Buffer.allocUnsafe(5 + remaining);
  packet[0] = 0x30;
  let at = 1;
  for (let rest = remaining; ; ) {
    const low = rest & 0x7f;
    rest >>>= 7;
    packet[at++] = rest > 0 ? low | 0x80 : low;
    if (rest === 0) break;
  }
  at = packet.writeUInt16BE(topicBytes, at);
  at += packet.write(topic, at);
  at += packet.write(payload, at);
  return packet.subarray(0, at);
}
