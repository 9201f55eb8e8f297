import t from 'tap';
import type { SinkContext } from '../../../src/ports/sink.ts';
import { mqttSink } from '../../../src/sinks/mqtt/module.ts';
import { SINK_BENCH_TIMES, type SinkBench, testSink } from '../../conformance/sink.ts';
import { int16List, plainEvent, report } from '../../support/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { livedClock } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { recordingObserver } from '../../support/observer.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { UpstreamReader } from '../../support/upstream-reader.ts';

const context: SinkContext = {
  clock: livedClock,
  random: Math.random,
  observer: recordingObserver(),
  journalId: 'j1',
  gatewayName: 'gw',
  readSecret: async () => 'secret',
};

const upstream = await Upstream.start();
t.teardown(() => upstream.kill());

async function makeBench(config: object): Promise<SinkBench & { reader: UpstreamReader }> {
  const proxy = await FaultProxy.start(upstream.port);
  const topic = `test/${proxy.port}`;
  const reader = await UpstreamReader.start(upstream.url, { filter: `${topic}/#` });
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
    reader,
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

const FORMATS = [
  {},
  { encoding: 'json', compression: 'gzip' },
  { encoding: 'json', compression: 'none' },
  { format: 'events' },
];
for (const config of FORMATS) {
  t.test(`MQTT sink ${JSON.stringify(config)}`, async (t) => testSink(t, () => makeBench(config)));
}

t.test('publishes single events as CloudEvents on the topic of the bus under its prefix', async (t) => {
  const bench = await makeBench({ format: 'events', topic: 'plants/hamburg' });
  t.teardown(() => bench.close());
  const other = await UpstreamReader.start(upstream.url, { filter: 'plants/#' });
  t.teardown(() => other.stop());
  await bench.sink.connect();
  const journal = new MemoryJournal({ journalId: 'j1' });
  journal.commit([plainEvent(1), report(int16List('press', 2), [1, 2])]);
  const events = journal.events.map(({ event, ...stored }) => stored);
  const coverage = { lane: 'normal', first: 1, last: 3, settled: 0 } as const;
  await bench.sink.send({ events, historical: false, coverage });
  await until(() => other.events.length === 2, { what: 'arrival' });
  t.same(
    [...other.topics],
    [
      'plants/hamburg/evt/v1/acme/hamburg/line-1/headgate_test-happened_v1',
      'plants/hamburg/uns/v1/acme/hamburg/line-1/press/_telemetry_v1/press_1000ms',
    ],
  );
  t.match(other.events[1]?.data, {
    samples: [
      { n: 'register_40001', v: 1, q: 0 },
      { n: 'register_40002', v: 2 },
    ],
  });
});

t.test('a broker that says nothing is a time-out as such, whichever deadline is noticed first', async (t) => {
  const proxy = await FaultProxy.start(upstream.port);
  t.teardown(() => proxy.close());
  proxy.sever();
  const config = { url: `mqtt://127.0.0.1:${proxy.port}`, topic: 'x', connect_timeout_ms: 100 };
  // Ours never comes on a clock that stands.
  const sink = await mqttSink.create('up', config, { ...context, clock: new FakeClock() });
  await t.rejects(sink.connect(), { code: 'SINK_CONNECT_TIMEOUT' });
});
