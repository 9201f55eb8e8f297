import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { until } from '../../support/until.ts';
import { Upstream } from '../../support/upstream.ts';
import { UpstreamReader } from '../../support/upstream-reader.ts';
import { QUICK } from './rig.ts';

const PROGRAM = fileURLToPath(new URL('./gateway.process.ts', import.meta.url));

interface Answer {
  readonly accepted?: number;
  readonly ready?: boolean;
  readonly status?: {
    readonly settled: number;
    readonly waiting: number;
    readonly backlog: number;
    readonly resent: number;
  };
}

async function startGateway(directory: string, url: string): Promise<ChildProcess> {
  const child = fork(PROGRAM, [directory, url, JSON.stringify(QUICK)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(child, 'message');
  return child;
}

async function ask(child: ChildProcess, question: object): Promise<Answer> {
  child.send(question);
  const [answer]: Answer[] = await once(child, 'message');
  return answer ?? {};
}

const settledAll = async (gateway: ChildProcess) => (await ask(gateway, { status: true })).status?.waiting === 0;

t.test('kill -9 in the middle of a drain loses nothing and keeps the order', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-forwarder-'));
  const upstream = await Upstream.start();
  const proxy = await FaultProxy.start(upstream.port);
  const reader = await UpstreamReader.start(upstream.url);
  const url = `mqtt://127.0.0.1:${proxy.port}`;
  let gateway: ChildProcess | null = null;
  t.teardown(async () => {
    gateway?.kill('SIGKILL');
    await reader.stop();
    await proxy.close();
    await upstream.kill();
    await rm(directory, { recursive: true, force: true });
  });
  proxy.faults.accept = 'reset';
  gateway = await startGateway(directory, url);
  let accepted = 0;
  for (let i = 0; i < 10; i++) accepted += (await ask(gateway, { append: 200 })).accepted ?? 0;
  proxy.faults.accept = 'pass';
  proxy.faults.bytesPerSecond = 500_000;
  for (let kill = 1; kill <= 2; kill++) {
    await until(() => reader.receiver.figures().unique >= kill * 700, { what: 'the drain under way' });
    accepted += (await ask(gateway, { append: 1 })).accepted ?? 0;
    gateway.kill('SIGKILL');
    await once(gateway, 'exit');
    gateway = await startGateway(directory, url);
  }
  proxy.faults.bytesPerSecond = null;
  accepted += (await ask(gateway, { append: 1 })).accepted ?? 0;
  const running = gateway;
  await until(() => settledAll(running), { what: 'everything settled' });
  await until(() => reader.receiver.figures().unique >= accepted, { what: 'everything received' });
  const figures = reader.receiver.figures();
  t.match(figures, { unique: accepted, missing: 0, orderViolations: 0 });
  t.equal(reader.failure, null);
  running.send({ stop: true });
  await once(running, 'exit');
  gateway = await startGateway(directory, url);
  await ask(gateway, { append: 1 });
  const last = gateway;
  await until(() => settledAll(last), { what: 'settled after a clean restart' });
  await until(() => reader.receiver.figures().unique === accepted + 1, { what: 'the last one received' });
  t.equal(reader.receiver.figures().repeats, figures.repeats, 'a clean restart resends nothing');
});
