import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { receiveEvents } from '../../src/sinks/mqtt/receive.ts';
import { closeSharedBroker, startRig } from '../runtime/forwarder/rig.ts';
import { int16List, plainEvent, report } from '../support/events.ts';
import { type CliResult, headgateProcess } from './run-headgate.ts';

t.teardown(closeSharedBroker);

const FORMATS = [{}, { encoding: 'json', compression: 'gzip' }, { format: 'events' }];
const LIST = int16List('press', 3);

async function stateFile(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-receive-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'state');
}

/** Start `headgate receive`, and do something once it is connected. */
function receiving(args: readonly string[], onConnected: () => Promise<unknown>): Promise<CliResult> {
  let hasBegun = false;
  return headgateProcess(['receive', '--json', ...args], {
    onError: (err) => {
      if (hasBegun || !err.includes('connected')) return;
      hasBegun = true;
      void onConnected();
    },
  });
}

/** `headgate receive` with a state, from where nobody answers. */
const receivingNothing = (state: string) =>
  headgateProcess(['receive', '--url', 'mqtt://127.0.0.1:1', '--topic', 'x', '--state', state]);

const sequencesOf = ({ out }: CliResult) =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(JSON.parse(line).sequence));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

for (const config of FORMATS) {
  t.test(`prints each event once and in order: ${JSON.stringify(config)}`, async (t) => {
    const rig = await startRig(t, config);
    const topic = `rig/${rig.proxy.port}`;
    const result = await receiving(['--url', rig.upstream.url, '--topic', topic, '-n', '403'], async () => {
      await rig.journal.append(Array.from({ length: 400 }, (_, i) => plainEvent(i)));
      await rig.journal.append([report(LIST, [1, 2, 3]), plainEvent(401), plainEvent(402)]);
    });
    t.equal(result.code, 0);
    t.notMatch(result.err, /closed/, 'its own end is no loss of the connection');
    t.same(
      [...sequencesOf(result)].sort((a, b) => a - b),
      upTo(403),
    );
    const [sample] = result.out.split('\n').filter((line) => line.includes('telemetry'));
    t.match(JSON.parse(sample ?? '{}'), {
      specversion: '1.0',
      lane: 'bulk',
      data: { samples: [{ v: 1 }, { v: 2 }, { v: 3 }] },
    });
    t.match(JSON.parse(result.err.trim().split('\n').at(-1) ?? '{}'), {
      unique: 403,
      lost: 0,
      orderViolations: 0,
    });
  });
}

t.test('a restart repeats nothing and misses nothing, however it ended', async (t) => {
  const rig = await startRig(t, { batch: { linger_ms: 0, max_events: 10 } });
  const state = await stateFile(t);
  const args = ['--url', rig.upstream.url, '--topic', `rig/${rig.proxy.port}`, '--state', state, '--client-id', state];
  const all: number[] = [];
  for (const last of [100, 200]) {
    const result = await receiving([...args, '-n', '100'], async () => {
      for (let i = 0; i < 100; i += 10)
        await rig.journal.append(Array.from({ length: 10 }, (_, k) => plainEvent(i + k)));
    });
    t.equal(result.code, 0);
    all.push(...sequencesOf(result));
    t.equal(all.length >= last, true);
  }
  t.same(all, upTo(200));
});

const SOUND = { version: 1, counts: { received: 1, repeats: 0, unique: 1, orderViolations: 0 }, journals: [] };

for (const [title, content] of [
  ['empty', ''],
  ['of another program', '[]'],
  ['without counts', '{"version":1,"journals":[],"counts":{}}'],
  ['with a journal that is none', JSON.stringify({ ...SOUND, journals: [{}] })],
  [
    'with a range that is none',
    JSON.stringify({
      ...SOUND,
      journals: [
        {
          journalId: 'a',
          base: 1,
          settled: 0,
          lanes: [{ lane: 'bulk', covered: [[5, 1]], gaps: { ranges: [], told: [], count: 0, unused: 0 } }],
        },
      ],
    }),
  ],
  ['with a digit changed', `${JSON.stringify(SOUND)}\n${'0'.repeat(64)}\n`],
] as const) {
  t.test(`refuses a state that is damaged before it connects: ${title}`, async (t) => {
    const state = await stateFile(t);
    await writeFile(state, content);
    const { code, err } = await receivingNothing(state);
    t.equal(code, 1);
    t.match(err, /RECEIVER_STATE_INVALID/);
    t.ok(err.includes(state));
  });
}

