import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/ports/system-clock.ts';
import { createSdNotify } from '../../src/system/sd-notify.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';

/** A directory with a systemd-notify that writes its argument to `sent`. */
function withNotify(t: Test, script = 'echo "$1" >> "$SENT"') {
  const dir = t.testdir();
  const program = join(dir, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\n${script}\n`);
  chmodSync(program, 0o755);
  const sent = join(dir, 'sent');
  const environment = {
    PATH: `${dir}:/usr/bin:/bin`,
    SENT: sent,
    NOTIFY_SOCKET: '/run/none',
    WATCHDOG_USEC: '9000000',
  };
  const observer = recordingObserver();
  const notify = createSdNotify({ environment, clock: systemClock, observer });
  const lines = async () => (await readFile(sent, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  return { notify, observer, lines, environment };
}

t.test('without systemd nothing happens', async (t) => {
  const observer = recordingObserver();
  const notify = createSdNotify({ environment: {}, clock: systemClock, observer });
  notify.ready('x');
  notify.watchdog();
  notify.stopping();
  t.equal(notify.watchdogIntervalMs, null);
  t.same(observer.emitted, []);
});

t.test('messages arrive in order, a status in one line', async (t) => {
  const { notify, lines } = withNotify(t);
  notify.ready('2 devices\n"$(x)" `y`');
  notify.watchdog();
  notify.status('z'.repeat(300));
  notify.stopping();
  await until(async () => (await lines()).length === 5, { what: 'five messages' });
  t.same(await lines(), [
    'READY=1',
    'STATUS=2 devices "$(x)" `y`',
    'WATCHDOG=1',
    `STATUS=${'z'.repeat(200)}`,
    'STOPPING=1',
  ]);
});

t.test('the watchdog is fed three times in its time, if it is meant for this process', async (t) => {
  const interval = (environment: NodeJS.ProcessEnv) =>
    createSdNotify({
      environment: { NOTIFY_SOCKET: '/run/none', ...environment },
      clock: systemClock,
      observer: recordingObserver(),
    }).watchdogIntervalMs;
  t.equal(interval({ WATCHDOG_USEC: '9000000' }), 3_000);
  t.equal(interval({ WATCHDOG_USEC: '9000000', WATCHDOG_PID: String(process.pid) }), 3_000);
  t.equal(interval({ WATCHDOG_USEC: '9000000', WATCHDOG_PID: '1' }), null);
  t.equal(interval({ WATCHDOG_USEC: 'soon' }), null);
  t.equal(interval({}), null);
});

t.test('a message that systemd does not take is counted', async (t) => {
  const { notify, observer } = withNotify(t, 'exit 1');
  notify.watchdog();
  await until(() => observer.emitted.some(({ name }) => name === 'sd-notify-failed'), { what: 'the failure' });
  t.pass();
});

t.test('a systemd-notify that hangs is not waited for, and what waits is bounded', async (t) => {
  const { notify, observer } = withNotify(t, 'exec sleep 2');
  for (let i = 0; i < 10_000; i++) notify.watchdog();
  t.ok(observer.emitted.filter(({ name }) => name === 'sd-notify-dropped').length > 5_000);
});

t.test('the relay ends with the daemon, also when that is killed', async (t) => {
  const { environment } = withNotify(t);
  const source = new URL('../../src/system/sd-notify.ts', import.meta.url).href;
  const program = `
    const { createSdNotify } = await import(${JSON.stringify(source)});
    const clock = { monotonic: () => performance.now() };
    createSdNotify({ environment: process.env, clock, observer: { emit() {} } }).ready('x');
    setTimeout(() => console.log('running'), 100);
    setInterval(() => {}, 1000);`;
  const daemon = spawn(process.execPath, ['--input-type=module', '-e', program], { env: environment });
  t.teardown(() => daemon.kill('SIGKILL'));
  await new Promise((resolve) => daemon.stdout.once('data', resolve));
  const relay = execFileSync('ps', ['-o', 'pid=', '--ppid', String(daemon.pid)], { encoding: 'utf8' }).trim();
  t.match(relay, /^\d+$/);
  daemon.kill('SIGKILL');
  const isAlive = () => {
    try {
      return process.kill(Number(relay), 0);
    } catch {
      return false;
    }
  };
  await until(() => !isAlive(), { what: 'the relay to end' });
  t.pass();
});
