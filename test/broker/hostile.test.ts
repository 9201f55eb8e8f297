import type { Socket } from 'node:net';
import t from 'tap';
import { livedMs } from '../support/lived-time.ts';
import { until } from '../support/until.ts';
import {
  client,
  connectPacket,
  EVERYTHING,
  inbox,
  rawSocket,
  report,
  running,
  subscribePacket,
  tagList,
} from './support.ts';

/** The header of a PUBLISH at QoS 0 that says how many bytes follow. */
function publishHeader(length: number): Buffer {
  const bytes = [0x30];
  for (let rest = length; ; ) {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
    if (rest === 0) return Buffer.from(bytes);
  }
}

async function closed(socket: Socket): Promise<void> {
  socket.resume();
  await until(() => socket.closed, { what: 'the connection to end' });
}

/** Push bytes until the other side ends the connection or all are sent. */
async function flood(socket: Socket, total: number): Promise<number> {
  const chunk = Buffer.alloc(65_536, 0x41);
  let sent = 0;
  while (sent < total && !socket.destroyed) {
    sent += chunk.length;
    if (!socket.write(chunk)) {
      await new Promise<void>((resolve) => {
        const done = () => {
          socket.off('drain', done);
          socket.off('close', done);
          resolve();
        };
        socket.on('drain', done);
        socket.on('close', done);
      });
    }
  }
  return sent;
}

t.test('sockets that send 200 MB before a CONNECT are ended at once, and memory stays', async (t) => {
  const { port, observer } = await running(t);
  const before = process.memoryUsage.rss();
  const prefixes = [
    Buffer.alloc(0),
    publishHeader(200_000_000),
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]),
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]),
  ];
  await Promise.all(
    prefixes.map(async (prefix) => {
      const socket = await rawSocket(t, port);
      socket.write(prefix);
      t.ok((await flood(socket, 200_000_000)) < 20_000_000);
      await closed(socket);
    }),
  );
  t.ok(process.memoryUsage.rss() - before < 60_000_000);
  t.same(
    observer.emitted
      .filter(({ name }) => name === 'broker-connection-refused')
      .map(({ fields }) => fields['reason'])
      .sort(),
    ['connect-too-large', 'malformed', 'not-connect', 'not-connect'],
  );
});

t.test('a signed-in client is ended for a packet that is too large, by its header alone', async (t) => {
  const { port, url } = await running(t, { anonymous: EVERYTHING, max_packet_bytes: 2_000 });
  const socket = await rawSocket(t, port);
  socket.write(connectPacket('big'));
  socket.write(publishHeader(2_001));
  await closed(socket);
  const peer = await client(t, url);
  await peer.publishAsync('a', Buffer.alloc(1_990), { qos: 1 });
  t.equal(peer.connected, true);
});

t.test('a lying remaining length harms only the liar', async (t) => {
  const { port, url, journal } = await running(t);
  const liar = await rawSocket(t, port);
  liar.write(connectPacket('liar'));
  // Says 5 bytes, whose topic says it is 65,535 long.
  liar.write(Buffer.from([0x30, 5, 0xff, 0xff, 97, 98, 99]));
  await closed(liar);
  const short = await rawSocket(t, port);
  short.write(connectPacket('short'));
  // Says 100 bytes and then is silent.
  short.write(Buffer.concat([publishHeader(100), Buffer.from([0, 1, 97])]));
  const peer = await client(t, url);
  await peer.publishAsync('a', 'x', { qos: 1 });
  t.equal(journal.events.length, 1);
});

t.test('a slow CONNECT runs into the time-out, however often a byte comes', async (t) => {
  const { port, broker } = await running(t, { anonymous: EVERYTHING, connect_timeout_ms: 300 });
  const socket = await rawSocket(t, port);
  const bytes = connectPacket('slow');
  let at = 0;
  const timer = setInterval(() => at < bytes.length - 1 && socket.write(bytes.subarray(at, ++at)), 20);
  t.teardown(() => clearInterval(timer));
  await closed(socket);
  await until(() => broker.stats().pending === 0, { what: 'no connection pending' });
  t.pass('as said');
});

t.test('1,000 silent connections keep nobody out, nor do more clients than max_clients', async (t) => {
  const { port, url, broker } = await running(t, { anonymous: EVERYTHING, max_clients: 3 });
  const silent: Socket[] = [];
  for (let i = 0; i < 1_000; i++) silent.push(await rawSocket(t, port));
  t.ok(broker.stats().pending <= 64);
  const clients = [await client(t, url), await client(t, url, { clientId: 'third' })];
  clients.push(await client(t, url));
  await t.rejects(client(t, url), /Server unavailable/);
  const again = await client(t, url, { clientId: 'third' });
  t.equal(again.connected, true, 'a client that connects again takes its own place');
  t.equal(broker.stats().clients, 3);
  for (const socket of silent) socket.destroy();
});

