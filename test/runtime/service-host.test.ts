import t from 'tap';
import { createServiceHost } from '../../src/runtime/service-host.ts';
import { int16List, report } from '../support/events.ts';
import { livedClock, livedMs, livedMsOf } from '../support/lived-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { recordingObserver } from '../support/observer.ts';
import { allRun, counterHost, number, running } from '../support/service-rig.ts';
import { until } from '../support/until.ts';

const sumsOf = (journal: MemoryJournal, subject: string) =>
  journal.events
    .filter(({ event }) => event.type === 'acme.sum.v1' && event.subject === subject)
    .map(({ event }) => event);
const lastSum = (journal: MemoryJournal, subject: string) =>
  (sumsOf(journal, subject).at(-1)?.data as { sum: number } | undefined)?.sum;

t.test('a durable service gets each event, publishes with its cause, and its cursor moves', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(journal, t.testdir(), { one: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  const [first] = await journal.append([
    { ...number('x', 3), correlationid: 'c-1', traceparent: '00-a-b-01' },
    number('other', 100),
  ]);
  await journal.append([number('x', 4)]);
  await until(() => lastSum(journal, 'x') === 7, { what: 'both numbers added' });
  const [sum, second] = sumsOf(journal, 'x');
  t.match(sum, {
    source: '/headgate/gw/one',
    lane: 'normal',
    data: { sum: 3 },
    correlationid: 'c-1',
    causationid: first?.id,
    traceparent: '00-a-b-01',
  });
  t.equal(second?.correlationid, second?.causationid, 'a parent without correlationid starts one');
  t.same(await host.query('one', 'sum'), { sum: 7, count: 2 });
  await until(() => journal.cursors.get('service:one')?.normal.settled === journal.lastSequence, {
    what: 'the cursor at the end',
  });
  await until(() => host.list()[0]?.handled === 2, { what: 'figures' });
  t.match(host.list()[0], {
    name: 'one',
    version: '1.2.3',
    state: 'running',
    restarts: 0,
    published: 2,
    errors: 0,
    lag: 0,
  });
});

t.test('a cursor passes over events that the service does not want', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(journal, t.testdir(), { one: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  for (let i = 0; i < 10; i++) await journal.append([number('other', i)]);
  journal.hole(5);
  await journal.append([report(int16List('pump', 3), [1, 2, 3])]);
  t.equal(journal.cursors.get('service:one')?.normal.settled, 16);
});

t.test('a service that cannot load names the reason and leaves the others alone', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(journal, t.testdir(), {
    wrong: { subject: 'x', subjekt: 'y' } as { subject: string },
    good: { subject: 'good' },
  });
  t.teardown(() => host.stop());
  await host.start();
  await until(() => host.list()[0]?.state === 'failed' && host.list()[1]?.state === 'running', {
    what: 'one failed, one runs',
    timeoutMs: 20_000,
  });
  t.match(host.list()[0]?.lastError, /subjekt/);
});

t.test('events that the manifest does not allow are refused and change nothing', async (t) => {
  const journal = new MemoryJournal();
  const { host, observer } = counterHost(journal, t.testdir(), { one: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('x', 1, 'undeclared'), number('x', 2, 'misfit'), number('x', 4)]);
  await until(() => lastSum(journal, 'x') === 4, { what: 'the good event', timeoutMs: 20_000 });
  t.equal(sumsOf(journal, 'x').length, 1);
  t.equal(journal.events.length, 4, 'three in, one out');
  const reasons = observer.emitted
    .filter(({ name }) => name === 'service-event-refused')
    .map(({ fields }) => String(fields['reason']));
  t.ok(reasons.some((reason) => reason.includes('acme.other.v1') && reason.includes('declared are: acme.sum.v1')));
  t.ok(reasons.some((reason) => reason.includes('/sum')));
  await until(() => host.list()[0]?.errors === 12, { what: 'each attempt counted: refused, and failed' });
});

t.test('a handler that throws leaves no effect and is tried three times', async (t) => {
  const journal = new MemoryJournal();
  const { host, observer } = counterHost(journal, t.testdir(), { one: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('x', 1, 'throw'), number('x', 2)]);
  await until(() => lastSum(journal, 'x') === 2, { what: 'the next event' });
  t.same(await host.query('one', 'sum'), { sum: 2, count: 1 });
  const failed = observer.emitted.filter(({ name }) => name === 'service-handler-failed');
  t.same(
    failed.map(({ fields }) => fields['attempt']),
    [1, 2, 3],
  );
});

t.test('a slow live service drops the oldest, counted, and delays no commit', async (t) => {
  const journal = new MemoryJournal();
  const limits = { creditEvents: 50, liveQueueEvents: 100, hangMs: 20_000 };
  const { host, observer } = counterHost(
    journal,
    t.testdir(),
    { slow: { subject: 'x', mode: 'live', slow_ms: 3 } },
    limits,
  );
  t.teardown(() => host.stop());
  await running(host);
  let longestMs = 0;
  for (let i = 0; i < 2_000; i++) {
    const start = livedMs();
    journal.commit([number('x', 1)]);
    longestMs = Math.max(longestMs, livedMs() - start);
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(longestMs < 150, `a commit took at most ${longestMs} ms`);
  await until(() => host.list()[0]?.lag === 0, { what: 'what was kept is handled', timeoutMs: 20_000 });
  await until(() => (host.list()[0]?.handled ?? 0) + (host.list()[0]?.dropped ?? 0) === 2_000, {
    what: 'every event handled or counted as dropped',
  });
  const dropped = host.list()[0]?.dropped ?? 0;
  t.ok(dropped > 1_000, `${dropped} dropped`);
  const counted = observer.emitted
    .filter(({ name }) => name === 'service-events-dropped')
    .reduce((sum, { count }) => sum + count, 0);
  t.equal(counted, dropped);
});

t.test('live events that go by while the service is down are counted as dropped', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(
    journal,
    t.testdir(),
    { one: { subject: 'x', mode: 'live' } },
    { crashesToFail: 1, failedRetryMs: 60_000 },
  );
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('x', 1, 'crash')]);
  await until(() => host.list()[0]?.state === 'failed', { what: 'failed' });
  await journal.append([number('x', 2), number('other', 3), number('x', 4)]);
  t.match(host.list()[0], { dropped: 2, lag: 0 });
});

