import { join } from 'node:path';
import { isTelemetry } from '../model/event.ts';
import { eventTopic } from '../model/topic.ts';
import type { Observer } from '../observe/observer.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { CommandDesk } from '../ports/command.ts';
import type { CommittedEvent, Journal } from '../ports/journal.ts';
import type { SecretReference } from '../ports/sink.ts';
import type { BrokerConfig } from './config.ts';
import { CurrentTable, type CurrentValues } from './current-values.ts';
import { InProcessBus } from './in-process-bus.ts';
import type { NetworkBroker, NetworkStats } from './network-broker.ts';
import { PublishGate } from './publish-gate.ts';
import { RetainedMessages } from './retained-messages.ts';
import { SignIn } from './sign-in.ts';

export interface BrokerOptions {
  readonly config: BrokerConfig;
  readonly journal: Pick<Journal, 'append' | 'onCommit' | 'journalId'>;
  /** Where commands of clients go. */
  readonly commands: CommandDesk;
  /** Asset path that messages of clients are recorded under. */
  readonly gatewayAsset: string;
  readonly gatewayName: string;
  /** For the retained messages of clients; null: they are kept in memory only. */
  readonly dataDir: string | null;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

/** Figures for `status`. */
interface BrokerStats extends NetworkStats {
  /** Retained messages of clients. */
  readonly retained: number;
  readonly retainedBytes: number;
  /** Tags in the table of current values. */
  readonly tags: number;
}

/** The local broker: the bus in process, and the same topics for MQTT clients if it listens. */
export interface Broker {
  readonly bus: Bus;
  /** Where it listens; null when it does not. */
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly current: CurrentValues;
  /** Forget the current values of a device that was removed from the configuration. */
  forgetDevice(device: string): void;
  stats(): BrokerStats;
  /** Disconnect all clients, stop listening. Within a second. */
  close(): Promise<void>;
}

const NO_NETWORK: NetworkStats = { clients: 0, pending: 0, subscriptions: 0, sessions: 0, eventsSent: 0 };

/**
 * Start the broker: from here on every commit of the journal is shown on the bus, and nothing else is.
 * @throws BROKER_LISTEN_FAILED, BROKER_TLS_FAILED, BROKER_SECRET_UNREADABLE, BROKER_RETAINED_UNREADABLE
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const table = new CurrentTable();
  const bus = new InProcessBus(options.observer);
  let network: NetworkBroker | null = null;
  const unsubscribe = options.journal.onCommit((events) => {
    for (const { event } of events as readonly CommittedEvent[]) {
      if (isTelemetry(event)) {
        const current = table.of(event.data.list);
        bus.push(current.topic, event);
        if (network === null) current.update(event.data, null);
        else network.push(current.topic, event);
      } else {
        const topic = eventTopic(event.subject, event.type);
        bus.push(topic, event);
        network?.push(topic, event);
      }
    }
    network?.flush();
    bus.flush();
  });
  let retained: RetainedMessages | null = null;
  try {
    if (options.config.enabled) {
      retained = await openRetained(options);
      network = await openNetwork(options, retained, table);
      options.observer.emit('broker-listening', { ...network.address, tls: options.config.listen.tls !== null });
    }
  } catch (error) {
    unsubscribe();
    await retained?.close();
    throw error;
  }
  return {
    bus,
    address: network?.address ?? null,
    current: table,
    forgetDevice: (device) => table.forgetDevice(device),
    stats: () => ({
      ...(network?.stats() ?? NO_NETWORK),
      retained: retained?.size ?? 0,
      retainedBytes: retained?.bytes ?? 0,
      tags: table.size,
    }),
    close: async () => {
      await network?.close();
      unsubscribe();
      await retained?.close();
    },
  };
}

async function openRetained({ config, dataDir, observer }: BrokerOptions): Promise<RetainedMessages> {
  return await RetainedMessages.open({
    file: dataDir === null ? null : join(dataDir, 'broker', 'retained.jsonl'),
    maxMessages: config.max_retained,
    maxBytes: config.max_retained_bytes,
    observer,
  });
}

async function openNetwork(
  options: BrokerOptions,
  retained: RetainedMessages,
  table: CurrentTable,
): Promise<NetworkBroker> {
  const { config, clock, observer, gatewayAsset, gatewayName, journal, commands } = options;
  const signIn = await SignIn.open(config, options.readSecret);
  const gateway = { asset: gatewayAsset, source: `/headgate/${gatewayName}/broker` };
  const gate = new PublishGate({ config, journal, commands, retained, gateway, clock, observer });
  const { NetworkBroker } = await import('./network-broker.ts');
  return await NetworkBroker.open({ config, clock, observer, signIn, gate, retained, table });
}
