import t from 'tap';
import { until } from '../support/until.ts';
import { client, inbox, outcome, report, running, tagList } from './support.ts';

t.test('a client message is committed, then acknowledged, then routed on its own topic', async (t) => {
  const { journal, url } = await running(t);
  const subscriber = await client(t, url);
  const received = inbox(subscriber);
  await subscriber.subscribeAsync('test/#', { qos: 1 });
  const publisher = await client(t, url);
  let open: () => void = () => {};
  journal.gate = new Promise((resolve) => {
    open = resolve;
  });
  let isAcknowledged = false;
  const publishing = publisher.publishAsync('test/topic', 'hello', { qos: 1 }).then(() => {
    isAcknowledged = true;
  });
  await publisher.publishAsync('test/other', 'zero', { qos: 0 });
  await until(() => journal.asked === 2, { what: 'both messages at the journal' });
  // What the broker had sent before these answers would have arrived with them.
  for (const topic of ['test/nothing', 'test/nothing-else']) await subscriber.subscribeAsync(topic);
  t.equal(isAcknowledged, false, 'no acknowledgement before the commit');
  t.same(received, [], 'nothing shown before the commit');
  open();
  await publishing;
  await until(() => received.length === 2, { what: 'both messages' });
  t.match(received, [{ topic: 'test/other' }, { topic: 'test/topic', payload: 'hello', qos: 1, retain: false }]);
  t.match(journal.events[0], {
    type: 'headgate.message.v1',
    source: '/headgate/gw/broker',
    subject: 'acme/plant/gateway',
    data: { topic: 'test/topic', payload: 'hello', qos: 1, retain: false },
  });
});

t.test('a message arrives at the lower of both QoS, also through a wildcard', async (t) => {
  const { url } = await running(t);
  const expected: [0 | 1 | 2, number[]][] = [
    [0, [0, 0, 0]],
    [1, [0, 1, 1]],
    [2, [0, 1, 2]],
  ];
  for (const [qos, arriving] of expected) {
    const subscriber = await client(t, url);
    const received = inbox(subscriber);
    await subscriber.subscribeAsync(`q${qos}/+`, { qos });
    for (const sent of [0, 1, 2] as const) await subscriber.publishAsync(`q${qos}/x`, `${sent}`, { qos: sent });
    await until(() => received.length === 3, { what: 'three messages' });
    t.same(
      received.sort((a, b) => a.payload.localeCompare(b.payload)).map((message) => message.qos),
      arriving,
    );
  }
});

t.test('bytes that are no text are recorded as base64 and routed unchanged', async (t) => {
  const { journal, url } = await running(t);
  const peer = await client(t, url);
  let got: Buffer = Buffer.alloc(0);
  peer.on('message', (_topic, payload) => {
    got = payload;
  });
  await peer.subscribeAsync('raw');
  await peer.publishAsync('raw', Buffer.from([0xff, 0x00, 0xfe]), { qos: 1 });
  await until(() => got.length > 0, { what: 'the message' });
  t.same([...got], [0xff, 0, 0xfe]);
  t.match(journal.events[0]?.data, { payload: '/wD+', encoding: 'base64' });
});

t.test('an event of a client becomes that event, once, however often it is repeated', async (t) => {
  const { journal, url, broker } = await running(t);
  const delivered: string[] = [];
  broker.bus.subscribe({
    filters: ['evt/v1/+/line/#'],
    deliver: (events) => {
      for (const event of events) delivered.push(event.id);
    },
  });
  const subscriber = await client(t, url);
  const received = inbox(subscriber);
  await subscriber.subscribeAsync('evt/v1/#', { qos: 1 });
  const event = {
    specversion: '1.0',
    id: 'b-17',
    source: '/mes',
    type: 'batch-started.v1',
    time: '2026-01-31T13:45:00.250Z',
    data: { batch: 17 },
  };
  const publisher = await client(t, url);
  for (let i = 0; i < 3; i++) {
    await publisher.publishAsync('evt/v1/acme/line/batch-started_v1', JSON.stringify(event), { qos: 1 });
  }
  await until(() => received.length === 1, { what: 'the event' });
  t.equal(journal.events.length, 1);
  t.match(journal.events[0], {
    id: 'test-1',
    source: '/mes',
    type: 'batch-started.v1',
    subject: 'acme/line',
    time: Date.parse(event.time),
    data: { batch: 17 },
    correlationid: 'b-17',
    causationid: 'b-17',
    lane: 'normal',
  });
  t.same(delivered, ['test-1']);
  const shown = JSON.parse(received[0]?.payload ?? '{}');
  t.match(shown, { id: 'test-1', correlationid: 'b-17', datacontenttype: 'application/json', data: { batch: 17 } });
});

