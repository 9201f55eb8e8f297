import { once } from 'node:events';
import { link, mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { HeadgateError } from '../../src/errors/headgate-error.ts';
import type { HeadgateEvent } from '../../src/model/event.ts';
import type { ControlApi } from '../../src/ports/control.ts';
import { connectControl, type TailLine } from '../../src/system/control-client.ts';
import { startControlServer } from '../../src/system/control-server.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { fakeApi, STATUS } from './control-api.ts';

async function socketPath(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-control-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'run', 'headgate.sock');
}

async function serve(t: Test, parts: Partial<ControlApi> = {}) {
  const path = await socketPath(t);
  const observer = recordingObserver();
  const server = await startControlServer({ socketPath: path, api: fakeApi(parts), observer });
  t.teardown(() => server.close());
  return { path, observer, server, client: connectControl(path) };
}

function event(sequence: number): HeadgateEvent {
  const type = 'headgate.test.v1';
  return {
    id: `j-${sequence}`,
    sequence,
    source: '/headgate/g/x',
    type,
    subject: 'acme/p',
    time: 0,
    recordedtime: 0,
    lane: 'bulk',
    data: { n: sequence, text: 'x'.repeat(1000) },
  };
}

t.test('carries every request and its answer', async (t) => {
  const { client } = await serve(t);
  t.same(await client.status(), STATUS);
  t.match(await client.currentValues({ device: 'plc 1&2', tag: 'ä' }), [
    { device: 'plc 1&2', tag: 'ä', current: { value: '12345678901234567890' } },
  ]);
  t.match(await client.readTags('plc-1', ['a', 'b']), [{ value: 7 }, { value: 7 }]);
  t.same(await client.journalStatus(), STATUS.journal);
  t.same(await client.journalVerify(), { ok: true });
  t.same(await client.services(), []);
  t.same(await client.serviceQuery('health', 'show', { asset: 'a' }), {
    service: 'health',
    query: 'show',
    argument: { asset: 'a' },
  });
});

t.test('is open to owner and group alone', async (t) => {
  const { path } = await serve(t);
  t.equal((await stat(path)).mode & 0o777, 0o660);
});

t.test('hands errors of the daemon on by their code, and hides what is no error of ours', async (t) => {
  const { client, observer } = await serve(t, {
    readTags: async () => {
      throw new HeadgateError('CLI_NOT_FOUND', { what: 'tag', name: 'x', hint: '', list: 'tag list' });
    },
    services: async () => {
      throw new Error('surprise');
    },
  });
  await t.rejects(client.readTags('plc-1', ['x']), { code: 'CLI_NOT_FOUND', message: 'There is no tag "x"' });
  await t.rejects(client.services(), { code: 'CONTROL_FAILED', message: /surprise/ });
  t.match(observer.emitted, [{ name: 'control-listening' }, { name: 'control-request-failed' }]);
});

t.test('says plainly that no daemon is there', async (t) => {
  const path = await socketPath(t);
  await t.rejects(connectControl(path).status(), { code: 'CONTROL_NOT_RUNNING', context: { path } });
});

t.test('replaces the socket of a dead daemon, and refuses that of a living one', async (t) => {
  const { path, server, client } = await serve(t);
  const options = { socketPath: path, api: fakeApi(), observer: recordingObserver() };
  await t.rejects(startControlServer(options), { code: 'CONTROL_SOCKET_BUSY' });
  await client.status();
  await server.close();
  // A process that was killed leaves its socket behind.
  const dead = createServer().listen(path);
  await once(dead, 'listening');
  await link(path, `${path}.kept`);
  dead.close();
  await once(dead, 'close');
  await link(`${path}.kept`, path).catch(() => undefined);
  await unlink(`${path}.kept`);
  const next = await startControlServer(options);
  t.match(await client.status(), { gateway: 'g1' });
  await next.close();
  await t.rejects(stat(path), { code: 'ENOENT' });
});

