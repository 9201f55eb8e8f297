import { execFileSync } from 'node:child_process';
import { appendFile, readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import mqtt from 'mqtt';
import t from 'tap';
import { until } from '../support/until.ts';
import { client, connectPacket, EVERYTHING, inbox, outcome, rawSocket, running } from './support.ts';

const CONNACK = 0x20;

/** PUBLISH at QoS 2 to `a` with message id 7. */
const publishQos2 = (isRepeat: boolean) => Buffer.from([isRepeat ? 0x3c : 0x34, 6, 0, 1, 97, 0, 7, 120]);
const pubrel = Buffer.from([0x62, 2, 0, 7]);

/** The packet types that come back, in order. */
function replies(socket: Socket): number[] {
  const types: number[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + (rest[1] ?? 0)) {
      types.push(rest[0] ?? 0);
      rest = rest.subarray(2 + (rest[1] ?? 0));
    }
  });
  return types;
}

t.test('a QoS 2 publish gives one event, repeated in one chunk, later, or after a reconnect', async (t) => {
  const { port, journal } = await running(t);
  const first = await rawSocket(t, port);
  const got = replies(first);
  first.write(Buffer.concat([connectPacket('twice', 0), publishQos2(false), publishQos2(true)]));
  await until(() => got.filter((type) => type === 0x50).length === 2, { what: 'two PUBREC' });
  first.write(publishQos2(true));
  await until(() => got.filter((type) => type === 0x50).length === 3, { what: 'a third PUBREC' });
  t.equal(journal.events.length, 1);
  first.destroy();
  const second = await rawSocket(t, port);
  const more = replies(second);
  second.write(Buffer.concat([connectPacket('twice', 0), publishQos2(true)]));
  await until(() => more.includes(0x50), { what: 'PUBREC after the reconnect' });
  t.equal(journal.events.length, 1, 'the session knows the message');
  second.write(pubrel);
  await until(() => more.includes(0x70), { what: 'PUBCOMP' });
  second.write(publishQos2(false));
  await until(() => more.filter((type) => type === 0x50).length === 2, { what: 'PUBREC of another message' });
  t.equal(journal.events.length, 2, 'a released message id names another message');
});

t.test('a session that is kept gets what it missed, within its bound', async (t) => {
  const { url, observer } = await running(t, { anonymous: EVERYTHING, max_queued: 3 });
  const options = { clientId: 'kept', clean: false };
  const early = await client(t, url, options);
  await early.subscribeAsync('line/#', { qos: 1 });
  await early.subscribeAsync('quiet/#', { qos: 0 });
  await early.endAsync();
  const publisher = await client(t, url);
  for (let i = 0; i < 5; i++) await publisher.publishAsync(`line/${i}`, 'x', { qos: 1 });
  await publisher.publishAsync('quiet/1', 'x', { qos: 1 });
  const received: string[] = [];
  const late = mqtt.connect(url, { ...options, reconnectPeriod: 0 });
  t.teardown(() => late.endAsync(true));
  late.on('message', (topic) => received.push(topic));
  await until(() => received.length >= 3, { what: 'what waited' });
  t.same(received, ['line/2', 'line/3', 'line/4']);
  t.equal(observer.emitted.filter(({ name }) => name === 'broker-session-overflow').length, 2);
});

t.test('a session does not outlive a clean connect, and refused subscriptions are not kept in it', async (t) => {
  const { url, broker } = await running(t, { anonymous: { publish: ['#'], subscribe: ['a/#'] } });
  const kept = await client(t, url, { clientId: 'kept', clean: false });
  await t.rejects(kept.subscribeAsync('b/#', { qos: 1 }));
  await kept.subscribeAsync('a/#', { qos: 1 });
  await kept.endAsync();
  t.equal(broker.stats().sessions, 1);
  await client(t, url, { clientId: 'kept', clean: true });
  t.equal(broker.stats().sessions, 0);
});

t.test('more sessions than clients may connect: the oldest absent one goes', async (t) => {
  const { url, broker, observer } = await running(t, { anonymous: EVERYTHING, max_clients: 2 });
  for (let i = 0; i < 4; i++) {
    const peer = await client(t, url, { clientId: `s${i}`, clean: false });
    await peer.subscribeAsync('a', { qos: 1 });
    await peer.endAsync();
  }
  t.equal(broker.stats().sessions, 2);
  t.same(
    observer.emitted.filter(({ name }) => name === 'broker-session-evicted').map(({ fields }) => fields['client']),
    ['s0', 's1'],
  );
});

