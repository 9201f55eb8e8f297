import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import t from 'tap';
import { openStore } from '../../src/journal/open-store.ts';
import { toSettings } from '../../src/journal/settings.ts';
import { SqliteDisk } from '../../src/journal/sqlite-disk.ts';
import type { Store } from '../../src/journal/store.ts';
import type { StoreNotice } from '../../src/journal/store-notice.ts';
import type { Lane } from '../../src/model/tag.ts';
import { openEngine, record, scratch, TEST_CONFIG } from './support.ts';

const CONFIG = { segment_mb: 0.0625, quota_mb: 64 };
const NOW = 1_700_000_000_000;
/** 4 KB each, so that a segment holds twenty. */
const SIZE = 4000;

/** A journal of 60 bulk and 6 critical events, in several bulk segments, with one consumer that waits for all; closed. */
function fill(directory: string): { bulkFiles: string[] } {
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  for (let i = 0; i < 60; i += 10) {
    const records = Array.from({ length: 10 }, (_, k) => record(i + k, 'bulk', SIZE));
    records.splice(1, 0, record(1000 + i, 'critical'));
    store.commit([{ records, recorded: NOW + i }], NOW + i);
  }
  for (const segment of store.unhashed) {
    const steps = store.hash(segment);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done !== true) continue;
      store.setHash(segment, step.value);
      break;
    }
  }
  store.close(NOW + 100);
  const bulkFiles = readdirSync(join(directory, 'bulk')).map((name) => join(directory, 'bulk', name));
  return { bulkFiles: bulkFiles.sort() };
}

function readEverything(store: Store): number[] {
  const sequences: number[] = [];
  for (let after = 0; after < store.lastSequence; ) {
    const page = store.read({ after, until: store.lastSequence, maxEvents: 10, maxBytes: 1_000_000 });
    sequences.push(...page.records.map(({ sequence }) => sequence));
    after = page.through;
  }
  return sequences;
}

function flip(path: string, offset: number): void {
  const byte = readFileSync(path)[offset] ?? 0;
  const handle = openSync(path, 'r+');
  writeSync(handle, new Uint8Array([byte ^ 0x10]), 0, 1, offset);
  closeSync(handle);
}

const other = (directory: string) => {
  const { store } = openEngine(directory, CONFIG);
  store.commit([{ records: [record(1, 'bulk')], recorded: NOW }], NOW);
  store.close(NOW);
};

interface Case {
  readonly title: string;
  /** `sealed`: the second bulk segment; `active`: the newest. */
  readonly which: 'sealed' | 'active';
  damage(path: string, scratchDirectory: string): void;
}

const CASES: readonly Case[] = [
  { title: 'zero-length sealed segment', which: 'sealed', damage: (path) => truncateSync(path, 0) },
  {
    title: 'truncated sealed segment',
    which: 'sealed',
    damage: (path) => truncateSync(path, statSync(path).size - 4096),
  },
  { title: 'missing sealed segment', which: 'sealed', damage: (path) => rmSync(path) },
  { title: 'flipped bit in a payload', which: 'sealed', damage: (path) => flip(path, statSync(path).size - 100) },
  { title: 'flipped bit in the header', which: 'sealed', damage: (path) => flip(path, 3) },
  {
    title: 'segment overwritten by garbage',
    which: 'sealed',
    damage: (path) => writeFileSync(path, Buffer.alloc(statSync(path).size, 7)),
  },
  { title: 'zero-length active segment', which: 'active', damage: (path) => truncateSync(path, 0) },
  { title: 'missing active segment', which: 'active', damage: (path) => rmSync(path) },
  { title: 'active segment without its schema', which: 'active', damage: (path) => truncateSync(path, 4096) },
  {
    title: 'foreign database in the place of the active segment',
    which: 'active',
    damage: (path, directory) => {
      other(directory);
      const [name] = readdirSync(join(directory, 'bulk'));
      renameSync(join(directory, 'bulk', name ?? ''), path);
    },
  },
  {
    title: 'copy of another segment in the place of the active one',
    which: 'active',
    damage: (path) => cpSync(join(path, '..', readdirSync(join(path, '..')).sort()[0] ?? ''), path),
  },
];

