import t from 'tap';
import { opcua } from '../../../src/drivers/opcua/module.ts';
import { Status } from '../../../src/model/quality.ts';
import type { TagDefinition, TagValue } from '../../../src/model/tag.ts';
import type { ReadExplanation } from '../../../src/ports/driver.ts';
import { until } from '../../support/until.ts';
import { harness, tag } from './harness.ts';
import { startServer } from './test-server.ts';

const server = await startServer();
t.teardown(() => server.kill());
const { endpoint } = server;

const TYPES: readonly [name: string, address: string, value: TagValue][] = [
  ['bool', 'ns=2;s=Boolean', true],
  ['int16', 'ns=2;s=Int16', -12],
  ['int64', 'ns=2;s=Int64Small', -5],
  ['uint64', 'ns=2;s=UInt64Big', 18446744073709551615n],
  ['float', '2!Float', 1.5],
  ['string', 'nsu=http://headgate.test/plant;s=String', 'auf und zu'],
  ['time', 'ns=2;s=DateTime', 1_767_323_045_678],
  ['bytes', 'ns=2;s=ByteString', 'AQID'],
  ['text', '/Objects/2:Plant/2:LocalizedText', 'läuft'],
  ['element', 'ns=2;s=Doubles[2]', 3],
  ['literal', 'ns=2;s=Element[1]', 77],
  ['path-element', '/Objects/2:Plant/2:Doubles[0]', 1],
];

for (const mode of ['subscribe', 'poll'] as const) {
  t.test(`${mode}: every type and form of address gives its value, Good, with the time of the source`, async (t) => {
    const tags = TYPES.map(([name, address]) => tag(name, address));
    const h = await harness({ config: { endpoint, mode }, tags });
    t.teardown(() => h.driver.stop());
    const before = Date.now();
    await h.driver.start();
    await until(() => tags.every(({ name }) => h.last(name) !== undefined), { what: 'all values' });
    for (const [name, , value] of TYPES) {
      t.strictSame([h.last(name)?.value, h.last(name)?.status], [value, Status.Good], name);
      t.ok((h.last(name)?.time ?? 0) < before, `${name} keeps the time of the source`);
    }
    t.strictSame(h.driver.stats()[0]?.faultyTags, []);
    await h.driver.stop();
  });

  t.test(
    `${mode}: bad tags are named and Bad, the good ones beside them flow, and one that appears later heals`,
    async (t) => {
      const h = await harness({
        config: { endpoint, mode, faulty_tag_retry_ms: 1_000 },
        tags: [
          tag('good', 'ns=2;s=Counter0'),
          tag('unknown', 'ns=2;s=Nope'),
          tag('late', `ns=2;s=Late-${mode}`),
          tag('late-path', `/Objects/2:Plant/2:Late-${mode}`),
          tag('no-namespace', 'nsu=http://nobody.test;s=X'),
          tag('no-path', '/Objects/2:Plant/2:Nope'),
          tag('array', 'ns=2;s=Doubles'),
          tag('beyond', 'ns=2;s=Doubles[9]'),
          tag('misfit', 'ns=2;s=String', { type: 'int16' }),
        ],
      });
      t.teardown(() => h.driver.stop());
      await h.driver.start();
      await until(() => h.readings('good').length > 3 && h.last('misfit') !== undefined, { what: 'values' });
      const reason = (name: string) => h.faults.get(name)?.reason ?? '';
      t.equal(reason('unknown'), 'Bad_NodeIdUnknown ns=2;s=Nope');
      t.equal(reason('no-namespace'), 'Bad_NodeIdUnknown namespace not on this server: nsu=http://nobody.test;s=X');
      t.equal(reason('no-path'), 'Bad_NoMatch no node at /Objects/2:Plant/2:Nope');
      t.match(reason('array'), /^Bad_NotSupported array of Double: name one element/);
      t.match(reason('beyond'), /^Bad_IndexRangeNoData/);
      t.match(reason('misfit'), /^Bad_TypeMismatch String of the server does not fit int16/);
      t.equal(h.last('unknown')?.status, Status.Bad_NodeIdUnknown);
      t.equal(h.last('unknown')?.value, null);
      t.equal(h.readings('unknown').length, 1, 'told once');
      t.notOk(h.faults.has('good'));
      server.add(`Late-${mode}`);
      await until(() => h.last('late')?.value === 1 && h.last('late-path')?.value === 1, { what: 'the late tag' });
      t.strictSame([h.faults.get('late'), h.faults.get('late-path')], [null, null], 'healed');
      await h.driver.stop();
    },
  );
}

t.test('keeps the StatusCode of the server, and no value with a Bad one', async (t) => {
  const h = await harness({ config: { endpoint }, tags: [tag('q', 'ns=2;s=Quality')] });
  t.teardown(() => h.driver.stop());
  await h.driver.start();
  await until(() => new Set(h.readings('q').map(({ status }) => status)).size === 2, { what: 'both qualities' });
  const seen = h.readings('q').map(({ status, value }) => [status, value]);
  t.hasStrict(Object.fromEntries(seen.map(([status, value]) => [String(status), value])), {
    [String(Status.Good)]: 5,
    [String(Status.Bad_SensorFailure)]: null,
  });
  t.notOk(h.faults.has('q'), 'a failing sensor is no faulty tag');
  await h.driver.stop();
});

