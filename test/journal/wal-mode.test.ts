import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { ReadOnlyWatch } from '../../src/journal/read-only-watch.ts';
import { failureKind, readFailureKind } from '../../src/journal/sqlite-failure.ts';
import { setWalMode, WalCheckpoint } from '../../src/journal/wal-mode.ts';
import { scratch } from './support.ts';

function open(path: string): Database.Database {
  const db = new Database(path);
  db.pragma('locking_mode = EXCLUSIVE');
  t.equal(setWalMode(db), 'wal');
  db.exec('CREATE TABLE IF NOT EXISTS t (a BLOB)');
  return db;
}

t.test('copies the WAL once it has grown, not before', (t) => {
  const directory = scratch(t);
  const db = open(join(directory, 'x.db'));
  const checkpoint = new WalCheckpoint(db, 20, new ReadOnlyWatch(directory));
  const progress = () => db.pragma('wal_checkpoint(NOOP)') as { log: number; checkpointed: number }[];
  const insert = db.prepare('INSERT INTO t VALUES (zeroblob(3000))');
  let copied = 0;
  for (let i = 0; i < 100; i++) {
    insert.run();
    const before = progress()[0]?.log ?? 0;
    checkpoint.afterCommit();
    const { log = 0, checkpointed = 0 } = progress()[0] ?? {};
    if (before >= 20) t.equal(checkpointed, log);
    if (checkpointed > 0) copied++;
    t.ok(log < 30, 'the WAL stays small');
  }
  t.ok(copied > 2);
  db.close();
  t.end();
});

t.test('an error of a checkpoint is not passed over', (t) => {
  const directory = scratch(t);
  const path = join(directory, 'x.db');
  const db = open(path);
  const checkpoint = new WalCheckpoint(db, 1, new ReadOnlyWatch(directory));
  db.prepare('INSERT INTO t VALUES (zeroblob(30000))').run();
  // The WAL that SQLite still has open loses its content, as on a disk that lies.
  const wal = openSync(`${path}-wal`, 'r+');
  ftruncateSync(wal, 32);
  closeSync(wal);
  t.throws(() => checkpoint.afterCommit(), { code: /^SQLITE_(IOERR|CORRUPT)/ });
  db.close();
  t.end();
});

t.test('an error of writing is never the fault of one file, also where a file was only to be read', (t) => {
  for (const code of ['SQLITE_IOERR_FSYNC', 'SQLITE_IOERR_WRITE', 'SQLITE_IOERR_DIR_FSYNC']) {
    const error = Object.assign(new Error('disk I/O error'), { code });
    t.equal(failureKind(error), 'fatal');
    t.equal(readFailureKind(error), 'fatal');
  }
  t.equal(readFailureKind(Object.assign(new Error(), { code: 'SQLITE_IOERR_READ' })), 'damage');
  t.end();
});