t.test('what is refused is never acknowledged, unless the configuration says so', async (t) => {
  const open = { publish: ['#'], subscribe: ['#'] };
  const strict = await running(t, { anonymous: open });
  const refused = await client(t, strict.url);
  t.equal(await outcome(refused, 'evt/v1/acme/batch_v1'), 'closed');
  t.match(strict.observer.emitted.find(({ name }) => name === 'broker-publish-refused')?.fields, {
    client: refused.options.clientId,
    reason: /not JSON/,
  });
  const lenient = await running(t, { anonymous: open, on_refused: 'drop' });
  const dropped = await client(t, lenient.url);
  await dropped.publishAsync('evt/v1/acme/batch_v1', 'no json', { qos: 1 });
  await dropped.publishAsync('uns/v1/acme/x', '1', { qos: 1 });
  await dropped.publishAsync('cmd/v1/acme/x', '1', { qos: 2 });
  t.equal(dropped.connected, true);
  t.equal(lenient.observer.emitted.filter(({ name }) => name === 'broker-publish-refused').length, 3);
  t.same(strict.journal.events, []);
  t.same(lenient.journal.events, []);
});

t.test('a refused QoS 0 publish is dropped and the client stays', async (t) => {
  const { url, journal, observer } = await running(t, { anonymous: { publish: ['a/#'], subscribe: ['#'] } });
  const peer = await client(t, url);
  const received = inbox(peer);
  await peer.subscribeAsync('#');
  await peer.publishAsync('b/c', 'no', { qos: 0 });
  await peer.publishAsync('a/c', 'yes', { qos: 1 });
  await until(() => received.length === 2, { what: 'the allowed message and its event' });
  t.same(received.map(({ topic }) => topic).sort(), ['a/c', 'evt/v1/acme/plant/gateway/headgate_message_v1']);
  t.equal(journal.events.length, 1);
  t.equal(observer.emitted.filter(({ name }) => name === 'broker-publish-refused').length, 1);
});

t.test('a publish that the journal cannot take is not acknowledged', async (t) => {
  const { url, journal } = await running(t);
  journal.failure = new Error('disk full');
  const peer = await client(t, url);
  t.equal(await outcome(peer, 'a'), 'closed');
});

