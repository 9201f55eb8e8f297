import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { lockDirectory } from '../../src/journal/directory-lock.ts';
import { scratch } from './support.ts';

t.test('a lock file with garbage in it keeps nobody out, and two not in', async (t) => {
  const directory = scratch(t);
  const path = join(directory, 'lock.db');
  writeFileSync(path, Buffer.alloc(5000, 0xa5));
  const { ino } = statSync(path);
  const lock = lockDirectory(directory);
  t.equal(statSync(path).ino, ino, 'the same file');
  t.throws(() => lockDirectory(directory), { code: 'JOURNAL_LOCKED' });
  writeFileSync(path, Buffer.alloc(5000, 0xa5));
  t.throws(() => lockDirectory(directory), { code: 'JOURNAL_LOCKED' }, 'also with garbage that came later');
  t.equal(readFileSync(path).length, 5000);
  lock.release();
  lockDirectory(directory).release();
});
