import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { verifyJournal } from '../../src/journal/inspect.ts';
import { openEngine, record, scratch } from './support.ts';

const NOW = 1_700_000_000_000;
const CONFIG = { segment_mb: 0.5, quota_mb: 64 };

/** Seconds of 1,000 events each into a journal in use, and what a copy of its `*.db` alone has of it. */
async function copyWithoutWal(t: Test, directory: string, seconds: number) {
  const { store } = openEngine(directory, CONFIG, NOW);
  store.openCursor('sink', 'beginning', NOW);
  for (let second = 1; second <= seconds; second++) {
    const records = Array.from({ length: 1000 }, (_, n) => record(n, 'bulk'));
    store.commit([{ records, recorded: NOW }], NOW + second * 1000);
    store.tick(NOW + second * 1000);
  }
  const given = store.lastSequence;
  const copy = scratch(t);
  cpSync(directory, copy, { recursive: true });
  store.close(NOW);
  for (const name of readdirSync(copy, { recursive: true }).map(String))
    if (name.endsWith('-wal')) rmSync(join(copy, name));
  return { copy, given };
}

for (const seconds of [1, 3, 12, 40]) {
  for (const isClosedBefore of [false, true]) {
    t.test(
      `a copy without any -wal, ${seconds} s after ${isClosedBefore ? 'a clean stop' : 'the first start'}: no number is given out again`,
      async (t) => {
        const directory = scratch(t);
        if (isClosedBefore) {
          const { store } = openEngine(directory, CONFIG, NOW);
          store.commit([{ records: [record(1, 'critical'), record(2, 'normal')], recorded: NOW }], NOW);
          store.close(NOW);
        }
        const { copy, given } = await copyWithoutWal(t, directory, seconds);
        const { problems, holds } = await verifyJournal(copy);
        t.notOk(holds, 'and the command line says so before');
        t.ok(problems.length > 0);
        const { store, notices } = openEngine(copy, CONFIG, NOW + 100_000);
        const [outcome] = store.commit([{ records: [record(9, 'bulk')], recorded: NOW }], NOW + 100_000);
        t.ok(outcome !== undefined && 'first' in outcome && outcome.first > given, `above ${given}`);
        t.match(
          notices.find(({ kind }) => kind === 'gap'),
          { gap: { reason: /damage/ } },
        );
        store.close(NOW + 100_000);
        t.equal((await verifyJournal(copy)).holds, true);
      },
    );
  }
}
