import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const PROCESS = fileURLToPath(new URL('./service-host-kill.process.ts', import.meta.url));

function gateway(dir: string, mode: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const child = spawn(process.execPath, [PROCESS, dir, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout === null) throw new Error('no output');
  return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
}

t.test('killed at any moment, a durable service loses no event and does nothing twice', async (t) => {
  const dir = t.testdir();
  for (let kill = 0; kill < 4; kill++) {
    const { child, lines } = gateway(dir, 'append');
    t.equal((await lines.next()).value, 'running');
    for (let appends = 10 + Math.floor(Math.random() * 60); appends > 0; appends--) await lines.next();
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  const { child, lines } = gateway(dir, 'drain');
  t.teardown(() => child.kill('SIGKILL'));
  t.equal((await lines.next()).value, 'running');
  const { numbers, sums, state } = JSON.parse((await lines.next()).value) as {
    numbers: string[];
    sums: { sum: number; causationid: string }[];
    state: number;
  };
  t.ok(numbers.length > 20, `${numbers.length} numbers`);
  t.same(
    sums.map(({ causationid }) => causationid),
    numbers,
    'each number led to one sum, in order',
  );
  t.same(
    sums.map(({ sum }) => sum),
    numbers.map((_, i) => i + 1),
    'each number was added once',
  );
  t.equal(state, numbers.length);
});