t.test('never removes what is no socket, and refuses a path that no socket can have', async (t) => {
  const path = `${await socketPath(t)}`.replace('/run/', '/');
  await writeFile(path, 'precious');
  const options = { api: fakeApi(), observer: recordingObserver() };
  await t.rejects(startControlServer({ ...options, socketPath: path }), { code: 'CONTROL_SOCKET_FAILED' });
  t.equal((await stat(path)).size, 8);
  const long = join(tmpdir(), 'x'.repeat(120));
  await t.rejects(startControlServer({ ...options, socketPath: long }), {
    code: 'CONTROL_SOCKET_FAILED',
    message: /107/,
  });
});

t.test('refuses unknown routes, bodies that are no JSON and bodies without end', async (t) => {
  const { path } = await serve(t);
  const ask = async (method: string, route: string, body: string): Promise<string> => {
    const sent = request({ socketPath: path, method, path: route, agent: false });
    sent.on('error', () => undefined);
    sent.end(body);
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return `${response.statusCode} ${JSON.parse(text).code}`;
  };
  t.equal(await ask('GET', '/v2/x', ''), '400 CONTROL_REQUEST_INVALID');
  t.equal(await ask('POST', '/v1/read', '{'), '400 CONTROL_REQUEST_INVALID');
  t.equal(await ask('POST', '/v1/read', '[]'), '400 CONTROL_REQUEST_INVALID');
  t.equal(await ask('POST', '/v1/read', '{"device":1}'), '400 CONTROL_REQUEST_INVALID');
  t.equal(await ask('POST', '/v1/read', 'x'.repeat(300_000)), '400 CONTROL_REQUEST_INVALID');
});

t.test('survives garbage on the socket', async (t) => {
  const { path, client } = await serve(t);
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.end('\x00\xff not http\r\n\r\n');
  await once(socket, 'close');
  t.match(await client.status(), { gateway: 'g1' });
});

t.test('streams events as they come, and lets go of the daemon when the reader leaves', async (t) => {
  const listeners = new Set<(event: HeadgateEvent) => void>();
  const { client } = await serve(t, {
    tailEvents: ({ type }, onEvent) => {
      t.equal(type, 'headgate.*');
      listeners.add(onEvent);
      return () => listeners.delete(onEvent);
    },
  });
  const stop = new AbortController();
  const lines: TailLine[] = [];
  const reading = (async () => {
    for await (const line of client.tailEvents({ type: 'headgate.*' }, stop.signal)) lines.push(line);
  })();
  await until(() => listeners.size === 1, { what: 'a subscription' });
  for (const listener of listeners) for (let i = 1; i <= 3; i++) listener(event(i));
  await until(() => lines.length === 3, { what: 'three events' });
  t.match(lines, [{ id: 'j-1' }, { id: 'j-2' }, { id: 'j-3', subject: 'acme/p', data: { n: 3 } }]);
  stop.abort();
  await reading;
  await until(() => listeners.size === 0, { what: 'the end of the subscription' });
});

t.test('a reader that takes nothing loses the oldest events and is told how many', async (t) => {
  let emit: (event: HeadgateEvent) => void = () => undefined;
  const { path, client, observer } = await serve(t, {
    tailEvents: (_filter, onEvent) => {
      emit = onEvent;
      return () => undefined;
    },
  });
  const socket = connect(path);
  t.teardown(() => socket.destroy());
  socket.write('GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n');
  const [head] = await once(socket, 'data');
  t.match(String(head), /200 OK/);
  socket.pause();
  for (let i = 1; i <= 5_000; i++) emit(event(i));
  t.match(await client.status(), { gateway: 'g1' }, 'others are served meanwhile');
  t.ok(observer.emitted.some(({ name }) => name === 'control-tail-dropped'));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.resume();
  await until(() => text.includes('"id":"j-5000"'), { what: 'the newest event' });
  const dropped = Number(/"dropped":(\d+)/.exec(text)?.[1]);
  t.equal(text.match(/"id":/g)?.length, 5_000 - dropped);
});

t.test('a daemon that stops ends the tail', async (t) => {
  const { client, server } = await serve(t);
  const lines: TailLine[] = [];
  const reading = (async () => {
    for await (const line of client.tailEvents({}, new AbortController().signal)) lines.push(line);
  })();
  await client.status();
  await server.close();
  await reading;
  t.same(lines, []);
});
