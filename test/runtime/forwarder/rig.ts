import type { SinkStatus } from '../../../src/runtime/forwarder/sink-status.ts';
import { createForwarder, type Forwarder } from '../../../src/runtime/forwarder.ts';
import { mqttSink } from '../../../src/sinks/mqtt/module.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { livedClock } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { type RecordingObserver, recordingObserver } from '../../support/observer.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { UpstreamReader } from '../../support/upstream-reader.ts';

/** Journal → forwarder → MQTT sink → fault proxy → broker in another process → receiver. */
export interface Rig {
  readonly journal: MemoryJournal;
  readonly forwarder: Forwarder;
  readonly proxy: FaultProxy;
  readonly upstream: Upstream;
  readonly reader: UpstreamReader;
  readonly observer: RecordingObserver;
  status(): SinkStatus;
  /** Wait until everything committed is settled and received, then the receiver's account. */
  settled(timeoutMs?: number): Promise<ReturnType<UpstreamReader['receiver']['figures']>>;
}

interface Teardown {
  teardown(task: () => Promise<void>): void;
}

/** Short waits, so that tests are quick; a broker that is slow is not given up. */
export const QUICK = {
  batch: { linger_ms: 20 },
  reconnect: { min_ms: 20, max_ms: 100 },
  connect_timeout_ms: 10_000,
  ack_timeout_ms: 10_000,
};

let shared: Promise<Upstream> | null = null;

/** End the broker that the rigs of a file share; call it in the file's own teardown. */
export async function closeSharedBroker(): Promise<void> {
  await (await shared)?.kill();
}

/** A rig that is running, and ends with the test. Its broker is shared, each rig with a topic of its own, unless one is given. */
export async function startRig(
  t: Teardown,
  config: object = {},
  journal = new MemoryJournal(),
  own: Upstream | null = null,
): Promise<Rig> {
  if (own === null) shared ??= Upstream.start();
  const upstream = own ?? (await shared);
  if (upstream === null) throw new Error('no broker');
  const proxy = await FaultProxy.start(upstream.port);
  const topic = `rig/${proxy.port}`;
  const reader = await UpstreamReader.start(upstream.url, { filter: `${topic}/#` });
  const observer = recordingObserver();
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  const forwarder = createForwarder({
    sinks: [
      { name: 'up', kind: 'mqtt', config: { url, topic, client_id: topic, ...QUICK, ...config }, module: mqttSink },
    ],
    journal,
    clock: livedClock,
    random: Math.random,
    observer,
    gatewayName: 'gw',
    readSecret: async () => 'secret',
  });
  const status = () => {
    const [only] = forwarder.status();
    if (only === undefined) throw new Error('no sink');
    return only;
  };
  t.teardown(async () => {
    await forwarder.stop();
    await reader.stop();
    await proxy.close();
    await own?.kill();
  });
  await forwarder.start();
  const settled = async (timeoutMs = 10_000) => {
    await until(() => status().waiting === 0, { what: 'everything settled', timeoutMs });
    await until(() => reader.receiver.figures().unique >= journal.events.length, { what: 'everything received' });
    if (reader.failure !== null) throw reader.failure;
    return reader.receiver.figures();
  };
  return { journal, forwarder, proxy, upstream, reader, observer, status, settled };
}
