import { connectAsync, type MqttClient } from 'mqtt';
import { SequenceRanges } from '../../src/model/sequence-ranges.ts';
import { eventTopic } from '../../src/model/topic.ts';
import type { Random } from '../../src/ports/clock.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';

const TYPE = 'torture.counted.v1';
const LONGEST_FILLER = 600;

/** What the oracle holds against what arrived. */
export interface OracleAccount {
  readonly accepted: number;
  readonly arrived: number;
  /** Accepted and not arrived, by stream; what gap events tell of is among them. */
  readonly lost: number;
  /** The first of the lost, for people. */
  readonly firstLost: readonly string[];
  /** Messages that arrived under two ids. */
  readonly duplicates: number;
  /** Messages whose sequence contradicts the order of publishing. */
  readonly orderViolations: number;
}

interface Stream {
  readonly topic: string;
  readonly asset: string;
  sent: number;
  readonly accepted: SequenceRanges;
  /** By sequence in the journal; a plant's life is short enough to keep all. */
  readonly arrived: Map<number, number>;
}

/**
 * Publishes numbered events to the gateway's local broker at QoS 1 and remembers which were acknowledged: PUBACK means accepted. It
 * lives outside of the daemon and never sends a number twice, so every accepted number must arrive upstream exactly once.
 */
export class Oracle {
  readonly #streams: Stream[];
  readonly #random: Random;
  readonly #window: number;
  #client: MqttClient | null = null;
  #inFlight = 0;
  #isLoading = false;
  #onAccepted: (() => void) | null = null;

  /** @param window messages that may be unacknowledged at once */
  constructor(options: { readonly streams: number; readonly random: Random; readonly window: number }) {
    this.#random = options.random;
    this.#window = options.window;
    this.#streams = Array.from({ length: options.streams }, (_, index) => {
      const asset = `torture/line-${index + 1}`;
      return { asset, topic: eventTopic(asset, TYPE), sent: 0, accepted: new SequenceRanges(), arrived: new Map() };
    });
  }

  get accepted(): number {
    return this.#streams.reduce((sum, { accepted }) => sum + accepted.count, 0);
  }

  get isConnected(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Connect and publish as fast as the window allows, until `stop` or the end of the connection. */
  async load(host: string, port: number): Promise<void> {
    const client = await connectAsync({ host, port, protocol: 'mqtt', reconnectPeriod: 0, connectTimeout: 20_000 });
    client.on('error', () => {});
    client.on('close', () => {
      if (this.#client === client) this.#isLoading = false;
    });
    this.#client = client;
    this.#isLoading = true;
    this.#inFlight = 0;
    this.#fill(client);
  }

  /** Resolves at the next acknowledgement. */
  nextAccepted(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAccepted = resolve;
    });
  }

  /** Publish nothing more, let what is on the way be acknowledged, and leave. */
  async finish(): Promise<void> {
    this.#isLoading = false;
    const client = this.#client;
    if (client?.connected) await client.endAsync();
    this.#client = null;
  }

  /** Leave at once; what was not acknowledged stays unknown. */
  drop(): void {
    this.#isLoading = false;
    this.#client?.end(true);
    this.#client = null;
  }

  /** Take an event that arrived upstream, repeats already dropped; others than the oracle's are ignored. */
  arrived(event: ReceivedEvent): void {
    if (event.type !== TYPE) return;
    const stream = this.#streams.find(({ asset }) => asset === event.subject);
    const { n } = event.data as { readonly n: number };
    stream?.arrived.set(event.sequence, n);
  }

  account(): OracleAccount {
    let [arrived, lost, duplicates, orderViolations] = [0, 0, 0, 0];
    const firstLost: string[] = [];
    for (const stream of this.#streams) {
      const numbers = new SequenceRanges();
      let highest = 0;
      for (const sequence of [...stream.arrived.keys()].sort((a, b) => a - b)) {
        const n = stream.arrived.get(sequence) ?? 0;
        if (numbers.add(n, n) === 0) duplicates++;
        else if (n < highest) orderViolations++;
        highest = Math.max(highest, n);
      }
      arrived += numbers.count;
      for (const { first, last } of stream.accepted.ranges) {
        for (const hole of numbers.missing(first, last)) {
          lost += hole.last - hole.first + 1;
          if (firstLost.length < 10) firstLost.push(`${stream.asset} ${hole.first}-${hole.last}`);
        }
      }
    }
    return { accepted: this.accepted, arrived, lost, firstLost, duplicates, orderViolations };
  }

  #fill(client: MqttClient): void {
    while (this.#isLoading && this.#client === client && this.#inFlight < this.#window) this.#publish(client);
  }

  #publish(client: MqttClient): void {
    const stream = this.#streams[Math.floor(this.#random() * this.#streams.length)];
    if (stream === undefined) return;
    const n = ++stream.sent;
    const filler = 'x'.repeat(Math.floor(this.#random() * LONGEST_FILLER));
    const event = {
      specversion: '1.0',
      id: `${n}`,
      source: `/oracle/${stream.asset}`,
      type: TYPE,
      data: { n, filler },
    };
    this.#inFlight++;
    client.publish(stream.topic, JSON.stringify(event), { qos: 1 }, (error) => {
      if (this.#client !== client) return;
      this.#inFlight--;
      if (error) return;
      stream.accepted.add(n, n);
      this.#onAccepted?.();
      this.#onAccepted = null;
      this.#fill(client);
    });
  }
}