for (const { title, which, damage } of CASES) {
  t.test(`${title}: put aside, counted exactly, the rest serves`, async (t) => {
    const directory = scratch(t);
    const { bulkFiles } = fill(directory);
    const path = (which === 'sealed' ? bulkFiles[1] : bulkFiles.at(-1)) ?? '';
    damage(path, scratch(t));
    const { store, notices } = openEngine(directory, CONFIG, NOW + 1000);
    const found = readEverything(store);
    const status = store.status();
    const lost = 66 - found.length;
    t.ok(lost > 0 && lost <= 20, `${lost} lost`);
    t.strictSame(status.ledger, [{ consumer: 'sink', received: 66, settled: 0, waiting: found.length, gaps: lost }]);
    t.equal(
      status.gaps.reduce((sum, { count }) => sum + count, 0),
      lost,
    );
    const { rows } = store.streamLedger();
    t.equal(
      rows.reduce((sum, { gaps }) => sum + gaps, 0),
      lost,
      'by stream too',
    );
    if (which === 'sealed')
      t.notOk(
        rows.some(({ stream }) => stream === null),
        'a sealed segment is known by stream',
      );
    const gap = notices.find((notice): notice is StoreNotice & { kind: 'gap' } => notice.kind === 'gap')?.gap;
    t.match(gap, { lane: 'bulk', count: lost, consumers: { sink: lost } });
    t.ok(found.every((sequence) => sequence < (gap?.first ?? 0) || sequence > (gap?.last ?? 0) || sequence % 11 === 2));
    const before = Math.max(66, store.lastSequence);
    const [outcome] = store.commit([{ records: [record(5000, 'bulk')], recorded: NOW }], NOW + 1000);
    t.ok(outcome !== undefined && 'first' in outcome && outcome.first > before, 'no sequence is used again');
    store.close(NOW + 2000);
    const again = openEngine(directory, CONFIG, NOW + 3000);
    t.strictSame(again.store.status().ledger, [
      { consumer: 'sink', received: 67, settled: 0, waiting: found.length + 1, gaps: lost },
    ]);
    t.notOk(
      again.notices.some(({ kind }) => kind === 'gap'),
      'counted once',
    );
    again.store.close(NOW + 4000);
  });
}

t.test('a half-created segment that nobody wrote to costs nothing', async (t) => {
  const directory = scratch(t);
  fill(directory);
  writeFileSync(join(directory, 'bulk', '000000000067.db'), '');
  const { store } = openEngine(directory, CONFIG, NOW + 1000);
  t.equal(readEverything(store).length, 66);
  t.strictSame(store.status().gaps, []);
  store.commit([{ records: [record(1, 'bulk')], recorded: NOW }], NOW + 1000);
  t.equal(readEverything(store).length, 67);
  store.close(NOW);
});

t.test('a missing -wal after a crash is counted exactly, and what is left is served', async (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  store.commit([{ records: [0, 1, 2, 3, 4].map((n) => record(n, 'bulk')), recorded: NOW }], NOW);
  store.tick(NOW + 5000);
  const crashed = scratch(t);
  cpSync(directory, crashed, { recursive: true });
  store.close(NOW);
  for (const name of readdirSync(join(crashed, 'bulk'))) if (name.endsWith('-wal')) rmSync(join(crashed, 'bulk', name));
  const { store: again } = openEngine(crashed, CONFIG, NOW + 6000);
  t.strictSame(again.status().ledger, [{ consumer: 'sink', received: 5, settled: 0, waiting: 0, gaps: 5 }]);
  const [outcome] = again.commit([{ records: [record(9, 'bulk')], recorded: NOW }], NOW + 6000);
  t.ok(outcome !== undefined && 'first' in outcome && outcome.first > 5);
  again.close(NOW);
});

