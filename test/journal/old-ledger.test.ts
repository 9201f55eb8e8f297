import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { plainEvent } from '../support/events.ts';
import { open, scratch } from './support.ts';

t.test('a ledger from before lanes had cursors of their own keeps the place of every consumer', async (t) => {
  const directory = scratch(t);
  const journal = await open(t, directory);
  await journal.openCursor('up', 'beginning');
  await journal.append([
    plainEvent(1),
    plainEvent(2, { lane: 'bulk' }),
    plainEvent(3, { lane: 'critical' }),
    plainEvent(4),
  ]);
  journal.moveCursor('up', { settled: 2, above: [{ first: 4, last: 4 }] });
  await journal.close();
  const file = new Database(join(directory, 'cursors.db'));
  file.prepare('UPDATE consumer SET cursor = ?').run(JSON.stringify({ settled: 2, above: [{ first: 4, last: 4 }] }));
  file.close();
  // The sum of the file as it was closed; a ledger of that time had none.
  await rm(join(directory, 'cursors.db.sha256'), { force: true });
  const again = await open(t, directory);
  const place = { settled: 2, above: [{ first: 4, last: 4 }] };
  t.strictSame(await again.openCursor('up', 'now'), { critical: place, normal: place, bulk: place });
  t.match((await again.status()).ledger, [{ consumer: 'up', received: 4, settled: 3, waiting: 1, gaps: 0 }]);
  t.ok((await again.verify()).holds);
});
