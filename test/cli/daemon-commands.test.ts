import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { HeadgateEvent } from '../../src/model/event.ts';
import type { ControlApi } from '../../src/ports/control.ts';
import { startControlServer } from '../../src/system/control-server.ts';
import { recordingObserver } from '../support/observer.ts';
import { fakeApi, STATUS } from './control-api.ts';
import { headgate, headgateProcess } from './run-headgate.ts';

async function daemon(t: Test, parts: Partial<ControlApi> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-daemon-'));
  const socketPath = join(directory, 'headgate.sock');
  const server = await startControlServer({ socketPath, api: fakeApi(parts), observer: recordingObserver() });
  t.teardown(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  return (...args: string[]) => headgate(['--socket', socketPath, ...args]);
}

t.test('status shows every part, as text and as JSON', async (t) => {
  const cli = await daemon(t);
  const { code, out } = await cli('status');
  t.equal(code, 0);
  t.match(out, /gateway +g1, Headgate 0\.1\.0/);
  t.match(out, /up +1 h 2 min/);
  t.match(out, /plc-1 +modbus-tcp +disconnected .*connection refused/);
  t.match(out, /up +mqtt +down .*ECONNREFUSED/);
  t.match(out, /plc-1 speed: illegal data address 40123/);
  t.notOk(out.includes('\x1b'), 'no colours into a pipe');
  t.same((await cli('status', '--json')).json(), STATUS);
});

t.test('journal status shows the ledger, and whether it adds up', async (t) => {
  const cli = await daemon(t);
  const { out } = await cli('journal', 'status');
  t.match(out, /up +10 +3 +4 +3 +yes/);
  t.match(out, /bulk +1–3 +3 +quota/);
});

t.test('journal verify ends with 1 when the ledger does not hold', async (t) => {
  const report = {
    segments: 1,
    events: 5,
    problems: [{ segment: 'bulk/1.db', problem: 'damaged' }],
    ledger: [],
    holds: false,
  };
  const cli = await daemon(t, { journalVerify: async () => report });
  const { code, out } = await cli('journal', 'verify');
  t.equal(code, 1);
  t.match(out, /bulk\/1\.db: damaged/);
  const good = await daemon(t, { journalVerify: async () => ({ ...report, problems: [], holds: true }) });
  t.equal((await good('journal', 'verify')).code, 0);
});

t.test('event tail prints one line an event, CloudEvents with --json, and ends after a count', async (t) => {
  const event: HeadgateEvent = {
    id: 'j-1',
    sequence: 1,
    source: '/headgate/g/x',
    type: 'headgate.telemetry.v1',
    subject: 'acme/p',
    time: 1_700_000_000_000,
    recordedtime: 1_700_000_000_000,
    lane: 'bulk',
    data: {
      samples: [
        { n: 'speed', v: 71.25, q: 0, t: 0 },
        { n: 'bad', v: null, q: 0x80310000, t: 0 },
        { n: 'evil', v: '\x1b[31m\n', q: 0, t: 0 },
      ],
    },
  };
  const cli = await daemon(t, {
    tailEvents: (_filter, onEvent) => {
      const timer = setInterval(() => onEvent(event), 20);
      return () => clearInterval(timer);
    },
  });
  const text = await cli('event', 'tail', '--count', '2');
  t.equal(text.code, 0);
  t.equal(text.out.trim().split('\n').length, 2);
  t.match(text.out, /acme\/p telemetry speed=71\.25 bad=– \(Bad_NoCommunication\) evil=/);
  t.notOk(text.out.includes('\x1b'), 'control characters of a device do not reach the terminal');
  const json = await cli('event', 'tail', '--json', '-n', '1', '--type', 'headgate.*');
  t.match(json.json(), { specversion: '1.0', id: 'j-1', type: 'headgate.telemetry.v1' });
});

t.test('event tail ends cleanly on SIGINT', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-daemon-'));
  const socketPath = join(directory, 'headgate.sock');
  const api = fakeApi({
    tailEvents: (_filter, onEvent) => {
      const timer = setInterval(
        () =>
          onEvent({
            id: 'a',
            sequence: 1,
            source: 's',
            type: 't.v1',
            subject: 'a',
            time: 0,
            recordedtime: 0,
            lane: 'bulk',
            data: {},
          }),
        20,
      );
      return () => clearInterval(timer);
    },
  });
  const server = await startControlServer({ socketPath, api, observer: recordingObserver() });
  t.teardown(async () => {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  });
  let isStopped = false;
  const { code, err } = await headgateProcess(['--socket', socketPath, 'event', 'tail'], {
    onOutput: (_out, stop) => {
      if (!isStopped) stop('SIGINT');
      isStopped = true;
    },
  });
  t.equal(code, 0);
  t.equal(err, '');
});

t.test('health show draws the score, its reasons and the predicted failure', async (t) => {
  const view = {
    asset: 'acme/pump',
    state: 'scoring',
    learned: 1,
    score: 42.4,
    confidence: 0.9,
    zone: 'C',
    regime: '1',
    contributors: [{ tag: 'vibration_de', expected: 2.1, actual: 7.3, unit: 'mm/s', share: 0.8 }],
    sensorFaults: [],
    prediction: { failure: { p10: 1_700_000_000_000, p50: 1_700_100_000_000, p90: 1_700_200_000_000 } },
    evidence: 'vibration is high',
    case: { id: 'c1', urgency: 'soon', firstSeen: 1_700_000_000_000 },
  };
  const cli = await daemon(t, {
    serviceQuery: async (_service, query, asset) => (query === 'assets' ? [view] : asset === view.asset ? view : null),
  });
  const { out } = await cli('health', 'show', 'acme/pump');
  t.match(out, /score +42\.4 of 100 ████████░/);
  t.match(out, /case +soon, since/);
  t.match(out, /vibration_de +2\.1 mm\/s +7\.3 mm\/s +80 %/);
  t.match((await cli('health', 'show')).out, /acme\/pump +42/);
  const absent = await cli('health', 'show', 'acme/none');
  t.equal(absent.code, 1);
  t.match(absent.err, /no watched asset "acme\/none"/);
});

t.test('sink list shows removed sinks, and sink forget lets only those go, with --yes', async (t) => {
  const [up] = STATUS.sinks;
  if (up === undefined) throw new Error('no sink');
  const removed = { ...up, name: 'old', kind: null, reason: 'no longer configured', held: [] };
  const asked: string[] = [];
  const cli = await daemon(t, {
    status: async () => ({ ...STATUS, sinks: [up, removed] }),
    forgetSink: async (name, actor) => {
      asked.push(name, actor);
      return { events: 7 };
    },
  });
  const { out } = await cli('sink', 'list');
  t.match(out, /up +mqtt +down .*backlog held by schedule until 2023-11-1/);
  t.match(out, /old +– +removed +3 +7 .*no longer configured/);
  const refused = await cli('sink', 'forget', 'up', '--yes');
  t.equal(refused.code, 1);
  t.match(refused.err, /sink up is configured/);
  t.match((await cli('sink', 'forget', 'nobody')).err, /nothing is kept for a sink nobody/);
  const asking = await cli('sink', 'forget', 'old');
  t.equal(asking.code, 1);
  t.match(asking.out, /waiting for old: 7 events that would be let go; do it with --yes/);
  t.same(asked, []);
  t.match((await cli('sink', 'forget', 'old', '--yes')).out, /old is forgotten, and 7 events let go/);
  t.equal(asked[0], 'old');
});