for (const [title, damage] of [
  ['damaged', (path: string) => writeFileSync(path, Buffer.alloc(8192, 1))],
  ['missing', (path: string) => rmSync(path)],
  [
    'in whose place a directory is',
    (path: string) => {
      rmSync(path);
      mkdirSync(path);
    },
  ],
  ['empty', (path: string) => truncateSync(path, 0)],
  ['anywhere slightly rotten', (path: string) => flip(path, statSync(path).size - 700)],
] as const) {
  t.test(`${title} ledger: it is rebuilt: same journal, all events, and consumers start again`, async (t) => {
    const directory = scratch(t);
    fill(directory);
    damage(join(directory, 'cursors.db'));
    const { store, notices } = openEngine(directory, CONFIG, NOW + 1000);
    t.ok(notices.some(({ kind }) => kind === 'ledger-rebuilt'));
    t.equal(store.journalId, 'abcdefghij');
    t.equal(readEverything(store).length, 66);
    t.strictSame(store.openCursor('sink', 'now', NOW).bulk, { settled: 0, above: [] });
    t.match(store.status().ledger, [{ consumer: 'sink', received: 66, settled: 0, waiting: 66, gaps: 0 }]);
    const [outcome] = store.commit([{ records: [record(9, 'bulk')], recorded: NOW }], NOW);
    t.ok(
      outcome !== undefined && 'first' in outcome && outcome.first > 10_000_000,
      'above all that can have been given out',
    );
    t.match(store.untoldGaps(), [{ count: 0, unused: 9_999_979 }], 'and the hole is told');
    store.close(NOW);
  });
}

t.test(
  'numbers go on above those of a segment that was lost with the ledger, after another loss of the ledger',
  async (t) => {
    const directory = scratch(t);
    fill(directory);
    const given: number[] = [];
    for (const losesNewest of [false, true, true]) {
      writeFileSync(join(directory, 'cursors.db'), Buffer.alloc(8192, 1));
      const newest = readdirSync(join(directory, 'critical'), { recursive: true }).map(String).sort().at(-1);
      if (losesNewest) writeFileSync(join(directory, 'critical', newest ?? ''), Buffer.alloc(8192, 1));
      const { store } = openEngine(directory, CONFIG, NOW + 1000);
      const [outcome] = store.commit([{ records: [record(9, 'critical')], recorded: NOW }], NOW);
      const first = outcome !== undefined && 'first' in outcome ? outcome.first : 0;
      t.ok(first > (given.at(-1) ?? 66), `${first} after ${given.join(', ')}`);
      given.push(first);
      store.close(NOW);
    }
    t.equal(given.length, 3);
  },
);

t.test('a crash after a second bad segment was found while the loss of the first was counted misses neither', (t) => {
  const directory = scratch(t);
  const { bulkFiles } = fill(directory);
  const [one = '', two = '', three = ''] = bulkFiles;
  const [, second, third] = bulkFiles.map((path) => Number(basename(path, '.db')));
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink-2', 'beginning', NOW);
  // The loss of the first can be told for one consumer without a look at the second segment, for the other it cannot.
  store.moveCursor('sink', { settled: 0, above: [{ first: second ?? 0, last: 66 }] }, ['bulk']);
  store.moveCursor('sink-2', { settled: 3, above: [{ first: (second ?? 0) + 3, last: (third ?? 0) - 1 }] }, ['bulk']);
  store.close(NOW);
  for (const path of [one, two]) flip(path, Math.floor(statSync(path).size / 2));
  const images: string[] = [];
  const again = openStore({
    disk: new SqliteDisk(directory),
    settings: toSettings({ ...TEST_CONFIG, ...CONFIG }),
    now: NOW,
    newJournalId: 'abcdefghij',
    notify: ({ kind }) => {
      if (kind !== 'gap') return;
      const image = scratch(t);
      cpSync(directory, image, { recursive: true });
      images.push(image);
    },
  });
  readEverything(again);
  again.close(NOW);
  t.equal(images.length, 2, `${one} and ${two} were bad, ${three} is not`);
  for (const image of [...images, directory]) {
    const { store: reopened } = openEngine(image, CONFIG);
    for (const { consumer, gaps, received } of reopened.status().ledger) {
      const told = reopened.untoldGaps().reduce((sum, { consumers }) => sum + (consumers[consumer] ?? 0), 0);
      t.equal(gaps, told, `${consumer} has ${gaps} gaps of ${received}, and ${told} are told`);
      t.ok(gaps > 0);
    }
    reopened.close(NOW);
  }
  t.end();
});

