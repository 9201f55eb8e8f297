import t from 'tap';
import { int16List, plainEvent, report } from '../../support/events.ts';
import { livedMs } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { until } from '../../support/until.ts';
import { closeSharedBroker, startRig } from './rig.ts';

t.teardown(closeSharedBroker);

const LIST = int16List('press', 500);
const noise = () =>
  report(
    LIST,
    Array.from({ length: 500 }, () => Math.floor(Math.random() * 65_536) - 32_768),
  );
const isUp = (rig: { status(): { link: { state: string } } }) => rig.status().link.state === 'up';

/** A journal with so many reports of 1 KB, and critical events among them. */
function withBacklog(reports: number, criticalEach = 0): MemoryJournal {
  const journal = new MemoryJournal();
  for (let i = 0; i < reports; i += 100) {
    journal.commit(Array.from({ length: 100 }, noise));
    if (criticalEach > 0 && i % criticalEach === 0) journal.commit([plainEvent(i, { lane: 'critical' })]);
  }
  return journal;
}

t.test('critical events overtake a bulk backlog on a slow link, those in it and new ones', async (t) => {
  const journal = withBacklog(1500, 500);
  const rig = await startRig(t, { ack_timeout_ms: 20_000 }, journal);
  rig.proxy.faults.bytesPerSecond = 500_000;
  await until(() => rig.reader.events.filter(({ lane }) => lane === 'critical').length === 3, { what: 'old critical' });
  t.ok(rig.reader.events.length < 750, `${rig.reader.events.length} events came before the last critical one`);
  await until(() => rig.status().backlog > 0, { what: 'backlog under way' });
  const tookMs: number[] = [];
  while (rig.status().backlog > 300) {
    const [event] = await journal.append([plainEvent(0, { lane: 'critical' })]);
    const since = livedMs();
    await until(() => rig.reader.events.some(({ id }) => id === event?.id), { what: 'a critical event', everyMs: 2 });
    tookMs.push(livedMs() - since);
  }
  // The whole backlog takes three seconds and more: half of them in far less, whatever else the machine does.
  const median = [...tookMs].sort((a, b) => a - b)[tookMs.length >>> 1] ?? 0;
  t.ok(tookMs.length >= 2 && median < 1500, `critical events took ${tookMs.map(Math.round)} ms`);
  t.match(await rig.settled(20_000), { missing: 0, orderViolations: 0 });
});

t.test('a critical event overtakes thousands of single messages that wait for the window of the broker', async (t) => {
  const journal = new MemoryJournal();
  journal.commit(Array.from({ length: 4000 }, (_, i) => plainEvent(i, { lane: 'bulk' })));
  const rig = await startRig(t, { format: 'events', ack_timeout_ms: 20_000 }, journal);
  rig.proxy.faults.delayMs = 20;
  await until(() => rig.reader.events.length > 100, { what: 'the backlog under way' });
  const [event] = await journal.append([plainEvent(0, { lane: 'critical' })]);
  await until(() => rig.reader.events.some(({ id }) => id === event?.id), { what: 'the critical event', everyMs: 1 });
  t.ok(rig.reader.events.length < 2500, `${rig.reader.events.length} of 4000 came before it`);
  t.match(await rig.settled(20_000), { missing: 0, orderViolations: 0, repeats: 0 });
});

t.test('a cap holds bulk and normal back, not critical events, and status says so', async (t) => {
  const rig = await startRig(t, { max_bytes_per_s: 40_000, compression: 'none', ack_timeout_ms: 5000 });
  await until(() => isUp(rig), { what: 'up' });
  for (let i = 0; i < 2; i++) await rig.journal.append(Array.from({ length: 100 }, noise));
  await until(() => rig.status().held.some(({ by }) => by === 'max_bytes_per_s'), { what: 'held' });
  const since = livedMs();
  const [event] = await rig.journal.append([plainEvent(0, { lane: 'critical' })]);
  await until(() => rig.reader.events.some(({ id }) => id === event?.id), { what: 'the critical event' });
  t.ok(livedMs() - since < 500, 'critical at once');
  await until(() => rig.reader.payloadBytes > 120_000, { what: 'more came' });
  // What went before the cap had learned what batches come to is paid back.
  const seconds = (livedMs() - since) / 1000;
  t.ok(rig.reader.payloadBytes < 75_000 + 42_000 * seconds, `${rig.reader.payloadBytes} bytes in ${seconds} s`);
});

t.test('a schedule holds bulk and backlog until its hours come', async (t) => {
  const journal = withBacklog(1000);
  const now = new Date();
  const two = (number: number) => String(number).padStart(2, '0');
  const closed = `${two((now.getUTCHours() + 10) % 24)}:00-${two((now.getUTCHours() + 11) % 24)}:00`;
  const rig = await startRig(t, { schedule: { bulk: [closed], backlog: [closed], time_zone: 'UTC' } }, journal);
  await until(() => isUp(rig), { what: 'up' });
  await journal.append([noise(), plainEvent(1), plainEvent(2, { lane: 'critical' })]);
  await until(() => rig.reader.events.length === 2, { what: 'what is live and not bulk' });
  t.same(
    rig
      .status()
      .held.map(({ what }) => what)
      .sort(),
    ['backlog', 'bulk'],
  );
  t.equal(rig.status().waiting, 1001);
  await rig.forwarder.stop();
  t.equal(rig.reader.receiver.figures().unique, 2);
  const again = await startRig(t, {}, journal);
  await until(() => again.status().waiting === 0, { what: 'all through without the schedule' });
  await until(() => again.reader.events.length === 1001, { what: 'the rest received' });
});
