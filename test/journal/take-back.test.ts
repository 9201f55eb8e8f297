import { cpSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { OpenSegment, SegmentIdentity } from '../../src/journal/journal-disk.ts';
import { openStore } from '../../src/journal/open-store.ts';
import { toSettings } from '../../src/journal/settings.ts';
import { SqliteDisk } from '../../src/journal/sqlite-disk.ts';
import { openEngine, record, scratch, TEST_CONFIG } from './support.ts';

const NOW = 1_700_000_000_000;
const CONFIG = { ...TEST_CONFIG, segment_mb: 0.0625, min_free_disk_mb: 1 };

/** A disk that can become full for one lane, and tells when events of another are taken back. */
class HalfFullDisk extends SqliteDisk {
  isFull = false;
  onTakingBack: (moment: 'before' | 'after') => void = () => undefined;

  override create(identity: SegmentIdentity): OpenSegment {
    const segment = super.create(identity);
    const { lane } = identity;
    const commit = segment.commit.bind(segment);
    const deleteRange = segment.deleteRange.bind(segment);
    let isTakingBack = false;
    segment.deleteRange = (first, last) => {
      this.onTakingBack('before');
      isTakingBack = true;
      deleteRange(first, last);
    };
    segment.commit = () => {
      if (this.isFull && lane === 'bulk')
        throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      commit();
      if (isTakingBack) this.onTakingBack('after');
      isTakingBack = false;
    };
    return segment;
  }

  override space() {
    return { ...super.space(), ...(this.isFull ? { freeBytes: 0 } : {}) };
  }
}

/** A journal that drops bulk segments for room, in vain, and takes the critical event of the group back; what a crash leaves then. */
function takenBack(t: Test): { before: string; after: string } {
  const directory = scratch(t);
  const images = { before: scratch(t), after: scratch(t) };
  const disk = new HalfFullDisk(directory);
  const settings = toSettings(CONFIG);
  const store = openStore({ disk, settings, now: NOW, newJournalId: 'abcdefghij', notify: () => undefined });
  store.openCursor('sink', 'beginning', NOW);
  store.commit([{ records: [record(0, 'critical')], recorded: NOW }], NOW);
  for (let i = 1; i < 40; i++) store.commit([{ records: [record(i, 'bulk', 4000)], recorded: NOW }], NOW);
  disk.onTakingBack = (moment) => cpSync(directory, images[moment], { recursive: true });
  disk.isFull = true;
  const group = { records: [record(100, 'critical'), record(101, 'bulk')], recorded: NOW };
  t.match(store.commit([group], NOW), [{ rejected: 'disk', kept: undefined }]);
  t.equal(store.status().lanes.critical.events, 1);
  store.close(NOW);
  return images;
}

t.test('a crash around taking events back makes no loss of them', async (t) => {
  const { before, after } = takenBack(t);
  for (const [directory, critical, what] of [
    [before, 2, 'those that were to go are there, and counted'],
    [after, 1, 'those that are gone are missed by nobody'],
  ] as const) {
    const { store, notices } = openEngine(directory, { segment_mb: 0.0625 }, NOW + 1000);
    t.strictSame(
      notices.filter(({ kind }) => kind === 'truncated' || kind === 'quarantined'),
      [],
      what,
    );
    const status = store.status();
    t.equal(status.lanes.critical.events, critical, what);
    t.strictSame(
      status.gaps.filter(({ reason }) => reason.startsWith('damage')),
      [],
    );
    const [row] = status.ledger;
    t.equal(row?.received, 39 + critical, what);
    t.equal(row?.received, (row?.settled ?? 0) + (row?.waiting ?? 0) + (row?.gaps ?? 0));
    store.close(NOW + 2000);
  }
});
