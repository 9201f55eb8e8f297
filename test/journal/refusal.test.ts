import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isRefusal } from '../../src/journal/refusal.ts';
import { SqliteDisk } from '../../src/journal/sqlite-disk.ts';
import { scratch } from './support.ts';

const failure = (code: string) => Object.assign(new Error('disk I/O error'), { code });

function remountable(t: Test): {
  readonly disk: SqliteDisk;
  readonly directory: string;
  remount(how: 'ro' | 'rw'): void;
} {
  const directory = scratch(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  t.teardown(() => execFileSync('umount', ['-l', directory]));
  const remount = (how: 'ro' | 'rw') => void execFileSync('mount', ['-o', `remount,${how}`, directory]);
  return { disk: new SqliteDisk(directory), directory, remount };
}

t.test('a write error on a file system that is read-only is a refusal, on one that takes writes it is not', (t) => {
  const { disk, remount } = remountable(t);
  t.equal(isRefusal(failure('SQLITE_IOERR_WRITE'), disk), false);
  remount('ro');
  t.equal(isRefusal(failure('SQLITE_IOERR_WRITE'), disk), true);
  t.equal(isRefusal(failure('SQLITE_IOERR_TRUNCATE'), disk), true);
  t.end();
});

t.test(
  'so it is when the file system was read-only before the write, and takes writes by the time it is looked at',
  (t) => {
    const { disk, remount } = remountable(t);
    remount('ro');
    t.equal(disk.isWritable(), false);
    remount('rw');
    t.equal(isRefusal(failure('SQLITE_IOERR_WRITE'), disk), true);
    t.equal(isRefusal(failure('SQLITE_IOERR_WRITE'), disk), false, 'an error after that look has another cause');
    t.end();
  },
);

t.test('what the operating system calls read-only needs no look', (t) => {
  const { disk, directory, remount } = remountable(t);
  remount('ro');
  let refused: unknown;
  try {
    writeFileSync(join(directory, 'x'), 'x');
  } catch (error) {
    refused = error;
  }
  remount('rw');
  t.equal(isRefusal(refused, disk), true);
  t.end();
});

t.test('a failed fsync is never a refusal, also where the file system became read-only over it', (t) => {
  const { disk, remount } = remountable(t);
  remount('ro');
  t.equal(isRefusal(failure('SQLITE_IOERR_FSYNC'), disk), false);
  t.equal(isRefusal(failure('SQLITE_IOERR_DIR_FSYNC'), disk), false);
  // A pipe cannot be synced.
  const pipe = openSync('/dev/full', 'w');
  t.throws(() => {
    try {
      fsyncSync(pipe);
    } catch (error) {
      t.equal(isRefusal(error, disk), false);
      throw error;
    }
  });
  closeSync(pipe);
  t.end();
});