t.test('a subscriber that reads nothing delays no other, and is dropped', async (t) => {
  const config = { anonymous: EVERYTHING, max_buffer_bytes: 131_072, drain_timeout_ms: 1_000 };
  const { port, url, journal, broker, observer } = await running(t, config);
  const frozen = await rawSocket(t, port);
  frozen.write(connectPacket('frozen'));
  frozen.write(subscribePacket('#'));
  await until(() => broker.stats().subscriptions === 1, { what: 'the subscription' });
  frozen.pause();
  const reader = await client(t, url);
  const received = inbox(reader);
  await reader.subscribeAsync('#', { qos: 1 });
  const list = tagList(Array.from({ length: 1_000 }, (_, i) => `tag_${i}`));
  let slowest = 0;
  for (let i = 0; i < 200; i++) {
    const start = livedMs();
    const expected = received.length + 1_001;
    await journal.append([report(list, new Float64Array(1_000).fill(i), { timeBase: i })]);
    await until(() => received.length >= expected, { what: `report ${i}`, everyMs: 1 });
    slowest = Math.max(slowest, livedMs() - start);
  }
  t.ok(slowest < 800, `slowest ${slowest} ms`);
  await until(() => broker.stats().clients === 1, { what: 'the frozen client to be disconnected' });
  const named = (name: string) => observer.emitted.filter((e) => e.name === name).map(({ fields }) => fields['client']);
  t.same(named('broker-client-frozen'), ['frozen']);
  t.same([...new Set(named('broker-client-slow'))], ['frozen']);
});

t.test('a slow reader misses values in between and gets the last one of every tag', async (t) => {
  const { port, journal, broker } = await running(t, { anonymous: EVERYTHING, max_buffer_bytes: 65_536 });
  const slow = await rawSocket(t, port);
  slow.write(connectPacket('slow'));
  slow.write(subscribePacket('uns/v1/acme/line/press/+'));
  slow.pause();
  await until(() => broker.stats().subscriptions >= 1, { what: 'the subscription' });
  const list = tagList(Array.from({ length: 1_000 }, (_, i) => `tag_${i}`));
  for (let i = 0; i < 300; i++) await journal.append([report(list, new Float64Array(1_000).fill(i), { timeBase: i })]);
  let text = '';
  slow.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  slow.resume();
  const last = /tag_(\d+)\{"timestamp_ms":299,"value":299,/g;
  await until(() => new Set([...text.matchAll(last)].map(([, tag]) => tag)).size === 1_000, {
    what: 'all last values',
  });
  t.ok(text.split('"value":').length < 250_000, 'and not every value');
});

t.test('what is retained waits for a slow reader instead of being dropped', async (t) => {
  const { url, journal } = await running(t, { anonymous: EVERYTHING, max_buffer_bytes: 65_536 });
  const list = tagList(Array.from({ length: 5_000 }, (_, i) => `tag_${i}`));
  await journal.append([report(list, new Float64Array(5_000).fill(1))]);
  const reader = await client(t, url);
  const received = inbox(reader);
  await reader.subscribeAsync('uns/v1/#');
  await until(() => received.length === 5_000, { what: 'every retained value' });
  t.ok(received.every(({ retain }) => retain));
});

t.test('a flood of subscriptions ends at max_subscriptions', async (t) => {
  const { url, broker } = await running(t, { anonymous: EVERYTHING, max_subscriptions: 100 });
  const peer = await client(t, url);
  await peer.subscribeAsync(Array.from({ length: 100 }, (_, i) => `a/${i}`));
  await t.rejects(peer.subscribeAsync('a/100'));
  await peer.unsubscribeAsync('a/1');
  await peer.subscribeAsync('a/100');
  t.equal(broker.stats().subscriptions, 100);
  await t.rejects(peer.subscribeAsync(`deep${'/x'.repeat(90)}`));
});

t.test("illegal topics: invalid UTF-8, wildcards, NUL, the broker's own", async (t) => {
  const { port, journal, broker } = await running(t);
  const topics = [
    Buffer.from([0xff, 0xfe]),
    Buffer.from('a/#'),
    Buffer.from('a/+'),
    Buffer.from('a\0b'),
    Buffer.from('$SYS/x'),
    Buffer.alloc(0),
    Buffer.from('a/'.repeat(200)),
  ];
  for (const topic of topics) {
    const socket = await rawSocket(t, port);
    socket.write(connectPacket('x'));
    const length = Buffer.from([topic.length >> 8, topic.length & 0xff]);
    const body = Buffer.concat([length, topic, Buffer.from([0, 1, 120])]);
    socket.write(Buffer.concat([publishHeader(body.length).fill(0x32, 0, 1), body]));
    await closed(socket);
  }
  await until(() => broker.stats().clients === 0, { what: 'no client left' });
  t.same(journal.events, []);
});
