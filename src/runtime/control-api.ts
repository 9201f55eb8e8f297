import type { Broker } from '../broker/broker.ts';
import type { Configuration } from '../config/configuration.ts';
import { HeadgateError } from '../errors/headgate-error.ts';
import type { JournalHandle } from '../journal/journal-client.ts';
import type { Millis } from '../model/time.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Observer } from '../observe/observer.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Clock } from '../ports/clock.ts';
import type { CommandDesk } from '../ports/command.ts';
import type { ControlApi, DeviceRow, ServiceRow, SinkRow, StatusReport } from '../ports/control.ts';
import type { JournalStatus, LedgerRow } from '../ports/journal.ts';
import type { DeviceSupervisor } from './device-supervisor.ts';
import { passesFilter } from './event-filter.ts';
import { createEventSearch } from './event-search.ts';
import { explainTag } from './explain-tag.ts';
import type { SinkStatus } from './forwarder/sink-status.ts';
import type { Forwarder } from './forwarder.ts';
import { processResources } from './process-resources.ts';
import type { ProcessorMeter } from './processor-meter.ts';
import type { ServiceHost } from './service-host.ts';

/** The running parts that the command line asks about. */
export interface GatewayParts {
  readonly configuration: Configuration;
  readonly version: string;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly observer: Observer;
  readonly journal: JournalHandle;
  readonly broker: Broker;
  readonly pipeline: Pipeline;
  readonly devices: DeviceSupervisor;
  readonly forwarder: Forwarder;
  readonly services: ServiceHost;
  readonly processor: ProcessorMeter;
  /** After this long a tag is reported again, unchanged. */
  readonly maxSilenceMs: Millis;
  readonly commands: CommandDesk;
  readonly replays: ControlApi['replayEvents'];
}

const EVERY_EVENT = ['uns/v1/#', 'evt/v1/#'];

/** What the daemon answers to the command line. */
export function createControlApi(parts: GatewayParts): ControlApi {
  const { configuration, broker, clock, devices, forwarder, journal, observer, services } = parts;
  const startedAt = clock.now();
  const since = clock.monotonic();
  const { tags } = configuration;
  return {
    status: async (): Promise<StatusReport> => {
      const journalNow = await journal.status();
      return {
        gateway: configuration.gateway.gateway.name,
        version: parts.version,
        nodeVersion: process.versions.node,
        pid: process.pid,
        startedAt,
        uptimeMs: Math.round(clock.monotonic() - since),
        rssMb: Math.round(process.memoryUsage.rss() / 1_048_576),
        resources: processResources(),
        cpuCores: Number(parts.processor.cores.toFixed(3)),
        samples: parts.pipeline.stats(),
        devices: devices.list().map((device): DeviceRow => device),
        tagFaults: devices.faults(),
        sinks: sinkRows(forwarder.status(), journalNow),
        services: serviceRows(services),
        broker: brokerRowOf(broker),
        journal: journalNow,
        counters: parts.metrics.snapshot(),
      };
    },
    currentValues: async ({ device, tag }) =>
      tags
        .values()
        .filter((row) => (device === undefined || row.device === device) && (tag === undefined || row.name === tag))
        .map((row) => ({
          device: row.device,
          tag: row.name,
          asset: row.asset,
          address: row.address,
          unit: row.unit,
          current: broker.current.get(row.asset, row.name),
        }))
        .toArray(),
    tags: async () => [...tags],
    explainTag: (reference) =>
      explainTag(
        {
          tags,
          maxSilenceMs: parts.maxSilenceMs,
          readOne: (tag) => devices.explainNow(tag),
          lastReported: ({ asset, name }) => broker.current.get(asset, name),
          journal,
          sinks: () => forwarder.status(),
        },
        reference,
      ),
    readTags: async (device, names) => {
      const own = tags
        .values()
        .filter((tag) => tag.device === device)
        .toArray();
      const wanted = names.map((name) => {
        const found = own.find((tag) => `${tag.asset}/${tag.name}` === name) ?? own.find((tag) => tag.name === name);
        if (found === undefined) throw new HeadgateError('RUNTIME_TAG_UNKNOWN', { device, tag: name });
        return found;
      });
      return devices.readNow(device, wanted);
    },
    writeTag: async (command) => await (await parts.commands.submit(command)).result,
    tailEvents: (filter, onEvent) =>
      broker.bus.subscribe({
        filters: EVERY_EVENT,
        deliver: (events) => {
          for (const event of events) if (passesFilter(filter, event)) onEvent(event);
        },
      }),
    recordFrames: (names, onFrame) => devices.recordFrames(names, onFrame),
    searchEvents: createEventSearch(journal),
    replayEvents: parts.replays,
    journalStatus: () => journal.status(),
    journalLedger: () => journal.streamLedger(),
    journalVerify: () => journal.verify(),
    forgetSink: async (name, actor) => {
      if (forwarder.status().some((sink) => sink.name === name))
        throw new HeadgateError('SINK_CONFIGURED', { sink: name });
      const { ledger } = await journal.status();
      const row = removedSinks(ledger, []).find(({ consumer }) => consumer === name);
      if (row === undefined) throw new HeadgateError('SINK_UNKNOWN', { sink: name });
      await journal.forgetCursor(name);
      observer.emit('sink-forgotten', { sink: name, events: row.waiting, actor });
      return { events: row.waiting };
    },
    services: async () => serviceRows(services),
    serviceQuery: (service, query, argument) => services.query(service, query, argument),
  };
}

/** Consumers of the journal that are sinks and not among those that are configured; services have a colon in theirs. */
function removedSinks(ledger: readonly LedgerRow[], configured: readonly SinkStatus[]): readonly LedgerRow[] {
  const names = new Set(configured.map(({ name }) => name));
  return ledger.filter(({ consumer }) => !consumer.includes(':') && !names.has(consumer));
}

function sinkRows(sinks: readonly SinkStatus[], journal: JournalStatus): SinkRow[] {
  const removed = removedSinks(journal.ledger, sinks).map(({ consumer, settled, waiting }) => ({
    name: consumer,
    kind: null,
    link: 'down' as const,
    reason: 'no longer configured; what waits is kept until "headgate sink forget"',
    settled,
    waiting,
    backlog: waiting,
    held: [],
    inFlight: 0,
    sentBytes: 0,
    reconnects: 0,
  }));
  return [...sinks.map((sink) => sinkRowOf(sink, journal)), ...removed];
}

function sinkRowOf(sink: SinkStatus, { ledger }: JournalStatus): SinkRow {
  const waiting = ledger.find(({ consumer }) => consumer === sink.name)?.waiting ?? sink.waiting;
  return {
    name: sink.name,
    kind: sink.kind,
    link: sink.link.state,
    reason: sink.link.state === 'down' ? sink.link.reason : null,
    settled: sink.settled,
    waiting,
    backlog: Math.min(sink.backlog, waiting),
    held: sink.held,
    inFlight: sink.inFlight.batches,
    sentBytes: sink.bytesSent,
    reconnects: sink.reconnects,
  };
}

function serviceRows(services: ServiceHost): ServiceRow[] {
  return services
    .list()
    .map(({ name, version, state, since, restarts, handled, published, errors, dropped, lastError }) => ({
      name,
      version,
      state,
      since,
      restarts,
      handled,
      published,
      errors,
      dropped,
      lastError,
    }));
}

function brokerRowOf({ address, stats }: Broker) {
  const { clients, subscriptions, eventsSent } = stats();
  return { address, clients, subscriptions, delivered: eventsSent };
}
