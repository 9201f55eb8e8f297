import t from 'tap';
import { createForwarder } from '../../../src/runtime/forwarder.ts';
import { mqttSink } from '../../../src/sinks/mqtt/module.ts';
import { int16List, plainEvent, report } from '../../support/events.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { livedClock, livedMs, livedMsOf } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { recordingObserver } from '../../support/observer.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { UpstreamReader } from '../../support/upstream-reader.ts';
import { closeSharedBroker, QUICK, startRig } from './rig.ts';

t.teardown(closeSharedBroker);

const LIST = int16List('press', 500);
const noise = () =>
  report(
    LIST,
    Array.from({ length: 500 }, () => Math.floor(Math.random() * 65_536) - 32_768),
  );
const isUp = (rig: { status(): { link: { state: string } } }) => rig.status().link.state === 'up';

t.test('forwards every committed event once over a healthy link, without reading the disk', async (t) => {
  const rig = await startRig(t);
  for (let i = 0; i < 1000; i++) await rig.journal.append([plainEvent(i)]);
  t.match(await rig.settled(), { received: 1000, repeats: 0, unique: 1000, orderViolations: 0, missing: 0 });
  t.same(rig.journal.cursors.get('up')?.normal, { settled: 1000, above: [] });
  t.equal(rig.journal.reads, 0);
  t.ok(rig.reader.messages < 200, `${rig.reader.messages} messages: events travel in batches`);
});

t.test('sends what was stored while the upstream was not there at start', async (t) => {
  const journal = new MemoryJournal();
  journal.commit(Array.from({ length: 5000 }, (_, i) => plainEvent(i)));
  journal.hole(10);
  journal.commit([plainEvent(5000)]);
  const rig = await startRig(t, {}, journal);
  await until(() => rig.reader.receiver.figures().unique === 5001, { what: 'backlog received' });
  t.match(rig.reader.receiver.figures(), { repeats: 0, orderViolations: 0, missing: 0 });
  await until(() => rig.status().waiting === 0, { what: 'the hole passed over' });
  t.same(journal.cursors.get('up')?.normal, { settled: 5011, above: [] });
});

for (const format of ['batches', 'events']) {
  t.test(`a receiver hears what a silent lane passed over below its last event, as ${format}`, async (t) => {
    const journal = new MemoryJournal();
    journal.hole(500);
    const read = Promise.withResolvers<{ events: []; through: number }>();
    journal.readFault = () => read.promise;
    const rig = await startRig(t, { format }, journal);
    await until(() => isUp(rig), { what: 'up' });
    await journal.append([plainEvent(1)]);
    await until(() => journal.cursors.get('up')?.normal.above.length === 1, { what: 'live confirmed' });
    await until(() => rig.reader.receiver.figures().missing === 500, { what: 'a hole that may be a backlog' });
    read.resolve({ events: [], through: 500 });
    await until(() => rig.reader.receiver.figures().missing === 0, { what: 'word of it' });
    await until(() => journal.cursors.get('up')?.normal.settled === 501, {
      what: 'a cursor that need not tell it again',
    });
    t.match(rig.reader.receiver.figures(), { received: 1, unique: 1, lost: 0 });
    t.match(rig.status(), { eventsSettled: 1, resent: 0, connections: 1, lastError: null });
    t.equal(rig.reader.failure, null);
  });
}

t.test('lanes that nobody waits for say nothing while others grow', async (t) => {
  const rig = await startRig(t);
  await until(() => isUp(rig), { what: 'up' });
  const since = livedMs();
  for (let i = 0; livedMs() - since < 5000; i++) {
    await rig.journal.append([plainEvent(i)]);
    await rig.settled();
  }
  t.ok(rig.reader.batches.every(({ events }) => events.length > 0));
});

