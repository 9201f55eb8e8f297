import t from 'tap';
import { livedMsOf } from '../support/lived-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { counterHost, number, running } from '../support/service-rig.ts';
import { until } from '../support/until.ts';

const sumsOf = (journal: MemoryJournal, subject: string) =>
  journal.events
    .filter(({ event }) => event.type === 'acme.sum.v1' && event.subject === subject)
    .map(({ event }) => event);
const lastSum = (journal: MemoryJournal, subject: string) =>
  (sumsOf(journal, subject).at(-1)?.data as { sum: number } | undefined)?.sum;

for (const [order, what] of [
  ['crash', 'an exception out of nowhere'],
  ['loop', 'an endless loop'],
  ['leak', 'a memory leak'],
  ['hang-async', 'a handler that never settles'],
] as const) {
  t.test(`${what} ends that service's worker alone, and the event is passed over after the second time`, async (t) => {
    const journal = new MemoryJournal();
    const { host, observer } = counterHost(
      journal,
      t.testdir(),
      { bad: { subject: 'bad' }, good: { subject: 'good' } },
      { handlerMs: 500, crashesToFail: 10, crashesToSkip: 2 },
    );
    t.teardown(() => host.stop());
    await running(host);
    await journal.append([number('bad', 1), number('bad', 10, order), number('bad', 100), number('good', 1)]);
    await until(() => lastSum(journal, 'good') === 1, { what: 'the good one works while the bad one does not' });
    await until(() => lastSum(journal, 'bad') === 101, {
      what: 'the bad one goes on without the event',
      timeoutMs: 40_000,
    });
    t.same(
      sumsOf(journal, 'bad').map(({ data }) => data),
      [{ sum: 1 }, { sum: 101 }],
      'nothing twice, nothing of the bad event',
    );
    const [bad, good] = host.list();
    t.match(bad, { state: 'running', restarts: 2, lastError: String });
    t.match(good, { state: 'running', restarts: 0, lastError: null });
    t.equal(observer.emitted.filter(({ name }) => name === 'service-event-set-aside').length, 1);
  });
}

t.test('a crash in a shared worker moves that service out; its neighbours go on with nothing lost', async (t) => {
  const journal = new MemoryJournal();
  const { host, observer } = counterHost(journal, t.testdir(), {
    bad: { subject: 'bad', isolation: 'shared' },
    good: { subject: 'good', isolation: 'shared' },
  });
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('good', 1), number('bad', 1, 'crash'), number('good', 2)]);
  await until(() => lastSum(journal, 'good') === 3, { what: 'the neighbour goes on', timeoutMs: 20_000 });
  await until(() => host.list()[0]?.restarts === 3, { what: 'the bad one alone crashes on', timeoutMs: 20_000 });
  t.equal(sumsOf(journal, 'good').length, 2);
  t.equal(host.list()[1]?.restarts, 1, 'the neighbour was restarted once');
  t.ok(observer.emitted.some(({ name, fields }) => name === 'service-isolated' && fields['service'] === 'bad'));
});

t.test('a service that keeps crashing is failed and tried slowly', async (t) => {
  const journal = new MemoryJournal();
  const { host } = counterHost(
    journal,
    t.testdir(),
    { bad: { subject: 'bad' } },
    { crashesToFail: 2, failedRetryMs: 60_000, crashesToSkip: 100 },
  );
  t.teardown(() => host.stop());
  await running(host);
  await journal.append([number('bad', 1, 'crash')]);
  await until(() => host.list()[0]?.state === 'failed', { what: 'failed', timeoutMs: 20_000 });
  t.match(host.list()[0], { restarts: 2, lastError: /ordered to crash/ });
  await t.rejects(host.query('bad', 'sum'), { code: 'SERVICE_NOT_RUNNING' });
  await host.restart('bad');
  await until(() => (host.list()[0]?.restarts ?? 0) > 2, { what: 'tried again on request', timeoutMs: 20_000 });
});

t.test('stop ends a service that hangs within its limit', async (t) => {
  const journal = new MemoryJournal();
  const { host, observer } = counterHost(
    journal,
    t.testdir(),
    { bad: { subject: 'x' } },
    { stopMs: 500, hangMs: 60_000 },
  );
  await running(host);
  await journal.append([number('x', 1, 'loop')]);
  t.ok((await livedMsOf(() => host.stop())) < 2_000);
  t.ok(observer.emitted.some(({ name }) => name === 'service-stop-overrun'));
});
