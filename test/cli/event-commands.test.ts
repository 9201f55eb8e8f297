import { lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { parquetReadObjects } from 'hyparquet';
import t, { type Test } from 'tap';
import type { TimelineReport } from '../../src/cli/asset-timeline.ts';
import { HeadgateError } from '../../src/errors/headgate-error.ts';
import { openJournal } from '../../src/journal/journal-client.ts';
import type { EventDraft } from '../../src/model/event.ts';
import type { ReplayRequest } from '../../src/ports/control.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { createEventSearch } from '../../src/runtime/event-search.ts';
import { decodeBatch } from '../../src/sinks/batch-decoder.ts';
import { startControlServer } from '../../src/system/control-server.ts';
import { int16List, plainEvent, report } from '../support/events.ts';
import { recordingObserver } from '../support/observer.ts';
import { fakeApi } from './control-api.ts';
import { type CliResult, headgate } from './run-headgate.ts';

const START = Date.UTC(2026, 10, 25, 10);
const list = int16List('press-1', 3);

/** A minute of reports, a change of state and an alarm in between, and something elsewhere. */
const HISTORY: readonly EventDraft[] = [
  ...Array.from({ length: 60 }, (_, second) => report(list, [second, -second, 7], START + second * 1000)),
  plainEvent(1, {
    subject: list.asset,
    type: 'headgate.equipment-state-changed.v1',
    time: START + 10_000,
    data: { state: 'running', previous: 'idle' },
  }),
  plainEvent(2, {
    subject: list.asset,
    type: 'headgate.maintenance-required.v1',
    lane: 'critical',
    time: START + 20_000,
    data: { caseId: 'c1', status: 'opened', urgency: 'soon', evidence: 'vibration "high", rising' },
  }),
  plainEvent(3, { subject: 'acme/hamburg/line-10', time: START + 30_000 }),
];

type Run = (...args: string[]) => Promise<CliResult>;

/** The history in a real journal, once behind the socket of a daemon and once in the files of one that is down. */
async function places(t: Test): Promise<readonly (readonly [where: string, run: Run])[]> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-events-'));
  const config = join(directory, 'config');
  const dataDir = join(directory, 'data');
  const socketPath = join(directory, 'headgate.sock');
  const journal = await openJournal({
    directory: join(dataDir, 'journal'),
    config: { commit_linger_ms: 0 },
    clock: systemClock,
    observer: recordingObserver(),
  });
  await journal.openCursor('up', 'beginning');
  for (const draft of HISTORY) await journal.append([draft]);
  journal.moveCursor('up', { settled: 20, above: [] });
  // Written down: the files are read too.
  await journal.status();
  const api = fakeApi({ searchEvents: createEventSearch(journal), journalLedger: () => journal.streamLedger() });
  const server = await startControlServer({ socketPath, api, observer: recordingObserver() });
  t.teardown(async () => {
    await server.close();
    await journal.close();
    await rm(directory, { recursive: true, force: true });
  });
  await headgate(['init', '--minimal', config]);
  const environment = { STATE_DIRECTORY: dataDir };
  return [
    ['the running daemon', (...args) => headgate(['--socket', socketPath, ...args])],
    // The journal is open still: reading beside a writer is to disturb neither.
    ['the files', (...args) => headgate(['--config', config, ...args], { environment })],
  ];
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

const lines = ({ out }: CliResult) => out.split('\n').filter((line) => line !== '');

t.test('event query gives the stored events that match', async (t) => {
  for (const [where, run] of await places(t)) {
    await t.test(`from ${where}`, async (t) => {
      const all = await run('event', 'query', '--json');
      t.equal(all.code, 0, all.err);
      t.equal(lines(all).length, HISTORY.length);
      const cases = await run(
        'event',
        'query',
        '--json',
        '--asset',
        'acme/hamburg/line-1',
        '--type',
        'headgate.maint*',
      );
      t.match(
        lines(cases).map((line) => JSON.parse(line)),
        [{ type: 'headgate.maintenance-required.v1', subject: list.asset, data: { caseId: 'c1' } }],
      );
      const range = ['--from', '2026-11-25T10:00:05Z', '--to', '2026-11-25T10:00:08Z'];
      const some = await run('event', 'query', ...range, '--tag', 'register_40002');
      t.strictSame(
        lines(some).map((line) => line.slice(20)),
        [5, 6, 7].map((n) => `000 ${list.asset} telemetry register_40002=${-n}`),
      );
      t.match(some.err, /^source time from 2026-11-25 .* to 2026-11-25 /);
      t.equal(lines(await run('event', 'query', '--limit', '4')).length, 4);
      t.equal(lines(await run('event', 'query', '--lane', 'critical')).length, 1);
      const none = await run('event', 'query', '--asset', 'acme/hamburg/line-2');
      t.equal(none.code, 0);
      t.equal(none.err, 'no events\n');
      for (const [type, hint] of [
        ['telemetry', '; did you mean headgate.telemetry.v1?'],
        ['headgate.telemetry.v2', '; did you mean headgate.telemetry.v1?'],
        ['thinned', '; did you mean headgate.telemetry.thinned.v1?'],
        ['maintenance-requird', '; did you mean headgate.maintenance-required.v1?'],
        ['headgate.mantenance*', '; did you mean headgate.maintenanc*?'],
        ['telemetry*', '; did you mean headgate.telemetry.v1?'],
        ['acme.batch-finished.v1', ''],
      ]) {
        const { code, err } = await run('event', 'query', '--type', `${type}`);
        t.equal(code, 0);
        t.equal(err, `no events\nno event has the type ${type}, and no part of Headgate makes such${hint}\n`);
      }
      for (const type of ['headgate.gap.v1', 'headgate.gap*', 'headgate.test-happened.v1']) {
        const { err } = await run('event', 'query', '--type', type, '--asset', 'acme/hamburg/line-2');
        t.equal(err, 'no events\n', `${type} is known or stored`);
      }
    });
  }
});

t.test('event export writes a file that is whole, in each format', async (t) => {
  for (const [where, run] of await places(t)) {
    await t.test(`from ${where}`, async (t) => {
      const directory = await mkdtemp(join(tmpdir(), 'headgate-export-'));
      t.teardown(() => rm(directory, { recursive: true, force: true }));
      const write = async (format: string, ...args: string[]) => {
        const output = join(directory, `events.${format}`);
        const result = await run('event', 'export', '--format', format, '--output', output, '--json', ...args);
        t.equal(result.code, 0, result.err);
        const bytes = await readFile(output);
        t.match(result.json(), { format, bytes: bytes.length });
        return { bytes, events: result.json<{ events: number }>().events };
      };
      const jsonl = await write('jsonl');
      t.equal(jsonl.events, HISTORY.length);
      t.equal(jsonl.bytes.toString().trimEnd().split('\n').length, HISTORY.length);
      const csv = await write('csv', '--asset', list.asset);
      const rows = parse(csv.bytes.toString(), { columns: true }) as Record<string, string>[];
      t.equal(rows.length, 60 * 3 + 2);
      t.match(rows[4], {
        time: '2026-11-25T10:00:01.000Z',
        asset: list.asset,
        tag: 'register_40002',
        value: '-1',
        quality: 'Good',
        status: '0',
        sequence: '2',
        type: 'headgate.telemetry.v1',
      });
      t.match(JSON.parse(rows.find(({ type }) => type?.includes('maintenance'))?.['text'] ?? ''), {
        evidence: 'vibration "high", rising',
      });
      const wide = await write('csv-wide', '--asset', list.asset, '--every', '10s');
      t.equal(wide.events, 60);
      const intervals = parse(wide.bytes.toString(), { columns: true }) as Record<string, string>[];
      t.equal(intervals.length, 6);
      t.match(intervals[1], { time: '2026-11-25T10:00:10.000Z', register_40002: '-19' });
      const cbor = await write('cbor', '--type', 'headgate.telemetry.v1');
      const batch = await decodeBatch(cbor.bytes);
      t.equal(batch.events.length, 60);
      t.equal(batch.events[3]?.sequence, 4);
      const parquet = await write('parquet');
      t.equal(parquet.bytes.subarray(0, 4).toString(), 'PAR1');
      const table = (await parquetReadObjects({ file: bufferOf(parquet.bytes) })) as Record<string, unknown>[];
      t.equal(table.length, 60 * 3 + 3);
      t.match(table[4], { tag: 'register_40002', value: -1, quality: 'Good', sequence: 2n });
      t.strictSame(await readdir(directory), [
        'events.cbor',
        'events.csv',
        'events.csv-wide',
        'events.jsonl',
        'events.parquet',
      ]);
      const again = await run('event', 'export', '--format', 'csv', '--output', join(directory, 'events.csv'));
      t.equal(again.code, 1);
      t.match(again.err, /exists already/);
      t.strictSame(await readFile(join(directory, 'events.csv')), csv.bytes, 'left as it was');
      t.equal((await write('csv', '--force')).events, HISTORY.length);
    });
  }
});

t.test('event export replaces nothing that is no file, and what a link leads to instead of the link', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-export-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const [[, run] = []] = await places(t);
  if (run === undefined) throw new Error('no place');
  const write = (output: string) => run('event', 'export', '--format', 'jsonl', '--force', '-o', output);
  const [socket, file, link] = ['socket', 'file', 'link'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  t.teardown(() => server.close());
  await writeFile(file, 'before');
  await symlink(file, link);
  for (const output of [socket, directory]) {
    const refused = await write(output);
    t.equal(refused.code, 1);
    t.match(refused.err, /it is there, and is no file/);
  }
  t.ok((await lstat(socket)).isSocket());
  t.equal((await write(link)).code, 0);
  t.ok((await lstat(link)).isSymbolicLink());
  t.not(await readFile(file, 'utf8'), 'before');
  const dash = await write('-');
  t.equal(dash.code, 2);
  t.match(dash.err, /a file is needed/);
});

t.test('journal ledger adds up for each consumer and stream', async (t) => {
  for (const [where, run] of await places(t)) {
    await t.test(`from ${where}`, async (t) => {
      const all = await run('journal', 'ledger', '--json');
      t.equal(all.code, 0, all.err);
      const group = `${list.asset}/${list.group}`;
      t.match(all.json(), {
        holds: true,
        streams: [
          { stream: 'acme/hamburg/line-1/press-1' },
          { stream: group, stored: 60 },
          { stream: 'acme/hamburg/line-10' },
        ],
        rows: [
          { consumer: 'up', stream: list.asset, received: 2, settled: 0, waiting: 2, gaps: 0 },
          { consumer: 'up', stream: group, received: 60, settled: 20, waiting: 40, gaps: 0 },
          { consumer: 'up', stream: 'acme/hamburg/line-10', received: 1, waiting: 1 },
        ],
      });
      const one = await run('journal', 'ledger', '--stream', group);
      t.match(one.out, /up +acme\/hamburg\/line-1\/press-1\/press-1_1000ms +60 +20 +40 +0 +yes/);
      t.notMatch(one.out, /line-10/);
    });
  }
});

t.test('event timeline tells what happened on an asset, and what its tags did', async (t) => {
  for (const [where, run] of await places(t)) {
    await t.test(`from ${where}`, async (t) => {
      const range = ['--from', '2026-11-25T10:00:05Z', '--to', '2026-11-25T10:01Z'];
      const text = await run('event', 'timeline', 'acme/hamburg/line-1', ...range);
      t.equal(text.code, 0, text.err);
      const happened = text.out.split('\n').filter((line) => /(state-changed|maintenance-required)/.test(line));
      t.match(happened[0], /state=running previous=idle/);
      t.match(happened[1], /caseId=c1/);
      t.match(text.out, /register_40001 +55 +5 +31\.5 +59 /);
      const json = (await run('event', 'timeline', list.asset, '--json', ...range)).json<TimelineReport>();
      t.strictSame(
        json.happenings.map(({ kind, time }) => [kind, time - START]),
        [
          ['event', 10_000],
          ['event', 20_000],
        ],
      );
      t.match(json.tags[1], { tag: 'register_40002', min: -59, max: -5, last: -59, changes: 54, samples: 55 });
    });
  }
});

t.test('event replay asks the daemon, tells how far it came, and fails when a service did', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-replay-'));
  const socketPath = join(directory, 'headgate.sock');
  const asked: ReplayRequest[] = [];
  const progress = {
    run: 'r1-1',
    found: 20,
    taken: 19,
    failed: 1,
    published: 3,
    lastError: 'no',
    through: 9,
    until: 9,
  };
  const api = fakeApi({
    async *replayEvents(request) {
      asked.push(request);
      if (request.to === 'nowhere')
        throw new HeadgateError('REPLAY_TARGET_UNKNOWN', { target: 'nowhere', known: 'up' });
      yield { ...progress, failed: 0 };
      if (request.to === 'cut') throw new HeadgateError('SERVICE_NOT_RUNNING', { service: 'cut', state: 'stopped' });
      if (request.to === 'service:health') yield progress;
    },
  });
  const server = await startControlServer({ socketPath, api, observer: recordingObserver() });
  t.teardown(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const run: Run = (...args) => headgate(['--socket', socketPath, 'event', 'replay', ...args]);
  const range = ['--from', '2026-11-25T10:00Z', '--to', '2026-11-25T11:00Z'];
  const sink = await run('--to', 'up', ...range, '--asset', 'acme/', '--rate', '50', '--json');
  t.equal(sink.code, 0, sink.err);
  t.match(sink.json(), { run: 'r1-1', taken: 19, isCancelled: false });
  t.match(asked[0], {
    to: 'up',
    eventsPerSecond: 50,
    isKept: false,
    by: /^cli:./,
    where: { from: START, to: START + 3_600_000, asset: 'acme' },
  });
  const service = await run('--to', 'service:health', ...range, '--keep-effects');
  t.equal(service.code, 1);
  t.match(service.out, /failed +1: no/);
  t.equal(asked[1]?.isKept, true);
  t.match((await run('--to', 'nowhere', ...range)).err, /there is no sink and no service nowhere/);
  t.match((await run('--to', 'cut', ...range)).err, /cut/);
  t.equal((await run('--to', 'up')).code, 2, 'not everything by mistake');
  t.equal((await run(...range)).code, 2, 'a target is needed');
});

t.test('event query names what is wrong with its options', async (t) => {
  const run: Run = (...args) => headgate(['--socket', '/nowhere', 'event', 'query', ...args]);
  for (const [args, reason] of [
    [['--asset', 'acme//x'], /expected an asset path/],
    [['--type', 'Telemetry'], /expected an event type/],
    [['--lane', 'fast'], /expected critical, normal, bulk/],
    [['--from', 'soon'], /Expected a time such as/],
    [['--from', '2026-11-25T10:00Z', '--to', '2026-11-25T09:00Z'], /is not before/],
  ] as const) {
    const { code, err } = await run(...args);
    t.equal(code, 2);
    t.match(err, reason);
  }
});