t.test('an empty client id is given one with a clean session, and refused with a kept one', async (t) => {
  const { port, broker } = await running(t);
  const refused = await rawSocket(t, port);
  const answer: Buffer[] = [];
  refused.on('data', (chunk: Buffer) => answer.push(chunk));
  refused.write(connectPacket('', 0));
  await until(() => refused.closed, { what: 'the connection to end' });
  t.same([...Buffer.concat(answer)], [CONNACK, 2, 0, 2]);
  const accepted = await rawSocket(t, port);
  const types = replies(accepted);
  accepted.write(connectPacket(''));
  await until(() => types.includes(CONNACK), { what: 'CONNACK' });
  t.equal(broker.stats().clients, 1);
});

t.test('retained messages of clients outlive the broker', async (t) => {
  const dataDir = t.testdir();
  const one = await running(t, undefined, { dataDir });
  const publisher = await client(t, one.url);
  await publisher.publishAsync('keep/a', 'first', { qos: 1, retain: true });
  await publisher.publishAsync('keep/a', 'second', { qos: 1, retain: true });
  await publisher.publishAsync('keep/b', 'gone', { qos: 0, retain: true });
  await publisher.publishAsync('keep/b', '', { qos: 1, retain: true });
  await publisher.publishAsync('keep/c', Buffer.from([0, 255]), { qos: 2, retain: true });
  await one.broker.close();
  const file = join(dataDir, 'broker', 'retained.jsonl');
  t.equal((await readFile(file, 'utf8')).trim().split('\n').length, 5, 'a line per change');
  await appendFile(file, '{"topic":"keep/d","payl');
  const two = await running(t, undefined, { dataDir });
  t.equal(two.broker.stats().retained, 2);
  t.equal(two.observer.emitted.filter(({ name }) => name === 'broker-retained-torn').length, 1);
  const reader = await client(t, two.url);
  const received = inbox(reader);
  await reader.subscribeAsync('keep/#', { qos: 1 });
  await until(() => received.length === 2, { what: 'both' });
  t.match(received[0], { topic: 'keep/a', payload: 'second', qos: 1, retain: true });
});

t.test('retained messages are bounded in number and bytes', async (t) => {
  const { url, broker, observer } = await running(t, {
    anonymous: EVERYTHING,
    max_retained: 2,
    max_retained_bytes: 100,
  });
  const peer = await client(t, url);
  for (const topic of ['a', 'b', 'c']) await peer.publishAsync(topic, 'x', { qos: 1, retain: true });
  t.equal(broker.stats().retained, 2);
  await peer.publishAsync('a', 'x'.repeat(200), { qos: 1, retain: true });
  t.equal(broker.stats().retained, 1, 'no stale value is kept where the new one does not fit');
  t.equal(observer.emitted.filter(({ name }) => name === 'broker-retained-full').length, 2);
});

t.test('TLS with client certificates', async (t) => {
  const dir = t.testdir();
  const file = (name: string) => join(dir, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl('req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.pem'), '-subj', '/CN=ca', '-days', '2');
  for (const name of ['server', 'client']) {
    openssl('req', ...key, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`);
    const issue = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2'];
    openssl('x509', '-req', '-in', file(`${name}.csr`), ...issue, '-out', file(`${name}.pem`));
  }
  const { port, broker } = await running(t, {
    anonymous: EVERYTHING,
    listen: { tls: { cert_file: file('server.pem'), key_file: file('server.key'), client_ca_file: file('ca.pem') } },
  });
  const url = `mqtts://127.0.0.1:${port}`;
  const ca = await readFile(file('ca.pem'));
  const trust = { ca, checkServerIdentity: () => undefined };
  await t.rejects(client(t, url, trust), 'no client certificate');
  const mine = { cert: await readFile(file('client.pem')), key: await readFile(file('client.key')) };
  const peer = await client(t, url, { ...trust, ...mine });
  const received = inbox(peer);
  await peer.subscribeAsync('a');
  t.equal(await outcome(peer, 'a'), 'acknowledged');
  await until(() => received.length === 1, { what: 'the message' });
  t.equal(broker.stats().pending, 0, 'a signed-in TLS connection is no longer pending');
});