t.test('readNow and identify work before start, in the order asked', async (t) => {
  const h = await harness({ config: { endpoint }, tags: [tag('a', 'ns=2;s=Counter0')] });
  const readings = await h.driver.readNow('plc', [
    tag('x', 'ns=2;s=Nope'),
    tag('y', 'ns=2;s=Float'),
    tag('z', 'nsu=u;i=1'),
  ]);
  t.strictSame(
    readings.map(({ value, status }) => [value, status]),
    [
      [null, Status.Bad_NodeIdUnknown],
      [1.5, Status.Good],
      [null, Status.Bad_NodeIdUnknown],
    ],
  );
  t.match(await h.driver.identify('plc'), {
    vendor: 'Headgate',
    product: 'Test Server',
    version: '1.2.3',
    state: 'Running',
  });
  await h.driver.stop();
});

t.test('explainNow shows the node, what the server sent, its status and times, and what becomes of it', async (t) => {
  const h = await harness({ config: { endpoint }, tags: [tag('a', 'ns=2;s=Counter0')] });
  const explain = async (address: string, more: Partial<TagDefinition> = {}) => {
    const found = await h.driver.explainNow?.('plc', tag('x', address, more));
    const { steps, reading } = found as ReadExplanation;
    return { reading, steps: Object.fromEntries(steps.map(({ what, shows }) => [what, shows])) };
  };
  const float = await explain('ns=2;s=Float');
  t.match(float, {
    reading: { value: 1.5, status: Status.Good },
    steps: {
      address: /^ns=2;s=Float is ns=2;s=Float, namespace \S+/,
      scans: 'the server is asked to report changes, sampled every 100 ms',
      answer: /^Float 1\.5 after \d+\.\d ms$/,
      status: 'Good (0x00000000)',
      times: /^source 20\S+Z, server 20\S+Z: that of the source is taken$/,
      decoding: 'as the server has it',
    },
  });
  const element = await explain('ns=2;s=Doubles[2]', { type: 'int16' });
  t.match(element, { reading: { value: 3 }, steps: { decoding: 'as int16, element [2]' } });
  const whole = await explain('ns=2;s=Doubles');
  t.match(whole.steps, { answer: /^array of 4 Double 1,2,3,4 after/, decoding: /name one element/ });
  t.equal(whole.reading.status, Status.Bad_NotSupported);
  const absent = await explain('ns=2;s=Nope');
  t.match(absent.steps, { status: /^Bad_NodeIdUnknown \(0x80340000\)$/ });
  const path = await explain('/Objects/0:Server/0:NamespaceArray[1]');
  t.match(path.steps['address'], /is ns=0;i=2255\[1\], namespace http:\/\/opcfoundation\.org\/UA\/$/);
  const nowhere = await explain('nsu=urn:nowhere;s=x');
  t.match(nowhere.steps['address'], /namespace not on this server: nsu=urn:nowhere;s=x/);
  await h.driver.stop();
  const lost = await harness({ config: { endpoint: 'opc.tcp://127.0.0.1:1' }, tags: [] });
  const failed = await lost.driver.explainNow?.('plc', tag('x', 'i=2258'));
  t.match(failed, { steps: [{ what: 'address' }, { what: 'failure', shows: /127\.0\.0\.1:1/ }] });
  t.equal(failed?.reading.status, Status.Bad_NotConnected);
  await lost.driver.stop();
});

t.test('readNow at a server that is not there gives Bad_NotConnected, and identify throws why', async (t) => {
  const h = await harness({ config: { endpoint: 'opc.tcp://127.0.0.1:1' }, tags: [] });
  const [reading] = await h.driver.readNow('plc', [tag('x', 'i=2258')]);
  t.strictSame([reading?.value, reading?.status], [null, Status.Bad_NotConnected]);
  await t.rejects(h.driver.identify('plc'), { code: 'OPCUA_CONNECT_FAILED' });
  await h.driver.stop();
});

t.test('the connection key tells endpoints, users and security apart, and no names', (t) => {
  const base = { name: 'a', driver: 'opcua', endpoint: 'opc.tcp://h:4840' } as const;
  const key = opcua.connectionKey(base);
  t.equal(opcua.connectionKey({ ...base, name: 'b', endpoint: 'opc.tcp://h:4840/' }), key);
  t.not(opcua.connectionKey({ ...base, user: { name: 'u', password: { file: '/p' } } }), key);
  t.not(opcua.connectionKey({ ...base, security: { mode: 'Sign' } }), key);
  t.end();
});

for (const mode of ['subscribe', 'poll'] as const) {
  t.test(`${mode}: 5,000 tags in one group at a server that takes 100 a call, one batch for each report`, async (t) => {
    const big = await startServer({
      counters: 5_000,
      everyMs: 400,
      maxMonitoredItemsPerCall: 100,
      maxNodesPerRead: 100,
    });
    t.teardown(() => big.kill());
    const tags = Array.from({ length: 5_000 }, (_, index) =>
      tag(`c${index}`, `ns=2;s=Counter${index}`, { scanMs: 400 }),
    );
    const h = await harness({
      config: { endpoint: big.endpoint, mode, heartbeat_timeout_ms: 5_000, request_timeout_ms: 5_000 },
      tags,
    });
    t.teardown(() => h.driver.stop());
    await h.driver.start();
    await until(() => h.readings('c0').length >= 4 && h.readings('c4999').length >= 4, {
      what: 'four rounds',
      timeoutMs: 20_000,
    });
    await h.driver.stop();
    t.equal(h.faults.size, 0);
    t.ok(h.last('c4999')?.value !== undefined && (h.last('c4999')?.value as number) % 1 > 0.0499, 'the right value');
    const readings = h.batches.reduce((sum, { count }) => sum + count, 0);
    t.ok(readings / h.batches.length > 400, `${readings} readings in ${h.batches.length} batches`);
    if (mode === 'poll') t.ok((h.driver.stats()[0]?.requests ?? 0) > 150, 'chunked');
  });
}
