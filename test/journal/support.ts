import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { JournalConfig } from '../../src/journal/config.ts';
import { type JournalHandle, openJournal } from '../../src/journal/journal-client.ts';
import { openStore } from '../../src/journal/open-store.ts';
import { toSettings } from '../../src/journal/settings.ts';
import { SqliteDisk } from '../../src/journal/sqlite-disk.ts';
import type { Store } from '../../src/journal/store.ts';
import type { StoreNotice } from '../../src/journal/store-notice.ts';
import { encodeEvent } from '../../src/model/event-codec.ts';
import type { Lane } from '../../src/model/tag.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { type RecordingObserver, recordingObserver } from '../support/observer.ts';

/** A directory of its own, removed after the test. */
export function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'headgate-test-journal-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Small enough to write quickly; the rest as by default. */
export const TEST_CONFIG: JournalConfig = { commit_linger_ms: 0, ballast_mb: 0.125, min_free_disk_mb: 0 };

/** Open a journal that is closed after the test. */
export async function open(
  t: Test,
  directory: string,
  config: JournalConfig = {},
  clock: Clock = systemClock,
): Promise<JournalHandle & { readonly observer: RecordingObserver }> {
  const observer = recordingObserver();
  const journal = await openJournal({ directory, config: { ...TEST_CONFIG, ...config }, clock, observer });
  t.teardown(() => journal.close());
  return Object.assign(journal, { observer });
}

/** The engine alone, without a thread. */
export function openEngine(
  directory: string,
  config: JournalConfig = {},
  now = 1_700_000_000_000,
): { store: Store; notices: StoreNotice[] } {
  const notices: StoreNotice[] = [];
  const store = openStore({
    disk: new SqliteDisk(directory),
    settings: toSettings({ ...TEST_CONFIG, ...config }),
    now,
    newJournalId: 'abcdefghij',
    notify: (notice) => notices.push(notice),
  });
  return { store, notices };
}

const STREAMS = [0, 1, 2].map((i) => ({
  type: 'test.counted.v1',
  subject: 'plant/line',
  partitionKey: `plant/line/${i}`,
}));

/** A record for the engine, told apart by `n`, of about `size` bytes; every third is of the same stream. */
export function record(n: number, lane: Lane, size = 0) {
  const stream = STREAMS[n % STREAMS.length] as (typeof STREAMS)[number];
  const { type, subject, partitionKey: partitionkey } = stream;
  const data = { n, filler: 'x'.repeat(size) };
  const payload = encodeEvent({ source: '/x', type, subject, partitionkey, time: n, lane, data });
  return { lane, stream, list: null, time: n, payload };
}