t.test('a will is committed and routed like any publish; a clean stop publishes none', async (t) => {
  const { url, journal, broker } = await running(t);
  const watcher = await client(t, url);
  const received = inbox(watcher);
  await watcher.subscribeAsync('wills/#');
  const will = { topic: 'wills/a', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  const dying = await client(t, url, { will });
  dying.stream.destroy();
  await until(() => received.length === 1, { what: 'the will' });
  t.equal(journal.ofType('headgate.message.v1').length, 1);
  await client(t, url, { will });
  await broker.close();
  t.equal(journal.ofType('headgate.message.v1').length, 1);
});

t.test('users', async (t) => {
  const hash =
    '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA==$' +
    (await import('node:crypto')).scryptSync('hashed', 'saltsaltsaltsalt', 32, { N: 1024 }).toString('base64');
  const { url, observer } = await running(t, {
    users: {
      mes: { password: { file: '/secret' }, publish: ['mes/#'], subscribe: ['uns/v1/#'] },
      hmi: { password: hash, publish: [], subscribe: ['#'] },
    },
  });
  await t.rejects(client(t, url), /Not authorized/, 'anonymous');
  await t.rejects(client(t, url, { username: 'mes', password: 'wrong' }), /Bad username or password/);
  await t.rejects(client(t, url, { username: 'nobody', password: 'geheim' }), /Bad username or password/);
  await t.rejects(client(t, url, { username: 'hmi', password: 'geheim' }), /Bad username or password/);
  await t.rejects(client(t, url, { username: '__proto__', password: 'geheim' }), /Bad username or password/);
  const hmi = await client(t, url, { username: 'hmi', password: 'hashed', clientId: 'panel' });
  await client(t, url, { username: 'hmi', password: 'hashed' });
  const mes = await client(t, url, { username: 'mes', password: 'geheim' });
  t.equal(observer.emitted.filter(({ name }) => name === 'broker-sign-in-refused').length, 5);
  t.match(await mes.subscribeAsync('uns/v1/+/x'), [{ qos: 0 }]);
  await t.rejects(mes.subscribeAsync('#'), /Unspecified error/);
  await t.rejects(mes.subscribeAsync('$SYS/#'), /Unspecified error/);
  await t.rejects(hmi.subscribeAsync('$SYS/#'), /Unspecified error/);
  await t.rejects(client(t, url, { username: 'mes', password: 'geheim', clientId: 'panel' }), /Identifier rejected/);
  t.equal(hmi.connected, true, 'another user cannot take a client id over');
  await t.rejects(
    client(t, url, {
      username: 'mes',
      password: 'geheim',
      will: { topic: 'x', payload: Buffer.from('1'), qos: 0, retain: false },
    }),
    /Not authorized/,
    'a will that it might not publish',
  );
});

t.test('telemetry: one report topic, and a retained topic per tag', async (t) => {
  const { url, journal, broker } = await running(t);
  const list = tagList(['temperature', 'running', 'name'], { types: ['float64', 'bool', 'string'] });
  await journal.append([report(list, [71.5, 1, 'a'])]);
  const peer = await client(t, url);
  const received = inbox(peer);
  await peer.subscribeAsync(['uns/v1/acme/line/press/temperature', 'uns/v1/+/line/+/_telemetry_v1/#'], { qos: 1 });
  await until(() => received.length === 1, { what: 'the retained value' });
  t.same(received.splice(0), [
    {
      topic: 'uns/v1/acme/line/press/temperature',
      payload: '{"timestamp_ms":1000,"value":71.5,"quality":0}',
      qos: 0,
      retain: true,
    },
  ]);
  await journal.append([report(list, [71.5, 0, 'b'], { timeBase: 2000 })]);
  await journal.append([report(list, Float64Array.of(72), { timeBase: 3000, statuses: 0x80000000 })]);
  await until(() => received.length === 3, { what: 'two reports and one change' });
  t.same(received.map(({ topic }) => topic.split('/').at(-1)).sort(), ['press_1000ms', 'press_1000ms', 'temperature']);
  t.same(JSON.parse(received.find(({ topic }) => topic.endsWith('temperature'))?.payload ?? ''), {
    timestamp_ms: 3000,
    value: 72,
    quality: 0x80000000,
  });
  t.match(JSON.parse(received.find(({ topic }) => topic.includes('_telemetry'))?.payload ?? ''), {
    type: 'headgate.telemetry.v1',
    data: {
      samples: [
        { n: 'temperature', v: 71.5, q: 0, t: 2000 },
        { n: 'running', v: false },
        { n: 'name', v: 'b' },
      ],
    },
  });
  t.match(broker.current.get('acme/line/press', 'running'), { value: false, status: 0, time: 2000 });
  t.equal(broker.current.get('acme/line/press', 'nothing'), null);
  t.equal([...broker.current.list()].length, 3);
});

t.test('without a listener the bus works in process', async (t) => {
  const { broker, journal } = await running(t, { enabled: false });
  t.equal(broker.address, null);
  const seen: number[][] = [];
  const unsubscribe = broker.bus.subscribe({
    filters: ['evt/v1/#', 'uns/v1/+/line/#'],
    deliver: (events) => seen.push(events.map(({ sequence }) => sequence)),
  });
  broker.bus.subscribe({
    filters: ['#'],
    deliver: () => {
      throw new Error('no');
    },
  });
  const list = tagList(['a']);
  await journal.append([report(list, [1]), report(list, [2]), report(tagList(['a'], { asset: 'other' }), [2])]);
  unsubscribe();
  await journal.append([report(list, [3])]);
  t.same(seen, [[1, 2]]);
  t.equal(broker.current.get('acme/line/press', 'a')?.value, 3);
});
