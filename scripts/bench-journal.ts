/**
 * Measures the journal against bare better-sqlite3 in the same run, on the same disk: durable events per second, bytes on disk, written and on the
 * wire for a typical load, CPU of a commit, memory; and over a backlog how fast it drains, how long questions take, and how late the main thread's
 * event loop is meanwhile. Options: `--json`, `--seconds N` (each measurement, default 2), `--backlog-mb N` (default 16; the goal is stated for
 * 2048), `--directory DIR`.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import { type JournalHandle, openJournal } from '../src/journal/journal-client.ts';
import { type EventDraft, TELEMETRY_TYPE } from '../src/model/event.ts';
import { encodeEvent, makeTagList } from '../src/model/event-codec.ts';
import { TelemetryReport } from '../src/model/telemetry.ts';
import type { EventSelection } from '../src/ports/journal.ts';
import { systemClock } from '../src/ports/system-clock.ts';
import { BatchEncoder } from '../src/sinks/batch-encoder.ts';
import { startOnBacklog } from './bench/daemon-start.ts';
import { seededRandom } from './random.ts';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '2' },
    directory: { type: 'string', default: tmpdir() },
    'backlog-mb': { type: 'string', default: '16' },
  },
});
const SECONDS = Number(options.seconds);
const BACKLOG_BYTES = Number(options['backlog-mb']) * 1_000_000;
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

/** Of a kind each ten tags: how a value follows from the one before, in hundredths, as an integer register with a scale has them. */
const random = seededRandom(1);
const levels = Array.from({ length: TAGS }, () => Math.floor(random() * 10_000));
const STEPS: readonly ((level: number, n: number) => number)[] = [
  // A set point, a state and a switch: seldom another.
  (level) => (random() < 0.001 ? Math.floor(random() * 10_000) : level),
  (level) => (random() < 0.01 ? 100 * Math.floor(random() * 8) : level),
  (level) => (random() < 0.01 ? 100 - level : level),
  // Counters.
  (level) => level + 100,
  (level, n) => (n % 5 === 0 ? level + 100 : level),
  // Temperatures and levels: slow, with a little noise.
  (level) => level + Math.round((random() - 0.5) * 4),
  (level) => level + Math.round((random() - 0.5) * 6),
  // Pressure, current, flow and vibration: noise of half a percent.
  (level) => level + Math.round((random() + random() + random() - 1.5) * 20 + (5000 - level) / 50),
  (level) => level + Math.round((random() + random() + random() - 1.5) * 40 + (5000 - level) / 50),
  (level) => level + Math.round((random() + random() + random() - 1.5) * 60 + (5000 - level) / 50),
];

