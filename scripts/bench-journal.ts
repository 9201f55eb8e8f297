/**
 * Measures the journal against bare better-sqlite3 in the same run, on the same disk: durable events per second, bytes on disk and written for
 * a typical load, CPU of a commit, memory. Options: `--json`, `--seconds N` (each measurement, default 2), `--directory DIR`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { type JournalHandle, openJournal } from '../src/journal/journal-client.ts';
import { type EventDraft, TELEMETRY_TYPE } from '../src/model/event.ts';
import { encodeEvent, makeTagList } from '../src/model/event-codec.ts';
import { TelemetryReport } from '../src/model/telemetry.ts';
import { systemClock } from '../src/ports/system-clock.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const SECONDS = Number(options.seconds);
const TAGS = 100;
/** Appends under way at once: what a gateway's devices, services and broker clients make. */
const IN_FLIGHT = 8;

const observer = { emit: () => undefined, with: () => observer };
const folder = () => mkdtempSync(join(options.directory, 'headgate-bench-'));

function smallEvent(n: number): EventDraft {
  return {
    source: '/b/d',
    type: 'bench.counted.v1',
    subject: 'plant/line',
    time: 1_700_000_000_000 + n,
    lane: 'bulk',
    data: { n },
  };
}

const list = makeTagList({
  source: '/headgate/bench/device',
  device: 'device',
  asset: 'plant/line/machine',
  group: 'device_1000ms',
  lane: 'bulk',
  names: Array.from({ length: TAGS }, (_, i) => `tag_${i}`),
  units: Array.from({ length: TAGS }, () => ''),
  types: Array.from({ length: TAGS }, () => 'float64' as const),
});

/** A report of 100 doubles, all Good, of one source time. */
function typicalReport(n: number): EventDraft {
  const time = 1_700_000_000_000 + n;
  const values = Float64Array.from({ length: TAGS }, (_, i) => Math.sin(n / 100 + i) * 100);
  const data = new TelemetryReport(list, { indexes: null, values, statuses: 0, timeBase: time, timeDeltas: 0 });
  return {
    source: list.source,
    type: TELEMETRY_TYPE,
    subject: list.asset,
    time,
    lane: 'bulk',
    data,
    partitionkey: `${list.asset}/${list.group}`,
  };
}

const open = (directory: string, lingerMs = 0): Promise<JournalHandle> =>
  openJournal({
    directory,
    config: { commit_linger_ms: lingerMs, quota_mb: 8192, ballast_mb: 0 },
    clock: systemClock,
    observer,
  });

/** Rows per second of bare better-sqlite3 with the same durability and the same bytes. */
function bare(batch: number): number {
  const directory = folder();
  const db = new Database(join(directory, 'bare.db'));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec('CREATE TABLE event (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO event VALUES (?, ?)');
  const payload = encodeEvent(smallEvent(1));
  let sequence = 0;
  const write = db.transaction(() => {
    for (let i = 0; i < batch; i++) insert.run(++sequence, payload);
  });
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) write();
  const rate = (sequence / (performance.now() - start)) * 1000;
  db.close();
  rmSync(directory, { recursive: true });
  return rate;
}

/** Accepted events per second through the journal, from drafts to acknowledged events. */
async function durable(batch: number, inFlight: number): Promise<number> {
  const directory = folder();
  const journal = await open(directory);
  const drafts = Array.from({ length: batch }, (_, i) => smallEvent(i));
  const start = performance.now();
  let count = 0;
  const produce = async () => {
    while (performance.now() - start < SECONDS * 1000) {
      const accepted = await journal.append(drafts);
      count += accepted.length;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, produce));
  const rate = (count / (performance.now() - start)) * 1000;
  await journal.close();
  rmSync(directory, { recursive: true });
  return rate;
}

function bytesUnder(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true }).reduce(
    (sum, entry) => (entry.isFile() ? sum + statSync(join(entry.parentPath, entry.name)).size : sum),
    0,
  );
}

/** Bytes handed to write calls by this process. */
const written = () => Number(/wchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? Number.NaN);

/** 100-tag reports at 10 commits a second, as many in each as the load says, with a consumer that settles them. */
async function typical(reportsPerCommit: number) {
  const directory = folder();
  const journal = await open(directory);
  await journal.openCursor('sink', 'beginning');
  const before = bytesUnder(directory);
  const beforeWritten = written();
  const cpu = process.cpuUsage();
  const commits = Math.max(20, SECONDS * 10);
  let n = 0;
  for (let i = 0; i < commits; i++) {
    const next = performance.now() + 100;
    await journal.append(Array.from({ length: reportsPerCommit }, () => typicalReport(n++)));
    journal.moveCursor('sink', { settled: journal.lastSequence, above: [] });
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
  }
  const used = process.cpuUsage(cpu);
  await journal.close();
  const writtenBytes = written() - beforeWritten;
  const stored = bytesUnder(directory) - before;
  rmSync(directory, { recursive: true });
  return {
    samplesPerSecond: reportsPerCommit * TAGS * 10,
    bytesPerSample: stored / (n * TAGS),
    writtenPerStored: writtenBytes / stored,
    cpuMsPerCommit: (used.user + used.system) / 1000 / commits,
  };
}

/** Drain: a consumer that reads a backlog by pages, with what the worker takes of memory. */
async function drain() {
  const directory = folder();
  const journal = await open(directory);
  const rssBefore = process.memoryUsage.rss();
  for (let i = 0; i < 100; i++) await journal.append(Array.from({ length: 100 }, (_, k) => typicalReport(i * 100 + k)));
  const start = performance.now();
  let samples = 0;
  for (let after = 0; after < journal.lastSequence; ) {
    const page = await journal.read({ after, until: journal.lastSequence, maxEvents: 1000, maxBytes: 1_000_000 });
    samples += page.events.length * TAGS;
    after = page.through;
  }
  const rate = (samples / (performance.now() - start)) * 1000;
  const rssGrowthMb = (process.memoryUsage.rss() - rssBefore) / 1e6;
  await journal.close();
  rmSync(directory, { recursive: true });
  return { samplesPerSecond: rate, rssGrowthMb, rssMb: process.memoryUsage.rss() / 1e6 };
}

const typicalLoads = { light: await typical(1), usual: await typical(10), heavy: await typical(100) };
const drained = await drain();
const rates = [];
for (const batch of [1, 100, 1000]) {
  const bareRate = bare(batch);
  const sequential = await durable(batch, 1);
  const overlapping = await durable(batch, IN_FLIGHT);
  rates.push({
    batch,
    bare: bareRate,
    sequential,
    overlapping,
    sequentialRatio: sequential / bareRate,
    ratio: overlapping / bareRate,
  });
}
const result = { rates, typical: typicalLoads, drain: drained };
process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
