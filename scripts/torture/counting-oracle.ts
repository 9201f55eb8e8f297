import { connectAsync, type MqttClient } from 'mqtt';
import { SequenceRanges } from '../../src/model/sequence-ranges.ts';
import { eventTopic } from '../../src/model/topic.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';

const TYPE = 'torture.counted.v1';

interface Stream {
  readonly topic: string;
  readonly asset: string;
  sent: number;
  highest: number;
  readonly accepted: SequenceRanges;
  readonly arrived: SequenceRanges;
}

/**
 * An oracle for millions of events, whose own memory does not grow: it publishes numbered events at QoS 1 and keeps ranges of numbers. Without an
 * outage each stream must arrive in its order, so that is checked as they come.
 */
export class CountingOracle {
  duplicates = 0;
  orderViolations = 0;
  readonly #streams: Stream[];
  readonly #window: number;
  readonly #clients: MqttClient[] = [];
  #left = 0;
  #inFlight = 0;
  #onDone: () => void = () => {};

  constructor(streams: number, window: number) {
    this.#window = window;
    this.#streams = Array.from({ length: streams }, (_, index) => {
      const asset = `soak/line-${index + 1}`;
      const numbers = { accepted: new SequenceRanges(), arrived: new SequenceRanges() };
      return { asset, topic: eventTopic(asset, TYPE), sent: 0, highest: 0, ...numbers };
    });
  }

  get accepted(): number {
    return this.#streams.reduce((sum, { accepted }) => sum + accepted.count, 0);
  }

  get arrivedCount(): number {
    return this.#streams.reduce((sum, { arrived }) => sum + arrived.count, 0);
  }

  /** Accepted and not arrived. */
  get lost(): number {
    return this.#streams.reduce((sum, { accepted, arrived }) => {
      const holes = accepted.ranges.flatMap(({ first, last }) => arrived.missing(first, last));
      return sum + holes.reduce((total, { first, last }) => total + last - first + 1, 0);
    }, 0);
  }

  /** One connection for each stream. */
  async connect(host: string, port: number): Promise<void> {
    for (const stream of this.#streams) {
      const client = await connectAsync({ host, port, protocol: 'mqtt', reconnectPeriod: 0, clientId: stream.asset });
      this.#clients.push(client);
    }
  }

  /** Publish so many events as fast as the window allows; resolves when all are acknowledged. */
  publish(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => {
      this.#onDone = resolve;
      this.#fill();
    });
  }

  arrived(event: ReceivedEvent): void {
    const stream = this.#streams.find(({ asset }) => asset === event.subject);
    if (stream === undefined || event.type !== TYPE) return;
    const { n } = event.data as { readonly n: number };
    if (stream.arrived.add(n, n) === 0) this.duplicates++;
    else if (n < stream.highest) this.orderViolations++;
    stream.highest = Math.max(stream.highest, n);
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync()));
  }

  #fill(): void {
    while (this.#left > 0 && this.#inFlight < this.#window) {
      const index = this.#left-- % this.#streams.length;
      const stream = this.#streams[index];
      const client = this.#clients[index];
      if (stream === undefined || client === undefined) return;
      const n = ++stream.sent;
      this.#inFlight++;
      const event = { specversion: '1.0', id: `${n}`, source: `/soak/${index}`, type: TYPE, data: { n } };
      client.publish(stream.topic, JSON.stringify(event), { qos: 1 }, (error) => {
        this.#inFlight--;
        if (!error) stream.accepted.add(n, n);
        if (this.#left > 0) this.#fill();
        else if (this.#inFlight === 0) this.#onDone();
      });
    }
  }
}
