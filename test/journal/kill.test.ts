import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { verifyJournal } from '../../src/journal/inspect.ts';
import { decodeEvent } from '../../src/model/event-codec.ts';
import { readAll } from '../conformance/journal.ts';
import { open, scratch } from './support.ts';

const ROUNDS = Number(process.env['KILL_ROUNDS'] ?? 4);
const CHILD = fileURLToPath(new URL('./kill-child.ts', import.meta.url));

/** Run the child until it has acknowledged some events, kill it in the middle, and return all that it acknowledged. */
async function runAndKill(directory: string, first: number, after: number): Promise<[sequence: number, n: number][]> {
  const child = spawn(process.execPath, [CHILD, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  let lines = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
    lines += chunk.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
    if (lines >= after) child.kill('SIGKILL');
  });
  await new Promise((resolve) => child.on('close', resolve));
  const whole = text.slice(0, text.lastIndexOf('\n'));
  return whole.split('\n').map((line) => line.split(' ').map(Number) as [number, number]);
}

t.test('kill -9 at any moment loses no acknowledged event, and no sequence is used twice', async (t) => {
  const directory = scratch(t);
  const acknowledged = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await runAndKill(directory, round * 1_000_000, 300 + Math.floor(Math.random() * 3000));
    for (const [sequence, n] of lines) {
      if (acknowledged.has(sequence)) t.fail(`sequence ${sequence} was given out twice`);
      acknowledged.set(sequence, n);
    }
    const verified = await verifyJournal(directory);
    t.strictSame(verified.problems, [], 'verifies as the crash left it');
    const journal = await open(t, directory, { quota_mb: 1000 });
    const stored = await readAll(journal, undefined, 5000);
    const found = new Map(
      stored.map((event) => [event.sequence, decodeEvent(event, journal.journalId).time - 1_700_000_000_000]),
    );
    const lost = [...acknowledged].filter(([sequence, n]) => found.get(sequence) !== n);
    t.strictSame(lost, [], `round ${round}: ${acknowledged.size} acknowledged, ${found.size} stored`);
    t.ok(
      stored.every(({ sequence }, i) => sequence > (stored[i - 1]?.sequence ?? 0)),
      'in order',
    );
    const { gaps } = await journal.status();
    t.strictSame(
      gaps.filter(({ count }) => count > 0),
      [],
      'numbers that nobody had are no lost events',
    );
    await journal.close();
  }
});