/** A report of 100 values as doubles, all Good, of one source time. */
function typicalReport(n: number, time = 1_700_000_000_000 + n * 1000): EventDraft {
  const values = Float64Array.from({ length: TAGS }, (_, i) => {
    const next = STEPS[Math.floor(i / 10)]?.(levels[i] ?? 0, n) ?? 0;
    levels[i] = next;
    return next / 100;
  });
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
  let n = 0;
  const reports = () => Array.from({ length: reportsPerCommit }, () => typicalReport(n++));
  // The first commit makes the tables of a segment, once for many megabytes.
  const first = await open(directory);
  await first.openCursor('sink', 'beginning');
  await first.append(reports());
  await first.close();
  n = 0;
  const before = bytesUnder(directory);
  const journal = await open(directory);
  const beforeWritten = written();
  const cpu = process.cpuUsage();
  // Opening and closing write, too, but a gateway does so once in months: five times as long as other measurements.
  const commits = Math.max(20, SECONDS * 50);
  for (let i = 0; i < commits; i++) {
    const next = performance.now() + 100;
    await journal.append(reports());
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

/** Bytes a sample on the wire, as the sink sends batches: CBOR and zstd, a thousand reports each. */
async function wire() {
  const encoder = new BatchEncoder({
    journalId: 'bench',
    gateway: 'g',
    sink: 's',
    encoding: 'cbor',
    compression: 'zstd',
  });
  const sizes: number[] = [];
  for (const reports of [10, 100, 250]) {
    const events = Array.from({ length: reports }, (_, n) => {
      const bytes = encodeEvent(typicalReport(n));
      return { sequence: n + 1, lane: 'bulk' as const, recordedtime: 1_700_000_000_000 + n, bytes, list };
    });
    const coverage = { lane: 'bulk' as const, first: 1, last: reports, settled: 0 };
    const message = await encoder.encode({ events, historical: false, coverage }, 1_700_000_000_000);
    sizes.push(message.length / (reports * TAGS));
  }
  const [ofTen, ofHundred, ofFullBatch] = sizes;
  return { ofTen, ofHundred, ofFullBatch };
}

/** A backlog on the disk: drained, searched, and lived with, while reports come at 10,000 samples a second. */
async function backlog() {
  const directory = folder();
  const journal = await open(directory);
  await journal.openCursor('sink', 'beginning');
  let n = 0;
  const started = performance.now();
  while ((await journal.status()).bytes < BACKLOG_BYTES) {
    const reports = Array.from({ length: Math.max(500, Math.floor(BACKLOG_BYTES / 200_000)) }, () =>
      typicalReport(n++),
    );
    for (let i = 0; i < reports.length; i += 500) {
      await Promise.all([0, 1, 2, 3, 4].map((k) => journal.append(reports.slice(i + k * 100, i + k * 100 + 100))));
    }
  }
  const fillSeconds = (performance.now() - started) / 1000;
  const until = journal.lastSequence;
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let isLive = true;
  const commitsMs: number[] = [];
  const live = (async () => {
    while (isLive) {
      const next = performance.now() + 100;
      const start = performance.now();
      await journal.append(Array.from({ length: 10 }, () => typicalReport(n++)));
      commitsMs.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - performance.now())));
    }
  })();
  const measured = async <T extends object>(what: () => Promise<T>) => {
    commitsMs.length = 0;
    delay.reset();
    delay.enable();
    const start = performance.now();
    const found = await what();
    const seconds = (performance.now() - start) / 1000;
    delay.disable();
    commitsMs.sort((a, b) => a - b);
    const commitP99Ms = commitsMs[Math.floor(commitsMs.length * 0.99)] ?? 0;
    return {
      ...found,
      seconds,
      loopDelayP99Ms: delay.percentile(99) / 1e6,
      loopDelayMaxMs: delay.max / 1e6,
      commitP99Ms,
    };
  };
  const search = (where: EventSelection) => async () => {
    let events = 0;
    for (let after = 0; after < until; ) {
      const page = await journal.read({ after, until, where, maxEvents: 500, maxBytes: 262_144 });
      events += page.events.length;
      after = page.through;
    }
    return { events };
  };
  const from = 1_700_000_000_000 + Math.floor(n / 2) * 1000;
  const idle = await measured(async () => {
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    return {};
  });
  const hour = await measured(search({ from, to: from + 3_600_000 }));
  const hourAgain = await measured(search({ from, to: from + 3_600_000 }));
  const nothing = await measured(search({ asset: 'plant/elsewhere' }));
  const drained = await measured(search({}));
  isLive = false;
  await live;
  const status = await journal.status();
  const closing = performance.now();
  await journal.close();
  const closeMs = performance.now() - closing;
  const opening = performance.now();
  const again = await open(directory);
  const openMs = performance.now() - opening;
  await again.close();
  const daemon = await startOnBacklog(directory);
  const drainSamplesPerSecond = (drained.events * TAGS) / drained.seconds;
  return {
    mb: status.bytes / 1e6,
    fillSeconds,
    idle,
    hour,
    hourAgain,
    nothing,
    drained,
    drainSamplesPerSecond,
    closeMs,
    openMs,
    daemon,
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
const result = {
  rates,
  typical: typicalLoads,
  wireBytesPerSample: await wire(),
  drain: drained,
  backlog: await backlog(),
};
process.stdout.write(`${JSON.stringify(result, null, options.json ? 0 : 2)}\n`);