t.test('numbers of a commit that a crash cut off between two lanes are told as unused, not as lost', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  const both = (n: number) => [{ records: [record(n, 'normal'), record(n + 1, 'critical')], recorded: NOW }];
  store.commit(both(1), NOW);
  const crashed = scratch(t);
  cpSync(directory, crashed, { recursive: true });
  store.commit(both(3), NOW);
  // Lanes are committed one after the other, critical first.
  cpSync(join(directory, 'critical'), join(crashed, 'critical'), { recursive: true });
  const { store: reopened, notices } = openEngine(crashed, CONFIG);
  t.strictSame(readEverything(reopened), [1, 2, 4]);
  t.match(reopened.untoldGaps(), [{ first: 1, last: 4, count: 0, unused: 1, consumers: {} }]);
  t.match(notices, [{ kind: 'gap', gap: { unused: 1 } }]);
  reopened.close(NOW);
  const { store: again } = openEngine(crashed, CONFIG);
  t.equal(again.untoldGaps().length, 1, 'once');
  again.close(NOW);
  store.close(NOW);
  t.end();
});

t.test('a ledger of the first format is brought up to date', (t) => {
  const directory = scratch(t);
  fill(directory);
  const db = new Database(join(directory, 'cursors.db'));
  db.exec(
    'ALTER TABLE journal DROP COLUMN boot_id; ALTER TABLE journal DROP COLUMN moves; ALTER TABLE gap DROP COLUMN told_by; ALTER TABLE gap DROP COLUMN unused; ALTER TABLE segment DROP COLUMN time_low; ALTER TABLE segment DROP COLUMN time_high; ALTER TABLE segment DROP COLUMN thinned_after; DROP TABLE stream; DROP TABLE segment_stream; DROP TABLE stream_account',
  );
  db.pragma('user_version = 1');
  db.close();
  rmSync(join(directory, 'cursors.db.sha256'));
  const { store, notices } = openEngine(directory, CONFIG);
  t.strictSame(notices, []);
  t.equal(store.status().ledger[0]?.waiting, 66);
  const { rows } = store.streamLedger();
  t.equal(
    rows.reduce((sum, { stream, waiting }) => sum + (stream === null ? 0 : waiting), 0),
    66,
    'streams are counted in the files',
  );
  store.close(NOW);
  t.end();
});

t.test('a segment that is found bad twice is booked once', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  for (let i = 0; i < 40; i++) store.commit([{ records: [record(i, 'bulk', SIZE)], recorded: NOW }], NOW);
  const [sealed] = store.unhashed;
  t.ok(sealed);
  if (sealed !== undefined) {
    store.reportDamage(sealed, 'found by a reader');
    store.reportDamage(sealed, 'found by the hash that was under way');
    const [row] = store.status().ledger;
    t.equal(row?.gaps, sealed.count);
    t.equal(row?.waiting, 40 - sealed.count);
  }
  store.close(NOW);
  t.end();
});

t.test('what a process that failed left in a WAL is on the disk before anybody is told of it', async (t) => {
  const before = scratch(t);
  const { store } = openEngine(before, CONFIG);
  t.teardown(() => store.close(NOW));
  store.commit([{ records: [record(1, 'normal'), record(2, 'normal')], recorded: NOW }], NOW);
  const after = scratch(t);
  cpSync(before, after, { recursive: true });
  const reopened = openEngine(after, CONFIG).store;
  t.teardown(() => reopened.close(NOW));
  // The database without its WAL, whose frames the disk may have refused.
  const alone = join(scratch(t), 'alone.db');
  cpSync(join(after, 'normal', String(readdirSync(join(after, 'normal')).find((name) => name.endsWith('.db')))), alone);
  const db = new Database(alone);
  t.teardown(() => db.close());
  t.same(db.prepare('SELECT first, count FROM frame').all(), [{ first: 1, count: 2 }]);
});

