import { HeadgateError } from '../../errors/headgate-error.ts';
import { toCloudEventJson } from '../../model/cloud-event.ts';
import { topicOf } from '../../model/topic.ts';
import type { OutgoingBatch, SendReceipt, Sink, SinkContext, SinkPacing } from '../../ports/sink.ts';
import { BatchEncoder, eventOf } from '../batch-encoder.ts';
import { coverageEventJson, coverageTopic } from '../coverage-event.ts';
import { withDelivery } from '../delivery-attributes.ts';
import { sharingOf } from '../sharing-config.ts';
import type { MqttSinkConfig } from './config.ts';
import { type MqttConnection, type MqttMessage, openConnection } from './connection.ts';
import { connectionSettings } from './connection-settings.ts';

/** Sends batches to an MQTT broker at QoS 1. Holds no queue: what is not confirmed when the connection ends has failed. */
export class MqttSink implements Sink {
  readonly maxInFlight: number;
  readonly pacing: SinkPacing;
  readonly #name: string;
  readonly #config: MqttSinkConfig;
  readonly #context: SinkContext;
  readonly #encoder: BatchEncoder;
  readonly #topic: string;
  #connection: MqttConnection | null = null;
  #abort: AbortController | null = null;
  #onDown: (reason: string) => void = () => {};
  /** Resolves when all earlier batches are on the wire, or never will be. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, config: MqttSinkConfig, context: SinkContext) {
    this.#name = name;
    this.#config = config;
    this.#context = context;
    this.#topic = config.topic ?? `headgate/${context.gatewayName}`;
    this.#encoder = new BatchEncoder({
      journalId: context.journalId,
      gateway: context.gatewayName,
      sink: name,
      encoding: config.encoding ?? 'cbor',
      compression: config.compression ?? 'zstd',
    });
    this.maxInFlight = config.max_in_flight ?? 16;
    this.pacing = {
      maxEvents: config.batch?.max_events ?? 1000,
      maxBytes: config.batch?.max_bytes ?? 262_144,
      lingerMs: config.batch?.linger_ms ?? 1000,
      reconnectMinMs: config.reconnect?.min_ms ?? 500,
      reconnectMaxMs: config.reconnect?.max_ms ?? 30_000,
      startAt: config.start_at ?? 'beginning',
      ...sharingOf(config),
    };
  }

  async connect(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    const settings = await connectionSettings(this.#name, this.#config, this.#context);
    const connection = await openConnection(settings, this.#context.clock, abort.signal);
    if (abort.signal.aborted) {
      await connection.close();
      throw new HeadgateError('SINK_DISCONNECTED', { sink: this.#name, reason: 'stopped' });
    }
    this.#connection = connection;
    this.#turn = Promise.resolve();
    connection.onDown((reason) => {
      if (this.#connection === connection) this.#connection = null;
      this.#onDown(reason);
    });
  }

  onDown(listener: (reason: string) => void): void {
    this.#onDown = listener;
  }

  async send(batch: OutgoingBatch): Promise<SendReceipt> {
    const connection = this.#connection;
    if (connection === null)
      throw new HeadgateError('SINK_DISCONNECTED', { sink: this.#name, reason: 'not connected' });
    const encoded = this.#messages(batch);
    const published = this.#publishInTurn(connection, encoded, this.#turn);
    this.#turn = published.catch(() => {});
    const { acks, bytes } = await published;
    await Promise.all(acks);
    return { bytes };
  }

  async disconnect(): Promise<void> {
    this.#abort?.abort();
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }

  /** Encoding may finish in any order; publishing keeps the order of the calls. */
  async #publishInTurn(
    connection: MqttConnection,
    encoded: Promise<readonly MqttMessage[]>,
    turn: Promise<unknown>,
  ): Promise<{ acks: readonly Promise<void>[]; bytes: number }> {
    const messages = await encoded.finally(() => turn);
    const limit = Math.min(this.#config.max_message_bytes ?? Number.POSITIVE_INFINITY, connection.maximumPacketSize);
    let bytes = 0;
    for (const { topic, payload } of messages) {
      const size = Buffer.byteLength(payload);
      // Fixed header, topic length, packet id and properties take at most 64 bytes beside the topic.
      if (size + Buffer.byteLength(topic) + 64 > limit) {
        throw new HeadgateError('SINK_REJECTED', { sink: this.#name, reason: `${size} bytes, the limit is ${limit}` });
      }
      bytes += size;
    }
    return { acks: messages.map((message) => connection.publish(message)), bytes };
  }

  async #messages(batch: OutgoingBatch): Promise<readonly MqttMessage[]> {
    const isUrgent = batch.coverage?.lane === 'critical';
    if (this.#config.format === 'events') {
      if (batch.events.length === 0) return this.#coverage(batch);
      return batch.events.map((stored, i) => ({ ...this.#event(batch, stored, i), isUrgent }));
    }
    const payload = await this.#encoder.encode(batch, this.#context.clock.now());
    const contentType = this.#config.encoding === 'json' ? 'application/json' : 'application/cbor';
    return [{ topic: `${this.#topic}/batch/v1`, payload, contentType, isUrgent }];
  }

  #coverage({ coverage }: OutgoingBatch): MqttMessage[] {
    if (coverage === null) return [];
    const topic = `${this.#topic}/${coverageTopic(this.#context.gatewayName)}`;
    const payload = coverageEventJson(coverage, this.#context, this.#name);
    return [{ topic, payload, contentType: 'application/cloudevents+json', isUrgent: coverage.lane === 'critical' }];
  }

  #event(batch: OutgoingBatch, stored: OutgoingBatch['events'][number], index: number): Omit<MqttMessage, 'isUrgent'> {
    const event = eventOf(stored, this.#context.journalId);
    return {
      topic: `${this.#topic}/${topicOf(event)}`,
      payload: withDelivery(toCloudEventJson(event), batch, index, this.#name),
      contentType: 'application/cloudevents+json',
    };
  }
}
