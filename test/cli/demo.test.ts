import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { until } from '../support/until.ts';
import { headgate } from './run-headgate.ts';

const LAUNCHER = join(import.meta.dirname, '../../scripts/headgate');

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat !== '' && !/\) Z /.test(stat);
}

t.test('a demo that is ended early leaves no process and no file behind', async (t) => {
  const temporary = await mkdtemp(join(tmpdir(), 'headgate-demo-test-'));
  t.teardown(() => rm(temporary, { recursive: true, force: true }));
  const demo = spawn(LAUNCHER, ['demo', '--duration', '60'], { env: { ...process.env, TMPDIR: temporary } });
  let shown = '';
  let said = '';
  demo.stdout.on('data', (text: Buffer) => {
    shown += text.toString();
  });
  demo.stderr.on('data', (text: Buffer) => {
    said += text.toString();
  });
  await until(() => / s {2}WAN up/.test(shown), { what: 'the demo runs', timeoutMs: 80_000 });
  const gateway = Number(/Gateway: process (\d+)/.exec(shown)?.[1]);
  t.ok(await isAlive(gateway));
  demo.kill('SIGTERM');
  const [code] = await once(demo, 'exit');
  t.equal(code, 1);
  t.match(said, /the demo was ended before its time/);
  t.notOk(await isAlive(gateway), 'the gateway has ended');
  t.same(await readdir(temporary), []);
});

t.test('a configuration that cannot be written is told as such', async (t) => {
  const line = join(import.meta.dirname, '../../fixtures/line');
  const result = await headgate(['simulate', line, '--any-port', '--write-config', '/dev/null/x', '--json']);
  t.equal(result.code, 1);
  t.match(result.json(), { error: { code: 'CLI_FILE_UNWRITABLE', context: { path: '/dev/null/x' } } });
});