t.test('a segment that turns out to be bad while it is dropped is booked once, as damage', (t) => {
  const directory = scratch(t);
  const { bulkFiles } = fill(directory);
  const { store: before } = openEngine(directory, CONFIG, NOW + 500);
  before.openCursor('half', 'beginning', NOW + 500);
  before.moveCursor('half', { settled: 5, above: [] });
  before.close(NOW + 600);
  const path = bulkFiles[0] ?? '';
  flip(path, statSync(path).size - 100);
  // Of one consumer all of the segment waits, by the manifest; of the other a part, for which the file is asked.
  const { store, notices } = openEngine(directory, { ...CONFIG, max_age_days: { bulk: 1 } }, NOW + 1000);
  store.tick(NOW + 2 * 86_400_000);
  t.equal(notices.filter(({ kind }) => kind === 'quarantined').length, 1);
  t.ok(notices.some(({ kind }) => kind === 'dropped'));
  for (const row of store.status().ledger) t.equal(row.received, row.settled + row.waiting + row.gaps, row.consumer);
  const { gaps } = store.status();
  t.equal(gaps.filter(({ first }) => first === 1).length, 1);
  store.close(NOW + 2 * 86_400_000);
  t.end();
});

/** One event in each lane's share of a commit. */
const commit = (store: Store, n: number, ...lanes: Lane[]) =>
  store.commit([{ records: lanes.map((lane, i) => record(n + i, lane)), recorded: NOW }], NOW);
const gapsIn = (notices: readonly StoreNotice[]) =>
  notices.flatMap((notice) => (notice.kind === 'gap' ? [notice.gap] : []));

t.test('a gap is told again when the event that told of it is lost before every consumer had it', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  commit(store, 1, 'normal', 'normal');
  store.sealAll();
  const [lost] = store.unhashed;
  if (lost !== undefined) store.reportDamage(lost, 'rotten');
  const [gap] = store.untoldGaps();
  t.match(gap, { lane: 'normal', count: 2 });
  commit(store, 3, 'critical');
  store.gapsTold([{ id: gap?.id ?? 0, toldBy: store.lastSequence }]);
  store.close(NOW);
  const { store: again, notices } = openEngine(directory, CONFIG);
  t.strictSame(again.untoldGaps(), [], 'it is told');
  again.sealAll();
  const [telling] = again.unhashed;
  t.equal(telling?.lane, 'critical');
  if (telling !== undefined) again.reportDamage(telling, 'rotten, too');
  t.match(
    notices.find(({ kind }) => kind === 'gaps-untold'),
    { gaps: [gap] },
  );
  t.match(again.untoldGaps(), [gap, { lane: 'critical', count: 1 }]);
  // The new event goes before word of it has come.
  again.gapsTold([{ id: gap?.id ?? 0, toldBy: 1000 }]);
  again.status();
  t.match(again.untoldGaps(), [gap, { lane: 'critical' }], 'nobody can have an event that is not there');
  again.close(NOW);
  t.end();
});

t.test('a rebuilt ledger that nothing was written to after it was made gives no number out twice', (t) => {
  const directory = scratch(t);
  fill(directory);
  rmSync(join(directory, 'cursors.db'));
  const disk = new SqliteDisk(directory);
  const head = {
    journalId: 'abcdefghij',
    lastSequence: 0,
    reserved: 10_000_061,
    isClean: false,
    bootId: '',
    cursorsLost: true,
  };
  // As a process leaves it that was killed, or had no room, right behind.
  disk.openLedger(head).abandon();
  const { store } = openEngine(directory, CONFIG);
  t.equal(store.lastSequence, 10_000_061);
  t.match(store.untoldGaps(), [{ count: 0, unused: 9_999_995 }]);
  t.equal(readEverything(store).length, 66);
  store.close(NOW);
  t.end();
});

