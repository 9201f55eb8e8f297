import { execFileSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { SegmentName } from '../../src/journal/journal-disk.ts';
import { openStore } from '../../src/journal/open-store.ts';
import { isRefusal } from '../../src/journal/refusal.ts';
import { toSettings } from '../../src/journal/settings.ts';
import { SqliteDisk } from '../../src/journal/sqlite-disk.ts';
import { record, scratch, TEST_CONFIG } from './support.ts';

const NOW = 1_700_000_000_000;

const failure = (code: string) => Object.assign(new Error('disk I/O error'), { code });

function remountable(t: Test): {
  readonly disk: SqliteDisk;
  readonly directory: string;
  remount(how: 'ro' | 'rw'): void;
} {
  const directory = scratch(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
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

t.test(
  'a file system that becomes read-only before the files of a dropped segment go keeps them until it takes writes',
  (t) => {
    const directory = scratch(t);
    let refused = 0;
    // As where the file system is made read-only between the save of the ledger and the files.
    class Remounted extends SqliteDisk {
      override unlink(name: SegmentName): void {
        if (refused++ === 0) throw failure('EROFS');
        super.unlink(name);
      }
    }
    const notices: string[] = [];
    const store = openStore({
      disk: new Remounted(directory),
      settings: toSettings({ ...TEST_CONFIG, segment_mb: 0.0625, retain_settled_h: 0 }),
      now: NOW,
      newJournalId: 'abcdefghij',
      notify: ({ kind }) => notices.push(kind),
    });
    store.openCursor('sink', 'beginning', NOW);
    for (let n = 0; n < 60; n++) store.commit([{ records: [record(n, 'bulk', 4_000)], recorded: NOW }], NOW);
    const files = () => readdirSync(join(directory, 'bulk')).filter((name) => name.endsWith('.db'));
    const before = files().length;
    store.moveCursor('sink', { settled: 60, above: [] });
    store.tick(NOW + 10_000);
    t.ok(notices.includes('pruned'));
    t.ok(refused > 0);
    t.equal(files().length, before - refused + 1, 'all but the refused one were removed');
    store.tick(NOW + 20_000);
    t.equal(files().length, before - refused + 1, 'it went when it could');
    t.match(store.status().ledger, [{ settled: 60, waiting: 0, gaps: 0 }]);
    store.close(NOW + 40_000);
    t.end();
  },
);