t.test('drains a backlog in order while live events arrive beside it', async (t) => {
  const rig = await startRig(t);
  await rig.journal.append([noise()]);
  await rig.settled();
  rig.proxy.faults.accept = 'reset';
  rig.proxy.reset();
  for (let i = 0; i < 15; i++) await rig.journal.append(Array.from({ length: 100 }, noise));
  rig.proxy.faults.bytesPerSecond = 1_500_000;
  rig.proxy.faults.accept = 'pass';
  await until(() => rig.status().backlog > 0, { what: 'backlog under way' });
  const boundary = rig.journal.lastSequence;
  const livesMs: number[] = [];
  while (rig.status().backlog > 0) {
    const [live] = await rig.journal.append([plainEvent(livesMs.length)]);
    const arrived = () => rig.reader.events.some((event) => event.id === live?.id);
    livesMs.push(await livedMsOf(() => until(arrived, { what: 'a live event received' })));
  }
  const figures = await rig.settled();
  t.match(figures, { unique: rig.journal.events.length, orderViolations: 0, missing: 0 });
  t.ok(livesMs.length >= 2, `${livesMs.length} live events while the backlog drained`);
  t.ok(Math.max(...livesMs) < 1500, `live events took at most ${Math.max(...livesMs)} ms`);
  t.ok(rig.reader.historical >= 1400 && rig.reader.historical <= boundary, `${rig.reader.historical} as historical`);
  const overtook = rig.reader.events.findIndex((event) => event.sequence > boundary);
  t.ok(overtook < rig.reader.events.findLastIndex((event) => event.sequence <= boundary), 'live overtook');
  t.same(rig.journal.cursors.get('up')?.normal, { settled: rig.journal.lastSequence, above: [] });
});

t.test('notices a half-open link by the missing confirmation and sends again', async (t) => {
  const rig = await startRig(t, { connect_timeout_ms: 500, ack_timeout_ms: 500 });
  await until(() => isUp(rig), { what: 'up' });
  rig.proxy.sever();
  await rig.journal.append([plainEvent(1)]);
  await until(() => rig.status().lastError?.code === 'SINK_TIMEOUT', { what: 'time-out noticed' });
  t.equal(rig.status().settled, 0, 'nothing settled without confirmation');
  rig.proxy.heal();
  t.match(await rig.settled(), { unique: 1, missing: 0 });
  t.equal(rig.status().resent, 1);
});

t.test('notices a half-open link that is idle', async (t) => {
  const rig = await startRig(t, { keepalive_s: 1, connect_timeout_ms: 500 });
  await until(() => isUp(rig), { what: 'up' });
  rig.proxy.sever();
  await until(() => !isUp(rig), { what: 'silence noticed' });
  rig.proxy.heal();
  await rig.journal.append([plainEvent(1)]);
  t.match(await rig.settled(), { received: 1, missing: 0 });
});

t.test('sends again under the same ids when confirmations were lost, and the receiver drops the repeats', async (t) => {
  const rig = await startRig(t);
  await until(() => isUp(rig), { what: 'up' });
  rig.proxy.faults.dropToClient = true;
  for (let i = 0; i < 10; i++) await rig.journal.append([plainEvent(i)]);
  await until(() => rig.reader.receiver.figures().unique === 10, { what: 'all received, none confirmed' });
  rig.proxy.reset();
  rig.proxy.faults.dropToClient = false;
  await until(() => rig.status().waiting === 0, { what: 'all settled' });
  await until(() => rig.reader.receiver.figures().received === 20, { what: 'all received twice' });
  t.match(rig.reader.receiver.figures(), { repeats: 10, unique: 10, orderViolations: 0, missing: 0 });
  t.equal(rig.status().resent, 10);
});

t.test('resends no more than what was on the way over 50 lost connections', async (t) => {
  const rig = await startRig(t, { batch: { linger_ms: 0, max_events: 10 }, reconnect: { min_ms: 10, max_ms: 10 } });
  for (let flap = 0; flap < 50; flap++) {
    await until(() => rig.status().connections > flap && isUp(rig), { what: 'up again', everyMs: 1 });
    for (let i = 0; i < 5; i++) await rig.journal.append([plainEvent(flap), plainEvent(flap)]);
    rig.proxy.reset();
  }
  const figures = await rig.settled();
  const { resent, reconnects } = rig.status();
  t.match(figures, { unique: 500, orderViolations: 0, missing: 0 });
  t.ok(reconnects >= 49);
  t.ok(figures.repeats <= resent, `${figures.repeats} repeats, ${resent} sent again: each was counted`);
  // What is not confirmed at a loss is at most what one turn of the loop appended and what waited for it.
  t.ok(resent <= 50 * 10 * 2, `${resent} of ${50 * 10} events sent again`);
});