t.test('a slow durable service falls back to the journal and misses nothing', async (t) => {
  const journal = new MemoryJournal();
  const { host, observer } = counterHost(
    journal,
    t.testdir(),
    { slow: { subject: 'x', slow_ms: 1 } },
    { creditEvents: 50, hangMs: 20_000 },
  );
  t.teardown(() => host.stop());
  await running(host);
  for (let i = 0; i < 1_000; i++) {
    journal.commit([number('x', 1), number('other', 1)]);
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => lastSum(journal, 'x') === 1_000, { what: 'all handled', timeoutMs: 20_000 });
  t.equal(sumsOf(journal, 'x').length, 1_000);
  t.ok(observer.emitted.some(({ name }) => name === 'service-fell-behind'));
  t.ok(journal.reads > 0);
  t.equal(host.list()[0]?.dropped, 0);
});

t.test('stop flushes; the next start goes on where it was, also with what came in between', async (t) => {
  const journal = new MemoryJournal();
  const dir = t.testdir();
  const first = counterHost(journal, dir, { one: { subject: 'x' } });
  await running(first.host);
  await journal.append([number('x', 1), number('x', 2)]);
  await until(() => lastSum(journal, 'x') === 3, { what: 'handled' });
  t.ok((await livedMsOf(() => first.host.stop())) < 2_500);
  t.equal(first.host.list()[0]?.state, 'stopped');
  await journal.append([number('x', 4)]);
  const second = counterHost(journal, dir, { one: { subject: 'x' } });
  t.teardown(() => second.host.stop());
  await running(second.host);
  await until(() => lastSum(journal, 'x') === 7, { what: 'the rest' });
  t.same(
    sumsOf(journal, 'x').map(({ data }) => data),
    [{ sum: 1 }, { sum: 3 }, { sum: 7 }],
  );
  t.same(await second.host.query('one', 'sum'), { sum: 7, count: 3 });
});

t.test('stopped while it retries, a service has the event again at the next start', async (t) => {
  const journal = new MemoryJournal();
  const dir = t.testdir();
  const first = counterHost(journal, dir, { one: { subject: 'x' } });
  await running(first.host);
  await journal.append([number('x', 1), number('x', 2, 'throw'), number('x', 4)]);
  await until(() => first.observer.emitted.some(({ name }) => name === 'service-handler-failed'), {
    what: 'a failure',
  });
  await first.host.stop();
  t.same(
    first.observer.emitted.filter(({ name }) => /restart|set-aside|overrun/.test(name)),
    [],
  );
  const second = counterHost(journal, dir, { one: { subject: 'x' } });
  t.teardown(() => second.host.stop());
  await running(second.host);
  await until(() => lastSum(journal, 'x') === 5, { what: 'the rest' });
  const attempts = second.observer.emitted.filter(({ name }) => name === 'service-handler-failed');
  t.same(
    attempts.map(({ fields }) => fields['attempt']),
    [1, 2, 3],
  );
});

t.test('a query that fails, is unknown or is never answered says so', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(journal, t.testdir(), { one: { subject: 'x' } }, { queryMs: 300, stopMs: 300 });
  t.teardown(() => host.stop());
  await running(host);
  await t.rejects(host.query('two', 'sum'), { code: 'SERVICE_UNKNOWN' });
  await t.rejects(host.query('one', 'product'), { code: 'SERVICE_QUERY_UNKNOWN' });
  await t.rejects(host.query('one', 'fail'), { code: 'SERVICE_QUERY_FAILED', message: /no$/ });
  await t.rejects(host.query('one', 'never'), { code: 'SERVICE_QUERY_TIMEOUT' });
});

t.test('restart stops cleanly and goes on', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(journal, t.testdir(), { one: { subject: 'x' } });
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('x', 1)]);
  await host.restart('one');
  await allRun(host);
  await journal.append([number('x', 2)]);
  await until(() => lastSum(journal, 'x') === 3, { what: 'both counted' });
  t.equal(sumsOf(journal, 'x').length, 2);
});

t.test('the built-in services share a worker and know telemetry of any size', async (t) => {
  const journal = new MemoryJournal();
  const list = int16List('press', 1_000);
  const host = createServiceHost({
    services: [
      {
        name: 'equipment-state',
        config: { assets: [{ asset: list.asset, state_tag: 'register_40900', states: { running: [2], idle: [1] } }] },
      },
    ],
    journal,
    gatewayName: 'gw',
    dataDir: t.testdir(),
    clock: livedClock,
    random: Math.random,
    observer: recordingObserver(),
  });
  t.teardown(() => host.stop());
  await running(host);
  const values = new Array<number>(1_000).fill(7);
  values[899] = 2;
  await journal.append([report(list, values, 1_000)]);
  values[899] = 1;
  await journal.append([report(list, values, 61_000)]);
  await until(() => journal.events.length === 4, { what: 'two changes' });
  t.match(journal.events[3]?.event.data, { state: 'idle', previous: 'running', durationMs: 60_000, since: 61_000 });
  t.match(await host.query('equipment-state', 'states'), [
    { asset: list.asset, state: 'idle', evidence: { tag: 'register_40900', value: 1 } },
  ]);
});
