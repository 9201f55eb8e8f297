import mqtt, { type MqttClient } from 'mqtt';
import { decodeBatch, type ReceivedBatch, type ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { Receiver } from '../../src/sinks/receiver.ts';

/** Subscribes to everything that a gateway publishes at a broker and keeps the receiver's account. */
export class UpstreamReader {
  readonly receiver = new Receiver({ firstSequence: 1 });
  /** New events in the order of their arrival. */
  readonly events: ReceivedEvent[] = [];
  /** As they came, repeats among them. */
  readonly batches: ReceivedBatch[] = [];
  readonly topics = new Set<string>();
  messages = 0;
  payloadBytes = 0;
  /** New events that came as backlog. */
  historical = 0;
  failure: unknown = null;
  readonly #client: MqttClient;
  #queue: Promise<void> = Promise.resolve();

  private constructor(client: MqttClient) {
    this.#client = client;
    client.on('error', () => {});
    client.on('message', (topic, payload) => {
      this.#queue = this.#queue
        .then(() => this.#take(topic, payload))
        .catch((error: unknown) => {
          this.failure ??= error;
        });
    });
  }

  /** Resolves when subscribed; reconnects and subscribes again when the broker comes back. */
  static async start(
    url: string,
    options: { username?: string; password?: string; filter?: string } = {},
  ): Promise<UpstreamReader> {
    const { filter = '#', ...login } = options;
    const client = await mqtt.connectAsync(url, {
      ...login,
      reconnectPeriod: 50,
      clean: false,
      clientId: `reader-${process.pid}-${Math.random()}`,
    });
    await client.subscribeAsync(filter, { qos: 1 });
    return new UpstreamReader(client);
  }

  get isConnected(): boolean {
    return this.#client.connected;
  }

  async stop(): Promise<void> {
    await this.#client.endAsync(true);
  }

  async #take(topic: string, payload: Uint8Array): Promise<void> {
    this.messages++;
    this.topics.add(topic);
    this.payloadBytes += payload.length;
    const batch = await decodeBatch(payload);
    this.batches.push(batch);
    const fresh = this.receiver.receive(batch);
    if (batch.historical) this.historical += fresh.length;
    for (const event of fresh) this.events.push(event);
  }
}