t.test('a crash while the ledger is rebuilt hides no segment that was put aside by then', (t) => {
  const directory = scratch(t);
  const { bulkFiles } = fill(directory);
  rmSync(join(directory, 'cursors.db'));
  const [oldest] = bulkFiles;
  if (oldest !== undefined) truncateSync(oldest, 4096);
  rmSync(join(directory, 'critical'), { recursive: true });
  const crashed = scratch(t);
  const store = openStore({
    disk: new SqliteDisk(directory),
    settings: toSettings({ ...TEST_CONFIG, ...CONFIG }),
    now: NOW,
    newJournalId: 'other',
    notify: ({ kind }) => {
      if (kind === 'quarantined') cpSync(directory, crashed, { recursive: true });
    },
  });
  const { store: again } = openEngine(crashed, CONFIG);
  t.notOk(existsSync(oldest?.replace(directory, crashed) ?? ''), 'it is aside');
  t.match(again.untoldGaps(), [{ first: 1, count: 0 }], 'the numbers that it had are told');
  again.close(NOW);
  store.close(NOW);
  t.end();
});

t.test('what was put aside and perhaps never told, on a full disk, is told when the ledger is lost after that', (t) => {
  const directory = scratch(t);
  const { bulkFiles } = fill(directory);
  const firsts = bulkFiles.map((file) => Number(/(\d+)\.db$/.exec(file)?.[1])).sort((a, b) => a - b);
  const [oldest = 0, next = 0] = firsts;
  new SqliteDisk(directory).quarantine({ lane: 'bulk', first: oldest });
  for (const lane of ['critical', 'normal']) rmSync(join(directory, lane), { recursive: true });
  rmSync(join(directory, 'cursors.db'));
  const { store } = openEngine(directory, CONFIG);
  const [gap] = store.untoldGaps();
  t.ok(oldest < next && next > 0);
  t.match(gap, { first: oldest, count: 0, reason: /the ledger was lost/ });
  t.ok((gap?.last ?? 0) > next);
  store.close(NOW);
  t.end();
});

/** After the machine has gone down and come up again. */
class NextBootDisk extends SqliteDisk {
  override readonly bootId = 'another run';
}

function openAfterBoot(directory: string): Store {
  const settings = toSettings({ ...TEST_CONFIG, ...CONFIG });
  const disk = new NextBootDisk(directory);
  return openStore({ disk, settings, now: NOW, newJournalId: 'other', notify: () => undefined });
}

t.test('a machine that went down may have lost a tail without a sign: its numbers are not given out again', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  commit(store, 1, 'normal');
  store.tick(NOW + 2000);
  // What comes after this the disk says that it has.
  const [cut, killed] = [scratch(t), scratch(t)];
  for (const copy of [cut, killed]) cpSync(directory, copy, { recursive: true });
  commit(store, 2, 'normal');
  store.close(NOW);

  const after = openAfterBoot(cut);
  t.match(after.untoldGaps(), [{ first: 2, count: 0, reason: /^the machine went down/ }]);
  commit(after, 3, 'normal');
  const sequences = readEverything(after);
  t.equal(sequences[0], 1);
  t.ok((sequences[1] ?? 0) > 2, `${sequences[1]} is a new number`);
  t.match(after.status().ledger, [{ received: 2, settled: 0, waiting: 2, gaps: 0 }]);
  after.close(NOW);

  const again = openAfterBoot(cut);
  t.equal(again.lastSequence, sequences[1], 'after a clean stop nothing is in doubt');
  again.close(NOW);
  const { store: alive } = openEngine(killed, CONFIG);
  t.equal(alive.lastSequence, 1, 'nor after a kill in the same run of the machine');
  t.strictSame(alive.untoldGaps(), []);
  alive.close(NOW);
  t.end();
});

