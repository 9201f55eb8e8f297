import t from 'tap';
import { systemClock } from '../../../src/ports/system-clock.ts';
import { createForwarder } from '../../../src/runtime/forwarder.ts';
import { mqttSink } from '../../../src/sinks/mqtt/module.ts';
import { plainEvent } from '../../support/events.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { recordingObserver } from '../../support/observer.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { UpstreamReader } from '../../support/upstream-reader.ts';

t.test('forwards every committed event once over a healthy link', async (t) => {
  const upstream = await Upstream.start();
  const reader = await UpstreamReader.start(upstream.url);
  const journal = new MemoryJournal();
  const observer = recordingObserver();
  const forwarder = createForwarder({
    sinks: [{ name: 'up', kind: 'mqtt', config: { url: upstream.url, batch: { linger_ms: 50 } }, module: mqttSink }],
    journal,
    clock: systemClock,
    random: Math.random,
    observer,
    gatewayName: 'gw',
    readSecret: async () => 'secret',
  });
  t.teardown(async () => {
    await forwarder.stop();
    await reader.stop();
    await upstream.kill();
  });
  await forwarder.start();
  for (let i = 0; i < 1000; i++) await journal.append([plainEvent(i)]);
  await until(() => forwarder.status()[0]?.waiting === 0, { what: 'all settled' });
  await until(() => reader.receiver.figures().unique === 1000, { what: 'all received' });
  const figures = reader.receiver.figures();
  t.match(figures, { received: 1000, repeats: 0, unique: 1000, orderViolations: 0, missing: 0 });
  t.match(journal.cursors.get('up'), { settled: 1000, above: [] });
  t.equal(journal.reads, 0, 'never read the disk');
});
