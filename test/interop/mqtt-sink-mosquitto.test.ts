// Needs Debian's mosquitto (2.0 or newer): the sink against a broker that is not of its own family.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { SinkContext } from '../../src/ports/sink.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { createForwarder } from '../../src/runtime/forwarder.ts';
import { mqttSink } from '../../src/sinks/mqtt/module.ts';
import { SINK_BENCH_TIMES, type SinkBench, testSink } from '../conformance/sink.ts';
import { plainEvent } from '../support/events.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { UpstreamReader } from '../support/upstream-reader.ts';

const MOSQUITTO = process.env['MOSQUITTO'] ?? '/usr/sbin/mosquitto';

const context: SinkContext = {
  clock: systemClock,
  random: Math.random,
  observer: recordingObserver(),
  journalId: 'j1',
  gatewayName: 'gw',
  readSecret: async () => 'secret',
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const directory = await mkdtemp(join(tmpdir(), 'headgate-mosquitto-'));
const port = await freePort();
const settings = join(directory, 'mosquitto.conf');
await writeFile(
  settings,
  [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'max_packet_size 100000',
    // Sessions outlive a restart, so that a subscriber misses nothing.
    'persistence true',
    `persistence_location ${directory}/`,
    'user root',
    'max_queued_messages 0',
  ].join('\n'),
);
let mosquitto: ChildProcess | null = null;

async function startMosquitto(): Promise<void> {
  mosquitto = spawn(MOSQUITTO, ['-c', settings], { stdio: 'ignore' });
  await once(mosquitto, 'spawn');
}

async function stopMosquitto(): Promise<void> {
  const running = mosquitto;
  mosquitto = null;
  running?.kill();
  if (running !== null && running.exitCode === null) await once(running, 'exit');
}

const connectReader = (filter: string) => UpstreamReader.start(`mqtt://127.0.0.1:${port}`, { filter });

t.teardown(async () => {
  await stopMosquitto();
  await rm(directory, { recursive: true, force: true });
});
await startMosquitto();
const probe = await connectReader('probe');
await probe.stop();

async function makeBench(config: object): Promise<SinkBench> {
  const proxy = await FaultProxy.start(port);
  const topic = `test/${proxy.port}`;
  const reader = await connectReader(`${topic}/#`);
  const { connectTimeoutMs, ackTimeoutMs } = SINK_BENCH_TIMES;
  const sink = await mqttSink.create(
    'up',
    {
      url: `mqtt://127.0.0.1:${proxy.port}`,
      topic,
      client_id: topic,
      connect_timeout_ms: connectTimeoutMs,
      ack_timeout_ms: ackTimeoutMs,
      ...config,
    },
    context,
  );
  return {
    sink,
    received: () => reader.batches,
    cut: () => {
      proxy.heal();
      proxy.reset();
    },
    sever: () => proxy.sever(),
    loseConfirmations: () => {
      proxy.faults.dropToClient = true;
    },
    heal: () => proxy.heal(),
    close: async () => {
      await sink.disconnect();
      await reader.stop();
      await proxy.close();
    },
  };
}

for (const protocol of ['3.1.1', '5']) {
  t.test(`MQTT ${protocol}`, async (t) => testSink(t, () => makeBench({ protocol })));
  t.test(`MQTT ${protocol}, single events`, async (t) => testSink(t, () => makeBench({ protocol, format: 'events' })));
}

t.test('every event arrives over a broker that is stopped and started', async (t) => {
  const journal = new MemoryJournal();
  const reader = await connectReader('headgate/#');
  const config = {
    url: `mqtt://127.0.0.1:${port}`,
    batch: { linger_ms: 50 },
    reconnect: { min_ms: 100, max_ms: 500 },
  };
  const forwarder = createForwarder({
    ...context,
    sinks: [{ name: 'up', kind: 'mqtt', config, module: mqttSink }],
    journal,
  });
  t.teardown(async () => {
    await forwarder.stop();
    await reader.stop();
  });
  await forwarder.start();
  await until(() => forwarder.status()[0]?.link.state === 'up', { what: 'up' });
  for (let i = 0; i < 500; i++) await journal.append([plainEvent(i)]);
  await stopMosquitto();
  for (let i = 0; i < 1000; i++) await journal.append([plainEvent(i)]);
  await startMosquitto();
  await until(() => forwarder.status()[0]?.waiting === 0, { what: 'all settled', timeoutMs: 20_000 });
  await until(() => reader.receiver.figures().unique === 1500, { what: 'all received' });
  t.match(reader.receiver.figures(), { missing: 0, orderViolations: 0 });
});

t.test('a message over the maximum packet size of an MQTT 5 broker is split, not sent for ever', async (t) => {
  const journal = new MemoryJournal();
  const reader = await connectReader('big/#');
  const config = {
    url: `mqtt://127.0.0.1:${port}`,
    protocol: '5',
    topic: 'big',
    compression: 'none',
    batch: { linger_ms: 20 },
  };
  const forwarder = createForwarder({
    ...context,
    sinks: [{ name: 'up', kind: 'mqtt', config, module: mqttSink }],
    journal,
  });
  t.teardown(async () => {
    await forwarder.stop();
    await reader.stop();
  });
  await forwarder.start();
  await until(() => forwarder.status()[0]?.link.state === 'up', { what: 'up' });
  const event = (size: number) => plainEvent(1, { data: 'x'.repeat(size) });
  await journal.append([...Array.from({ length: 20 }, () => event(9000)), event(150_000), event(10)]);
  await until(() => reader.receiver.figures().unique === 22, { what: 'all but one, and the gap event' });
  t.match(reader.receiver.figures(), { missing: 0, gapEvents: 1, orderViolations: 0 });
  t.equal(forwarder.status()[0]?.connections, 1);
});

t.test('a 3.1.1 broker that hangs up on large messages gets smaller ones', async (t) => {
  const journal = new MemoryJournal();
  const reader = await connectReader('small/#');
  const url = `mqtt://127.0.0.1:${port}`;
  const reconnect = { min_ms: 10, max_ms: 50 };
  const config = { url, topic: 'small', compression: 'none', batch: { linger_ms: 20 }, reconnect };
  const forwarder = createForwarder({
    ...context,
    sinks: [{ name: 'up', kind: 'mqtt', config, module: mqttSink }],
    journal,
  });
  t.teardown(async () => {
    await forwarder.stop();
    await reader.stop();
  });
  await forwarder.start();
  await until(() => forwarder.status()[0]?.link.state === 'up', { what: 'up' });
  await journal.append(Array.from({ length: 20 }, (_, i) => plainEvent(i, { data: 'x'.repeat(9000) })));
  await until(() => reader.receiver.figures().unique === 20, { what: 'all' });
  t.match(reader.receiver.figures(), { missing: 0, orderViolations: 0 });
});