t.test('a restart resends nothing that was settled', async (t) => {
  const rig = await startRig(t);
  for (let i = 0; i < 100; i++) await rig.journal.append([plainEvent(i)]);
  await rig.settled();
  await rig.forwarder.stop();
  const again = await startRig(t, {}, rig.journal);
  await again.journal.append([plainEvent(100)]);
  await until(() => again.status().waiting === 0, { what: 'settled' });
  await until(() => again.reader.receiver.figures().received > 0, { what: 'received' });
  t.equal(again.reader.receiver.figures().received, 1);
});

t.test('says that the login is refused, and does not hammer the broker', async (t) => {
  const upstream = await Upstream.start({ user: 'gw', password: 'right' });
  const proxy = await FaultProxy.start(upstream.port);
  let password = 'wrong';
  const journal = new MemoryJournal();
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  const config = {
    ...QUICK,
    url,
    username: 'gw',
    password: { file: '/secret' },
    reconnect: { min_ms: 50, max_ms: 200 },
  };
  const forwarder = createForwarder({
    sinks: [{ name: 'up', kind: 'mqtt', config, module: mqttSink }],
    journal,
    clock: livedClock,
    random: Math.random,
    observer: recordingObserver(),
    gatewayName: 'gw',
    readSecret: async (reference) => ('file' in reference && reference.file === '/secret' ? password : 'other'),
  });
  t.teardown(async () => {
    await forwarder.stop();
    await proxy.close();
    await upstream.kill();
  });
  await forwarder.start();
  await until(() => (forwarder.status()[0]?.connectFailures ?? 0) >= 3, { what: 'three refusals' });
  const [status] = forwarder.status();
  t.equal(status?.lastError?.code, 'SINK_LOGIN_REFUSED');
  t.match(status?.link, { state: 'down', reason: /refused the login/ });
  t.notMatch(JSON.stringify(status), /wrong/);
  const before = proxy.accepted;
  const since = livedMs();
  await until(() => proxy.accepted >= before + 4, { what: 'four more attempts' });
  t.ok(livedMs() - since > 200, `four attempts in ${livedMs() - since} ms`);
  password = 'right';
  await until(() => forwarder.status()[0]?.link.state === 'up', { what: 'up with the corrected secret' });
});

t.test('gives up on a broker that never answers CONNECT, and tries again', async (t) => {
  const rig = await startRig(t, { connect_timeout_ms: 150 });
  rig.proxy.faults.accept = 'mute';
  rig.proxy.reset();
  await until(() => rig.status().lastError?.code === 'SINK_CONNECT_TIMEOUT', { what: 'time-out' });
  rig.proxy.faults.accept = 'pass';
  await until(() => isUp(rig), { what: 'up' });
  t.pass('as said');
});

t.test('stops at once while a connection is being made', async (t) => {
  const rig = await startRig(t, { connect_timeout_ms: 60_000 });
  rig.proxy.faults.accept = 'mute';
  rig.proxy.reset();
  const accepted = rig.proxy.accepted;
  await until(() => rig.proxy.accepted > accepted, { what: 'connecting' });
  t.ok((await livedMsOf(() => rig.forwarder.stop())) < 500);
  await until(() => rig.proxy.open === 0, { what: 'socket gone' });
});

t.test('stops within 2 s while the upstream is frozen, settles nothing, and a later run delivers', async (t) => {
  const rig = await startRig(t, { ack_timeout_ms: 60_000 }, new MemoryJournal(), await Upstream.start());
  await until(() => isUp(rig), { what: 'up' });
  rig.upstream.freeze();
  for (let i = 0; i < 300; i++) await rig.journal.append([noise()]);
  const tookMs = await livedMsOf(() => rig.forwarder.stop());
  t.ok(tookMs < 2000, `stopped in ${tookMs} ms`);
  t.equal(rig.status().settled, 0);
  rig.upstream.thaw();
  const again = await startRig(t, {}, rig.journal);
  t.match(await again.settled(), { unique: 300, missing: 0, orderViolations: 0 });
});

t.test('sends what lingers when it stops', async (t) => {
  const rig = await startRig(t, { batch: { linger_ms: 60_000 } });
  await until(() => isUp(rig), { what: 'up' });
  await rig.journal.append([plainEvent(1)]);
  t.equal(rig.status().inFlight.batches, 0);
  await rig.forwarder.stop();
  t.same(rig.journal.cursors.get('up')?.normal, { settled: 1, above: [] });
});

