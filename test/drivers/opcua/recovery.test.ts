import t, { type Test } from 'tap';
import { Status } from '../../../src/model/quality.ts';
import { livedMs } from '../../support/lived-time.ts';
import { until } from '../../support/until.ts';
import { type Harness, harness, tag } from './harness.ts';
import { startServer } from './test-server.ts';

const isBad = (h: Harness, name: string) => h.last(name)?.value === null && (h.last(name)?.status ?? 0) >= 0x80000000;

type Mode = 'subscribe' | 'poll';

async function freeze(t: Test, mode: Mode): Promise<void> {
  const server = await startServer();
  t.teardown(() => server.kill());
  const h = await harness({
    config: {
      endpoint: server.endpoint,
      mode,
      heartbeat_timeout_ms: 1_000,
      request_timeout_ms: 1_000,
      connect_timeout_ms: 800,
    },
    tags: [
      tag('fast', 'ns=2;s=Counter0'),
      tag('still', 'ns=2;s=Float'),
      tag('slow', 'ns=2;s=Counter1', { scanMs: 700 }),
    ],
  });
  t.teardown(() => h.driver.stop());
  await h.driver.start();
  await until(() => h.readings('fast').length > 3 && h.last('slow') !== undefined, { what: 'first values' });

  const frozenAt = livedMs();
  server.signal('SIGSTOP');
  await until(() => ['fast', 'still', 'slow'].every((name) => isBad(h, name)), {
    what: 'Bad values',
    timeoutMs: 5_000,
  });
  t.ok(livedMs() - frozenAt < 4_000, `${mode}: Bad in time`);
  t.equal(h.last('still')?.status, Status.Bad_NoCommunication, `${mode}: status`);
  t.equal(h.states.at(-1)?.state, 'disconnected', `${mode}: state`);
  const why = mode === 'poll' ? /read at .* took longer than/ : /looks connected but delivers nothing/;
  t.match(h.states.at(-1)?.reason, why, `${mode}: reason`);
  await until(() => h.states.filter(({ state }) => state === 'disconnected').length > 1, { what: 'another attempt' });
  t.equal(h.readings('still').filter(({ value }) => value === null).length, 1, `${mode}: gone is told once`);

  server.signal('SIGCONT');
  await until(() => h.last('fast')?.value !== null && h.last('still')?.value === 1.5, { what: 'values again' });
  await until(() => h.states.at(-1)?.state === 'connected', { what: 'connected' });
  t.equal(h.states.filter(({ state }) => state === 'connected').length, 2, `${mode}: connected twice`);
}

t.test('a frozen server turns every tag Bad within the deadline, and values return when it wakes', async (t) => {
  await Promise.all([freeze(t, 'subscribe'), freeze(t, 'poll')]);
});

t.test(
  'a server that was killed and comes back with other namespaces is read again through nsu= and paths',
  async (t) => {
    const first = await startServer();
    t.teardown(() => first.kill());
    const h = await harness({
      config: { endpoint: first.endpoint },
      tags: [tag('uri', 'nsu=http://headgate.test/plant;s=Float'), tag('index', 'ns=2;s=Float')],
    });
    t.teardown(() => h.driver.stop());
    await h.driver.start();
    await until(() => h.last('uri')?.value === 1.5 && h.last('index')?.value === 1.5, { what: 'first values' });
    await first.kill();
    await until(() => isBad(h, 'uri'), { what: 'Bad values' });
    t.equal(h.last('uri')?.status, Status.Bad_NoCommunication);

    const second = await startServer({ port: first.port, namespacesBefore: ['http://other.test/one'] });
    t.teardown(() => second.kill());
    await until(() => h.last('uri')?.value === 1.5, { what: 'the value by URI' });
    t.equal(h.last('index')?.status, Status.Bad_NodeIdUnknown, 'an index means another namespace now');
    t.match(h.faults.get('index')?.reason, /^Bad_NodeIdUnknown ns=2;s=Float$/);
    t.ok((h.driver.stats()[0]?.reconnects ?? 0) > 0);
  },
);

t.test('a server that is not there is reported once as not connected, with the reason', async (t) => {
  const h = await harness({ config: { endpoint: 'opc.tcp://127.0.0.1:1' }, tags: [tag('a', 'i=2258')] });
  await h.driver.start();
  await until(() => h.states.filter(({ state }) => state === 'disconnected').length >= 3, { what: 'three attempts' });
  t.strictSame(
    h.readings('a').map(({ value, status }) => [value, status]),
    [[null, Status.Bad_NotConnected]],
  );
  t.match(h.states.at(-1)?.reason, /ECONNREFUSED/);
  await h.driver.stop();
  const told = h.states.length;
  t.equal(h.states.at(-1)?.state, 'stopped');
  t.equal(h.states.length, told);
});
