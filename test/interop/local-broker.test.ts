import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const run = promisify(execFile);

t.test('the local broker passes what mosquitto_pub and mosquitto_sub do, and refuses the wrong', async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
  const secret = join(work, 'secret');
  writeFileSync(secret, 'opens', { mode: 0o600 });
  const gateway = rig({
    gateway: {
      broker: {
        listen: { port: 0 },
        users: {
          hmi: {
            password: { file: secret },
            publish: ['test/#', 'evt/v1/test/#'],
            subscribe: ['test/#', 'evt/v1/#', 'uns/v1/#'],
          },
        },
      },
    },
  });
  const daemon = await gateway.start();
  t.teardown(async () => {
    await daemon.stop();
    gateway.remove();
    rmSync(work, { recursive: true, force: true });
  });
  const port = String((await daemon.status()).broker.address?.port);
  const login = ['-p', port, '-u', 'hmi', '-P', 'opens'];
  const listen = (...args: readonly string[]) => {
    const child = spawn('mosquitto_sub', [...login, '-F', '%t %q %r %p', ...args]);
    const lines: string[] = [];
    child.stdout.on('data', (chunk: Buffer) =>
      lines.push(
        ...chunk
          .toString()
          .split('\n')
          .filter((line) => line !== ''),
      ),
    );
    t.teardown(() => child.kill());
    return lines;
  };
  const publish = (...args: readonly string[]) => run('mosquitto_pub', [...login, ...args]);

  const heard = listen('-t', 'test/#', '-q', '1');
  await until(async () => (await daemon.status()).broker.subscriptions === 1, { what: 'the subscription' });
  for (const qos of ['0', '1', '2']) await publish('-t', 'test/topic', '-m', `qos ${qos}`, '-q', qos);
  await until(() => heard.length === 3, { what: 'three messages' });
  t.same(heard, ['test/topic 0 0 qos 0', 'test/topic 1 0 qos 1', 'test/topic 1 0 qos 2']);

  await publish('-t', 'test/kept', '-m', 'retained', '-q', '1', '-r');
  const late = listen('-t', 'test/kept', '-q', '1');
  await until(() => late.length === 1, { what: 'the retained message' });
  t.same(late, ['test/kept 1 1 retained']);

  const events = listen('-t', 'evt/v1/test/#', '-q', '1');
  await until(async () => (await daemon.status()).broker.subscriptions === 3, { what: 'the third subscription' });
  const event = {
    specversion: '1.0',
    id: 'x1',
    source: '/hmi',
    type: 'test.batch-started.v1',
    subject: 'test/line',
    data: { batch: 'B7' },
  };
  await publish('-t', 'evt/v1/test/line/test_batch-started_v1', '-q', '1', '-m', JSON.stringify(event));
  await until(() => events.length === 1, { what: 'the event' });
  t.match(JSON.parse(events[0]?.split(' ').slice(3).join(' ') ?? ''), {
    type: event.type,
    subject: 'test/line',
    data: event.data,
  });

  const failing: readonly (readonly [string, readonly string[]])[] = [
    ['a wrong password', ['-p', port, '-u', 'hmi', '-P', 'wrong', '-t', 'test/a', '-m', 'x', '-q', '1']],
    ['an unknown user', ['-p', port, '-u', 'nobody', '-P', 'opens', '-t', 'test/a', '-m', 'x', '-q', '1']],
    ['MQTT 5', ['-V', 'mqttv5', '-p', port, '-u', 'hmi', '-P', 'opens', '-t', 'test/a', '-m', 'x', '-q', '1']],
    ['no user', ['-p', port, '-t', 'test/a', '-m', 'x', '-q', '1']],
  ];
  for (const filter of ['#', 'cmd/v1/#', '$share/group/test/#']) {
    const said = await run('mosquitto_sub', [...login, '-t', filter, '-W', '3'], { timeout: 10_000 }).catch(
      (error: { stdout: string; stderr: string }) => error,
    );
    t.match(said.stdout + said.stderr, /denied/i, `${filter} is beyond what the user may read`);
  }
  const before = heard.length;
  for (const [what, args] of failing)
    await t.rejects(run('mosquitto_pub', [...args], { timeout: 5_000 }), `${what} is refused`);
  await publish('-t', 'uns/v1/test/line/forged', '-m', '{"value":1}', '-q', '0').catch(() => {});
  await publish('-t', 'test/end', '-m', 'end', '-q', '1');
  await until(() => heard.includes('test/end 1 0 end'), { what: 'the last message' });
  t.notOk(
    heard.slice(before).some((line) => line.includes('test/a')),
    'nothing of the refused is shown',
  );
});