t.test('does not let a critical event linger', async (t) => {
  const rig = await startRig(t, { batch: { linger_ms: 60_000 } });
  await until(() => isUp(rig), { what: 'up' });
  await rig.journal.append([plainEvent(1), plainEvent(2, { lane: 'critical' })]);
  await until(() => rig.reader.events.some(({ lane }) => lane === 'critical'), { what: 'the critical one received' });
  t.equal(rig.reader.events.length, 1, 'the other lingers');
  t.same(rig.journal.cursors.get('up')?.critical, { settled: 2, above: [] });
  t.same(rig.journal.cursors.get('up')?.normal, { settled: 0, above: [] });
});

t.test('a sink that hangs or cannot be set up delays no other', async (t) => {
  const journal = new MemoryJournal();
  const upstream = await Upstream.start();
  const reader = await UpstreamReader.start(upstream.url);
  const frozen = await Upstream.start();
  const url = upstream.url;
  const forwarder = createForwarder({
    sinks: [
      { name: 'frozen', kind: 'mqtt', config: { url: frozen.url, ...QUICK, ack_timeout_ms: 60_000 }, module: mqttSink },
      {
        name: 'broken',
        kind: 'broken',
        config: {},
        module: { kind: 'broken', create: () => Promise.reject(new Error('no library')) },
      },
      { name: 'good', kind: 'mqtt', config: { url, ...QUICK }, module: mqttSink },
    ],
    journal,
    clock: livedClock,
    random: Math.random,
    observer: recordingObserver(),
    gatewayName: 'gw',
    readSecret: async () => 'secret',
  });
  t.teardown(async () => {
    await frozen.kill();
    await forwarder.stop();
    await reader.stop();
    await upstream.kill();
  });
  await forwarder.start();
  const linksUp = () => forwarder.status().filter((sink) => sink.link.state === 'up').length;
  await until(() => linksUp() === 2, { what: 'both up' });
  t.match(forwarder.status().at(-1), { name: 'broken', link: { state: 'down', reason: 'no library' } });
  frozen.freeze();
  for (let i = 0; i < 300; i++) await journal.append([noise(), noise()]);
  await until(() => reader.receiver.figures().unique === 600, { what: 'all at the good one' });
  const hung = forwarder.status().find(({ name }) => name === 'frozen');
  t.equal(hung?.settled, 0);
  t.ok((hung?.inFlight.batches ?? 0) > 0 && (hung?.inFlight.bytes ?? 0) <= 9_000_000, 'bounded on the way');
  frozen.thaw();
  await until(() => forwarder.status().every(({ waiting }) => waiting === 0), { what: 'the other caught up' });
});

t.test('passes over an event that the upstream will never take, and says so with a gap event', async (t) => {
  const rig = await startRig(t, { max_message_bytes: 20_000, compression: 'none' });
  await until(() => isUp(rig), { what: 'up' });
  const poison = plainEvent(50, { data: 'x'.repeat(30_000) });
  await rig.journal.append(Array.from({ length: 100 }, (_, i) => (i === 50 ? poison : plainEvent(i))));
  await until(() => rig.status().waiting === 0 && rig.journal.lastSequence === 101, { what: 'settled' });
  await until(() => rig.reader.receiver.figures().unique === 100, { what: 'all but one received' });
  t.match(rig.reader.receiver.figures(), { missing: 0, gapEvents: 1, orderViolations: 0, repeats: 0 });
  t.equal(rig.status().deadLettered, 1);
  t.ok(rig.observer.emitted.some(({ name }) => name === 'sink-event-dead-lettered'));
  t.equal(rig.status().connections, 1, 'the connection stayed');
});

t.test('a round trip of 20 ms costs no throughput', async (t) => {
  const rig = await startRig(t, { ack_timeout_ms: 5000, batch: { linger_ms: 50, max_events: 20 } });
  rig.proxy.faults.delayMs = 10;
  await until(() => isUp(rig), { what: 'up' });
  const since = livedMs();
  // 100 reports of 500 values in a batch of 20 each: 50,000 values a second would take 1 s.
  for (let i = 0; i < 20; i++) await rig.journal.append(Array.from({ length: 20 }, noise));
  await rig.settled();
  const valuesPerSecond = (400 * 500) / ((livedMs() - since) / 1000);
  t.ok(valuesPerSecond > 100_000, `${Math.round(valuesPerSecond)} values/s`);
});