t.test('a segment that was put aside before the ledger could hear of it keeps its numbers', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  commit(store, 1, 'normal');
  store.tick(NOW + 2000);
  commit(store, 2, 'bulk');
  const crashed = scratch(t);
  cpSync(directory, crashed, { recursive: true });
  // As a process leaves it that finds it bad, and is killed while a full disk takes no ledger.
  new SqliteDisk(crashed).quarantine({ lane: 'bulk', first: 2 });
  store.close(NOW);
  const { store: again } = openEngine(crashed, CONFIG);
  t.ok(again.lastSequence > 2);
  t.match(again.untoldGaps(), [{ first: 2, count: 0, reason: /put aside/ }]);
  again.close(NOW);
  t.end();
});

/** Takes no ledger while it is full. */
class FullDisk extends SqliteDisk {
  isFull = false;

  override openLedger(initial: Parameters<SqliteDisk['openLedger']>[0]) {
    const ledger = super.openLedger(initial);
    const save = ledger.save.bind(ledger);
    ledger.save = (change) => {
      if (this.isFull) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      save(change);
    };
    return ledger;
  }
}

t.test('nothing is accepted before the ledger knows every consumer that was opened', (t) => {
  const disk = new FullDisk(scratch(t));
  const settings = toSettings({ ...TEST_CONFIG, ...CONFIG });
  const store = openStore({ disk, settings, now: NOW, newJournalId: 'abcdefghij', notify: () => undefined });
  disk.isFull = true;
  store.openCursor('sink', 'now', NOW);
  const offer = () => store.commit([{ records: [record(1, 'bulk')], recorded: NOW }], NOW);
  t.strictSame(offer(), [{ rejected: 'disk' }], 'after a crash it would not be owed to anybody');
  disk.isFull = false;
  t.strictSame(offer(), [{ first: 1 }]);
  store.close(NOW);
  t.end();
});

t.test('of several losses that are found at once the gap names all', (t) => {
  const directory = scratch(t);
  const { store } = openEngine(directory, CONFIG);
  store.openCursor('sink', 'beginning', NOW);
  for (const n of [1, 2, 3]) {
    commit(store, n, 'normal');
    store.sealAll();
  }
  store.close(NOW);
  for (const first of [1, 3]) truncateSync(join(directory, 'normal', `${String(first).padStart(12, '0')}.db`), 2048);
  const { store: again, notices } = openEngine(directory, CONFIG);
  t.match(gapsIn(notices), [{ lane: 'normal', first: 1, last: 3, count: 2, consumers: { sink: 2 } }]);
  t.strictSame(readEverything(again), [2]);
  again.close(NOW);
  t.end();
});

t.test('what is dropped while nobody is known, since the ledger was lost, is told', (t) => {
  const directory = scratch(t);
  fill(directory);
  rmSync(join(directory, 'cursors.db'));
  const { store, notices } = openEngine(directory, { ...CONFIG, quota_mb: 0.125 });
  const dropped = notices.flatMap((notice) => (notice.kind === 'dropped' ? [notice.segment] : []));
  const told = gapsIn(notices).filter(({ reason }) => reason === 'quota');
  t.ok(dropped.length > 0);
  t.match(
    told,
    dropped.map(({ lane, first, last, count }) => ({ lane, first, last, count, consumers: {} })),
  );
  store.close(NOW);
  t.end();
});

t.test('what a full disk kept from the ledger, that it is in use, is in it before anything is accepted', (t) => {
  const directory = scratch(t);
  const { store: before } = openEngine(directory, CONFIG);
  commit(before, 1, 'normal');
  before.close(NOW);
  const disk = new FullDisk(directory);
  disk.isFull = true;
  const settings = toSettings({ ...TEST_CONFIG, ...CONFIG });
  const store = openStore({ disk, settings, now: NOW, newJournalId: 'other', notify: () => undefined });
  t.match(store.commit([{ records: [record(2, 'normal')], recorded: NOW }], NOW), [{ rejected: 'disk' }]);
  disk.isFull = false;
  commit(store, 3, 'normal');
  const cut = scratch(t);
  cpSync(directory, cut, { recursive: true });
  store.close(NOW);
  const after = openAfterBoot(cut);
  t.match(after.untoldGaps(), [{ count: 0, reason: /^the machine went down/ }]);
  after.close(NOW);
  t.end();
});
