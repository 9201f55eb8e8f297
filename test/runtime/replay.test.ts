import t, { type Test } from 'tap';
import type { ReplayProgress, ReplayRequest } from '../../src/ports/control.ts';
import { createReplays } from '../../src/runtime/replay.ts';
import { plainEvent } from '../support/events.ts';
import { livedClock } from '../support/lived-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { type RecordingObserver, recordingObserver } from '../support/observer.ts';
import { counterHost, number, running } from '../support/service-rig.ts';
import { until } from '../support/until.ts';
import { closeSharedBroker, startRig } from './forwarder/rig.ts';

t.teardown(closeSharedBroker);

const REQUEST: ReplayRequest = { to: 'up', eventsPerSecond: 100_000, isKept: false, by: 'cli:test' };

/** A sink `up` at a real broker and a service `adder` in a worker, over one journal. */
async function startPlace(t: Test) {
  const journal = new MemoryJournal();
  const rig = await startRig(t, {}, journal);
  const { host } = counterHost(journal, t.testdir(), { adder: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  const observer = recordingObserver();
  const replays = createReplays({ journal, forwarder: rig.forwarder, services: host, clock: livedClock, observer });
  const replay = async (change: Partial<ReplayRequest>, signal = new AbortController().signal) => {
    const all: ReplayProgress[] = [];
    for await (const progress of replays({ ...REQUEST, ...change }, signal)) all.push(progress);
    return all;
  };
  return { journal, rig, host, observer, replays, replay };
}

const named = (observer: RecordingObserver, name: string) => observer.emitted.filter((one) => one.name === name);

t.test('a replay reaches a sink under the same ids, marked, and moves no cursor', async (t) => {
  const { journal, rig, observer, replay } = await startPlace(t);
  for (let i = 0; i < 30; i++) await journal.append([plainEvent(i), plainEvent(i, { subject: 'acme/other' })]);
  await rig.settled();
  const before = JSON.stringify([...journal.cursors]);
  const from = plainEvent(10).time;
  const progress = await replay({ where: { asset: 'acme/hamburg', from, to: from + 10 } });
  t.match(progress.at(-1), { found: 10, taken: 10, failed: 0 });
  await until(() => rig.reader.receiver.figures().repeats === 10, { what: 'the replay received' });
  const batches = rig.reader.batches.filter((batch) => batch.replay !== null);
  const events = batches.flatMap((batch) => batch.events);
  t.strictSame(
    events.map(({ data }) => (data as { number: number }).number),
    Array.from({ length: 10 }, (_, i) => 10 + i),
  );
  t.match(batches[0], { replay: progress[0]?.run, historical: true, coverage: null });
  t.equal(rig.reader.events.length, 60, 'a receiver that drops repeats by id sees nothing twice');
  t.equal(JSON.stringify([...journal.cursors]), before);
  t.match(named(observer, 'replay-started')[0]?.fields, { target: 'sink:up', by: 'cli:test', asset: 'acme/hamburg' });
  t.match(named(observer, 'replay-ended')[0]?.fields, { outcome: 'complete', taken: 10 });
});

t.test('a replay survives a lost link, and live goes on beside it', async (t) => {
  const { journal, rig, replay } = await startPlace(t);
  await journal.append(Array.from({ length: 3000 }, (_, i) => plainEvent(i)));
  await rig.settled();
  const replaying = replay({});
  await until(() => rig.reader.receiver.figures().repeats > 0, { what: 'the replay under way' });
  rig.proxy.reset();
  await journal.append([plainEvent(5000)]);
  t.match((await replaying).at(-1), { found: 3000, taken: 3000 });
  await until(() => rig.reader.events.at(-1)?.sequence === 3001, { what: 'the live event' });
  t.match(rig.reader.receiver.figures(), { missing: 0, unique: 3001 });
});

t.test('a replay keeps to its rate and can be cancelled', async (t) => {
  const { journal, rig, observer, replays, replay } = await startPlace(t);
  await journal.append(Array.from({ length: 3000 }, (_, i) => plainEvent(i)));
  await rig.settled();
  const stop = new AbortController();
  const slow = replays({ ...REQUEST, eventsPerSecond: 10 }, stop.signal);
  const first = slow.next();
  await until(() => rig.reader.batches.some((batch) => batch.replay !== null), { what: 'the first batch' });
  await t.rejects(replay({}), { code: 'CONTROL_BUSY' });
  stop.abort();
  t.match((await first).value, { taken: 1000 }, 'one page went; the next would have come 100 s later');
  await t.rejects(slow.next());
  t.match(named(observer, 'replay-ended')[0]?.fields, { outcome: 'cancelled', taken: 1000 });
  t.match((await replay({ where: { to: plainEvent(5).time } })).at(-1), { taken: 5 }, 'the next may run');
});

t.test('a service handles a replay, and its effects count only where asked', async (t) => {
  const { journal, host, replay } = await startPlace(t);
  await journal.append([number('x', 1), number('x', 2), number('elsewhere', 50), number('x', 3)]);
  const sums = () => journal.events.filter(({ event }) => event.type === 'acme.sum.v1').map(({ event }) => event.data);
  await until(() => sums().length === 3, { what: 'the numbers added' });
  const settled = () => JSON.stringify(journal.cursors.get('service:adder'));
  await until(() => settled().includes(`"settled":${journal.lastSequence}`), { what: 'the cursor at the end' });
  const before = settled();

  const discarded = await replay({ to: 'adder', where: { type: 'acme.number.v1' } });
  t.match(discarded.at(-1), { found: 4, taken: 3, failed: 0, published: 3 });
  t.same(await host.query('adder', 'sum'), { sum: 6, count: 3 }, 'nothing of it is left');
  t.equal(sums().length, 3);
  t.equal(settled(), before);

  const kept = await replay({ to: 'service:adder', isKept: true, where: { type: 'acme.number.v1' } });
  t.match(kept.at(-1), { taken: 3, published: 3 });
  t.same(await host.query('adder', 'sum'), { sum: 12, count: 6 });
  await until(() => sums().length === 6, { what: 'what it published once more' });
  t.same(sums().at(-1), { sum: 12 });
});

t.test('a handler that fails on a replayed event leaves no trace, and the replay goes on', async (t) => {
  const { journal, host, replay } = await startPlace(t);
  await journal.append([number('x', 1)]);
  await until(() => host.list()[0]?.handled === 1, { what: 'the number added' });
  const handlersFailed = host.list()[0]?.errors;
  journal.commit([number('x', 10, 'throw'), number('x', 2)]);
  await until(async () => ((await host.query('adder', 'sum')) as { sum: number }).sum === 3, { what: 'set aside' });
  const progress = await replay({ to: 'adder', isKept: true });
  t.match(progress.at(-1), { taken: 2, failed: 1, lastError: 'ordered to throw' });
  t.same(await host.query('adder', 'sum'), { sum: 6, count: 4 });
  t.equal(handlersFailed, 0);
});

t.test('a target that is not there is named, with those that are', async (t) => {
  const { replay } = await startPlace(t);
  await t.rejects(replay({ to: 'down' }), { code: 'REPLAY_TARGET_UNKNOWN', message: /sink:up, service:adder/ });
});
