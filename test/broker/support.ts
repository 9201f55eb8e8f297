import { randomUUID } from 'node:crypto';
import { connect as connectSocket, type Socket } from 'node:net';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import type { Test } from 'tap';
import { Default } from 'typebox/value';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/broker.ts';
import { type BrokerConfig, brokerConfigSchema } from '../../src/broker/config.ts';
import { type EventDraft, eventId, type HeadgateEvent, isTelemetry } from '../../src/model/event.ts';
import { encodeEvent, makeTagList, telemetryAttributes } from '../../src/model/event-codec.ts';
import { type TagList, type TelemetryColumns, TelemetryReport } from '../../src/model/telemetry.ts';
import type { CommittedEvent, Journal } from '../../src/ports/journal.ts';
import { livedClock } from '../support/lived-time.ts';
import { type RecordingObserver, recordingObserver } from '../support/observer.ts';

/** The journal's contract in memory: commits in order, tells listeners before the append resolves. */
class MemoryJournal implements Pick<Journal, 'append' | 'onCommit' | 'journalId'> {
  readonly journalId = 'test';
  readonly events: HeadgateEvent[] = [];
  /** Set to hold commits back. */
  gate: Promise<void> = Promise.resolve();
  /** Events that it was asked to commit. */
  asked = 0;
  /** Set to make appends fail. */
  failure: Error | null = null;
  readonly #listeners = new Set<(events: readonly CommittedEvent[]) => void>();

  async append(drafts: readonly EventDraft[]): Promise<readonly HeadgateEvent[]> {
    this.asked += drafts.length;
    await this.gate;
    if (this.failure !== null) throw this.failure;
    const events = drafts.map((draft): HeadgateEvent => {
      const sequence = this.events.length + 1;
      const event = { ...draft, id: eventId(this.journalId, sequence), sequence, recordedtime: Date.now() };
      this.events.push(event);
      return event;
    });
    const committed = events.map((event) => ({
      sequence: event.sequence,
      lane: event.lane,
      recordedtime: event.recordedtime,
      bytes: encodeEvent(event),
      list: isTelemetry(event) ? event.data.list : null,
      event,
    }));
    for (const listener of this.#listeners) listener(committed);
    return events;
  }

  onCommit(listener: (events: readonly CommittedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ofType(type: string): HeadgateEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

type Loose<T> = { [K in keyof T]?: T[K] extends object | null ? unknown : T[K] };

/** A configuration as the loader would fill it in; port 0. */
export function brokerConfig(over: Loose<BrokerConfig> = {}): BrokerConfig {
  const { listen, ...rest } = over;
  const filled = Default(brokerConfigSchema, { ...rest, listen: { port: 0, ...(listen as object | undefined) } });
  return filled as BrokerConfig;
}

export const EVERYTHING = { publish: ['#'], subscribe: ['#'] };

export interface Running {
  readonly broker: Broker;
  readonly journal: MemoryJournal;
  readonly observer: RecordingObserver;
  readonly port: number;
  readonly url: string;
}

/** Start a broker for one test; open to anonymous clients unless the configuration says otherwise. */
export async function running(
  t: Test,
  over: Loose<BrokerConfig> = { anonymous: EVERYTHING },
  options: Partial<BrokerOptions> = {},
): Promise<Running> {
  const journal = new MemoryJournal();
  const observer = recordingObserver();
  const broker = await startBroker({
    config: brokerConfig(over),
    journal,
    commands: { submit: () => Promise.reject(new Error('no commands in this test')) },
    gatewayAsset: 'acme/plant/gateway',
    gatewayName: 'gw',
    dataDir: null,
    clock: livedClock,
    observer,
    readSecret: async () => 'geheim',
    ...options,
  });
  t.teardown(() => broker.close());
  const port = broker.address?.port ?? 0;
  return { broker, journal, observer, port, url: `mqtt://127.0.0.1:${port}` };
}

/** A MQTT.js client that ends with the test. */
export async function client(t: Test, url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const connected = await mqtt.connectAsync(url, { reconnectPeriod: 0, clientId: randomUUID(), ...options }, false);
  connected.on('error', () => {});
  t.teardown(() => connected.endAsync(true));
  return connected;
}

/** Publish at QoS 1: was it acknowledged, or did the connection end? */
export async function outcome(of: MqttClient, topic: string, payload = 'x'): Promise<'acknowledged' | 'closed'> {
  return await new Promise((resolve) => {
    of.once('close', () => resolve('closed'));
    of.publish(topic, payload, { qos: 1 }, (error) => resolve(error ? 'closed' : 'acknowledged'));
  });
}

export interface Received {
  readonly topic: string;
  readonly payload: string;
  readonly qos: number;
  readonly retain: boolean;
}

/** Collects what a client receives. */
export function inbox(of: MqttClient): Received[] {
  const received: Received[] = [];
  of.on('message', (topic, payload, { qos, retain }) =>
    received.push({ topic, payload: payload.toString(), qos, retain }),
  );
  return received;
}

/** A raw TCP connection that ends with the test. */
export async function rawSocket(t: Test, port: number): Promise<Socket> {
  const socket = connectSocket({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

/** A CONNECT packet with a clean session. */
export function connectPacket(clientId: string, flags = 0x02): Buffer {
  const id = Buffer.from(clientId);
  const body = Buffer.concat([Buffer.from([0, 4, 77, 81, 84, 84, 4, flags, 0, 0, 0, id.length]), id]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

/** A SUBSCRIBE packet for one filter at QoS 1. */
export function subscribePacket(filter: string): Buffer {
  return Buffer.concat([
    Buffer.from([0x82, 5 + filter.length, 0, 1, 0, filter.length]),
    Buffer.from(filter),
    Buffer.from([1]),
  ]);
}

export function tagList(names: readonly string[], over: Partial<TagList> = {}): TagList {
  return makeTagList({
    source: '/headgate/gw/press',
    device: 'press',
    asset: 'acme/line/press',
    group: 'press_1000ms',
    lane: 'bulk',
    names,
    units: names.map(() => ''),
    types: names.map(() => 'float64' as const),
    ...over,
  });
}

export function report(
  list: TagList,
  values: TelemetryColumns['values'],
  over: Partial<TelemetryColumns> = {},
): EventDraft {
  const columns: TelemetryColumns = { indexes: null, values, statuses: 0, timeBase: 1000, timeDeltas: 0, ...over };
  return {
    ...telemetryAttributes(list),
    time: columns.timeBase,
    lane: list.lane,
    data: new TelemetryReport(list, columns),
  } as EventDraft;
}
