import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { GapData } from '../../src/journal/gap-event.ts';
import { GAP_TYPE, type HeadgateEvent } from '../../src/model/event.ts';
import type { Lane } from '../../src/model/tag.ts';
import { draft } from '../conformance/journal.ts';
import { until } from '../support/until.ts';
import { open, scratch } from './support.ts';

const large = (n: number, lane: Lane) => ({ ...draft(n, lane), data: { n, filler: 'x'.repeat(8000) } });

t.test('a full quota drops the oldest bulk, tells the gap as an event, and the ledger holds', async (t) => {
  const journal = await open(t, scratch(t), { quota_mb: 1 });
  const told: HeadgateEvent<GapData>[] = [];
  journal.onCommit((events) => {
    for (const { event } of events) if (event.type === GAP_TYPE) told.push(event as HeadgateEvent<GapData>);
  });
  await journal.openCursor('sink', 'beginning');
  await journal.append([large(0, 'critical'), large(1, 'normal')]);
  for (let n = 2; n < 30; n++) await journal.append(Array.from({ length: 10 }, (_, i) => large(n * 10 + i, 'bulk')));
  await until(async () => (await journal.status()).gaps.length === told.length, { what: 'gap events' });
  const { ledger, gaps, lanes, bytes } = await journal.status();
  const lost = gaps.reduce((sum, { count }) => sum + count, 0);
  t.ok(lost > 0);
  t.equal(
    told.reduce((sum, { data }) => sum + data.count, 0),
    lost,
  );
  t.ok(told.every(({ lane, data }) => lane === 'critical' && data.lane === 'bulk' && data.reason === 'quota'));
  t.equal(lanes.bulk.events, 280 - lost);
  t.equal(lanes.normal.events, 1, 'normal outlives bulk');
  t.equal(lanes.critical.events, 1 + told.length);
  t.ok(bytes <= 1.3 * 1024 * 1024, `${bytes} bytes`);
  t.strictSame(ledger, [
    { consumer: 'sink', received: 282 + told.length, settled: 0, waiting: 282 + told.length - lost, gaps: lost },
  ]);
  const verified = await journal.verify();
  t.strictSame(verified.problems, []);
});

t.test(
  'critical events are never dropped: a quota full of them rejects, and recovers once they are settled',
  async (t) => {
    const journal = await open(t, scratch(t), { quota_mb: 1, retain_settled_h: 0 });
    await journal.openCursor('sink', 'beginning');
    let accepted = 0;
    await t.rejects(
      (async () => {
        for (let n = 0; n < 300; n++) {
          await journal.append(Array.from({ length: 5 }, (_, i) => large(n * 5 + i, 'critical')));
          accepted += 5;
        }
      })(),
      { code: 'JOURNAL_DISK_FULL', retry: 'backoff' },
    );
    t.ok(accepted > 50);
    t.equal((await journal.status()).lanes.critical.events, accepted);
    journal.moveCursor('sink', { settled: journal.lastSequence, above: [] });
    await journal.append([large(9999, 'critical')]);
    t.strictSame((await journal.status()).gaps, []);
  },
);

t.test('what all have settled is pruned without a gap', async (t) => {
  const journal = await open(t, scratch(t), { quota_mb: 64, segment_mb: 0.0625, retain_settled_h: 0 });
  await journal.openCursor('a', 'beginning');
  await journal.openCursor('b', 'beginning');
  for (let n = 0; n < 40; n++) await journal.append([large(n, 'normal')]);
  journal.moveCursor('a', { settled: 40, above: [] });
  await journal.append([large(41, 'normal')]);
  t.equal((await journal.status()).lanes.normal.events, 41, 'b waits for all');
  journal.moveCursor('b', { settled: 40, above: [] });
  for (let n = 42; n < 60; n++) await journal.append([large(n, 'normal')]);
  const { lanes, gaps } = await journal.status();
  t.ok(lanes.normal.events < 40);
  t.strictSame(gaps, []);
});

t.test('beyond the queue, events are rejected at once and counted', async (t) => {
  const journal = await open(t, scratch(t), { queue_events: 100 });
  const results = await Promise.allSettled(
    Array.from({ length: 30 }, (_, n) => journal.append(Array.from({ length: 10 }, () => draft(n)))),
  );
  const rejected = results.filter((result) => result.status === 'rejected');
  t.equal(rejected.length, 20);
  t.ok(rejected.every(({ reason }) => reason.code === 'JOURNAL_OVERLOADED' && reason.retry === 'backoff'));
  const counted = journal.observer.emitted.filter(({ name }) => name === 'journal-overloaded');
  t.equal(
    counted.reduce((sum, { count }) => sum + count, 0),
    200,
  );
  t.equal(journal.lastSequence, 100);
  await journal.append([draft(1)]);
});