t.test('takes a state of before states had a checksum', async (t) => {
  const state = await stateFile(t);
  await writeFile(state, JSON.stringify(SOUND));
  const { err } = await receivingNothing(state);
  t.match(err, /RECEIVER_UNREACHABLE/);
});

t.test('names the file of held messages when that is damaged', async (t) => {
  const state = await stateFile(t);
  await writeFile(`${state}.held`, Buffer.from([0, 0, 0, 4, 1, 2, 3, 4]));
  const { err } = await receivingNothing(state);
  t.match(err, /RECEIVER_STATE_INVALID/);
  t.ok(err.includes(`${state}.held`));
});

t.test('passes nothing on that it could not write down', async (t) => {
  const state = join(await stateFile(t), 'missing', 'state');
  const { code, err } = await receivingNothing(state);
  t.equal(code, 1);
  t.match(err, /RECEIVER_STATE_UNWRITABLE/);
});

t.test('one receiver at a time has a state; the next begins when that one is killed', async (t) => {
  const rig = await startRig(t, {});
  const state = await stateFile(t);
  const args = ['receive', '--url', rig.upstream.url, '--topic', `rig/${rig.proxy.port}`, '--state', state];
  const { promise: connected, resolve } = Promise.withResolvers<(signal: NodeJS.Signals) => void>();
  const first = headgateProcess(args, {
    onError: (err, stop) => {
      if (err.includes('connected')) resolve(stop);
    },
  });
  const stop = await connected;
  const pid = (await readFile(`${state}.lock.pid`, 'utf8')).trim();
  const { code, out, err } = await headgateProcess([...args, '--client-id', 'other']);
  t.equal(code, 1);
  t.equal(out, '');
  t.match(err, /RECEIVER_STATE_LOCKED/);
  t.ok(err.includes(state) && err.includes(`Stop the other one (process ${pid})`), err);
  t.not(pid, String(process.pid));
  stop('SIGKILL');
  await first;
  const next = await receiving([...args.slice(1), '-n', '1'], () => rig.journal.append([plainEvent(1)]));
  t.equal(next.code, 0, next.err);
});

t.test('in a program, a state is free again after close and after a start that failed', async (t) => {
  const rig = await startRig(t, {});
  const stateFileOf = await stateFile(t);
  const options = { topic: 'x', clientId: stateFileOf, stateFile: stateFileOf, onEvents: () => {} };
  await t.rejects(receiveEvents({ ...options, url: 'mqtt://127.0.0.1:1' }));
  const one = await receiveEvents({ ...options, url: rig.upstream.url });
  await t.rejects(receiveEvents({ ...options, url: rig.upstream.url }), { code: 'RECEIVER_STATE_LOCKED' });
  await one.close();
  const two = await receiveEvents({ ...options, url: rig.upstream.url });
  await two.close();
});

for (const args of [
  ['--url', '127.0.0.1:1883', '--topic', 'x'],
  ['--url', 'http://127.0.0.1:1883', '--topic', 'x'],
  ['--url', 'mqtt://me:secret@127.0.0.1:1883', '--topic', 'x'],
  ['--url', 'mqtt://127.0.0.1:1883', '--topic', '#'],
  ['--url', 'mqtt://127.0.0.1:1883', '--topic', 'x/#/y'],
]) {
  t.test(`is written wrongly: ${args.join(' ')}`, async (t) => {
    const { code, err } = await headgateProcess(['receive', ...args]);
    t.equal(code, 2);
    t.match(err, /expected/);
  });
}

t.test('a prefix may end as people write it', async (t) => {
  const rig = await startRig(t, {});
  for (const end of ['/', '/#']) {
    const topic = `rig/${rig.proxy.port}${end}`;
    const result = await receiving(['--url', rig.upstream.url, '--topic', topic, '-n', '1'], () =>
      rig.journal.append([plainEvent(1)]),
    );
    t.equal(result.code, 0);
  }
});

t.test('says what is wrong', async (t) => {
  const state = await stateFile(t);
  await writeFile(state, 'no state');
  const damaged = await receivingNothing(state);
  t.equal(damaged.code, 1);
  t.match(damaged.err, /state of the receiver .* cannot be read/);
  const nobody = await headgateProcess(['receive', '--url', 'mqtt://127.0.0.1:1', '--topic', 'x']);
  t.equal(nobody.code, 1);
  t.match(nobody.err, /cannot receive from mqtt:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
});