t.test('a second journal on the directory is refused with the pid of the first', async (t) => {
  const directory = scratch(t);
  await open(t, directory);
  await t.rejects(open(t, directory), { code: 'JOURNAL_LOCKED', context: { pid: String(process.pid) } });
});

t.test('a full disk: bulk gives way, then events are rejected, and room is found again by itself', async (t) => {
  const directory = scratch(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
  t.teardown(() => execFileSync('umount', ['-l', directory]));
  const journal = await open(t, directory, { segment_mb: 0.25, ballast_mb: 8 });
  await journal.openCursor('sink', 'beginning');
  for (let n = 0; n < 10; n++) await journal.append(Array.from({ length: 20 }, (_, i) => large(n * 20 + i, 'bulk')));
  const filler = join(directory, 'filler');
  const handle = openSync(filler, 'w');
  t.throws(
    () => {
      for (;;) writeSync(handle, Buffer.alloc(65_536));
    },
    { code: 'ENOSPC' },
  );
  closeSync(handle);
  let acceptedWhileFull = 0;
  await t.rejects(
    (async () => {
      for (let n = 0; n < 400; n++) {
        await journal.append([large(n, 'critical'), large(n, 'critical')]);
        acceptedWhileFull += 2;
      }
    })(),
    { code: 'JOURNAL_DISK_FULL' },
  );
  const full = await journal.status();
  t.ok(acceptedWhileFull >= 20, `${acceptedWhileFull} critical events took the place of bulk`);
  t.equal(full.lanes.bulk.events, 0, 'bulk gave way');
  t.ok(full.gaps.every(({ lane, reason }) => lane === 'bulk' && reason === 'disk'));
  t.notOk(readdirSync(directory).includes('ballast'), 'ballast was freed');
  rmSync(filler);
  await until(
    () =>
      journal.append([draft(1, 'critical')]).then(
        () => true,
        () => false,
      ),
    { what: 'recovery' },
  );
  await until(() => readdirSync(directory).includes('ballast'), { what: 'ballast' });
  const verified = await journal.verify();
  t.strictSame(verified.problems, []);
});

t.test('a data directory that vanishes fails the journal, once and for all', async (t) => {
  const directory = scratch(t);
  const journal = await open(t, directory);
  await journal.append([draft(1)]);
  rmSync(join(directory, 'normal'), { recursive: true });
  t.match(await journal.failed, { code: 'JOURNAL_FAILED', retry: 'never' });
  await t.rejects(journal.append([draft(2)]), { code: 'JOURNAL_FAILED' });
  await t.rejects(journal.status(), { code: 'JOURNAL_FAILED' });
  await journal.close();
});

t.test('a directory that cannot be used is refused with the reason', async (t) => {
  const directory = scratch(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory]);
  t.teardown(() => execFileSync('umount', ['-l', directory]));
  await t.rejects(open(t, directory), { code: 'JOURNAL_UNAVAILABLE', context: { directory } });
});

t.test(
  'what a full disk keeps of events that it rejected is announced, so that consumers that keep up have all that is stored',
  async (t) => {
    const directory = scratch(t);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', directory]);
    t.teardown(() => execFileSync('umount', ['-l', directory]));
    const journal = await open(t, directory, { ballast_mb: 0 });
    await journal.openCursor('sink', 'beginning');
    const announced: number[] = [];
    journal.onCommit((events) => announced.push(...events.map(({ sequence }) => sequence)));
    await journal.append([draft(0, 'critical'), draft(1, 'normal')]);
    // Room for the critical events, but neither for the normal one nor for taking the critical ones back: it writes some pages of each.
    const handle = openSync(join(directory, 'filler'), 'w');
    const { bavail, bsize } = statfsSync(directory);
    writeSync(handle, Buffer.alloc(bavail * bsize - 800_000));
    closeSync(handle);
    const filled = (lane: Lane, bytes: number) => ({ ...draft(2, lane), data: { n: 2, filler: 'x'.repeat(bytes) } });
    const critical = Array.from({ length: 10 }, () => filled('critical', 70_000));
    await t.rejects(journal.append([...critical, filled('normal', 900_000)]), { code: 'JOURNAL_DISK_FULL' });
    rmSync(join(directory, 'filler'));
    await until(
      () =>
        journal.append([draft(4, 'critical')]).then(
          () => true,
          () => false,
        ),
      { what: 'recovery' },
    );
    await journal.append([draft(5, 'normal')]);
    const page = await journal.read({ after: 0, until: journal.lastSequence, maxEvents: 1000, maxBytes: 10_000_000 });
    const stored = page.events.map(({ sequence }) => sequence);
    t.ok(stored.length > 4);
    t.strictSame(
      stored.filter((sequence) => !announced.includes(sequence)),
      [],
    );
    t.ok(
      page.events.some(({ sequence, lane }) => lane === 'critical' && sequence === 3),
      'the critical events of the rejected group stayed',
    );
    const { ledger } = await journal.status();
    t.equal(ledger[0]?.received, announced.length);
  },
);
