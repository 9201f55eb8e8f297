import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadFixture, startSimulation } from '../../src/simulate/simulator.ts';
import { livedClock } from '../support/lived-time.ts';
import { recordingObserver } from '../support/observer.ts';
import { headgate, headgateProcess } from './run-headgate.ts';

const SIGNALS =
  'time,pressure,speed\n2026-01-01T00:00:00Z,1.5,100\n2026-01-01T00:00:01Z,1.75,101\n2026-01-01T00:00:02Z,1.25,102\n';

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-devices-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A configuration of a simulated Modbus device that is there. */
async function line(t: Test): Promise<{ directory: string; device: string }> {
  const directory = await temporary(t);
  const file = join(directory, 'rig.csv');
  await writeFile(file, SIGNALS);
  const fixture = await loadFixture(file, { protocol: 'modbus-tcp' });
  const simulation = await startSimulation({
    fixture,
    speed: 1,
    loop: true,
    host: '127.0.0.1',
    clock: livedClock,
    observer: recordingObserver(),
  });
  t.teardown(() => simulation.close());
  const config = join(directory, 'config');
  await headgate(['init', config, '--minimal']);
  await simulation.configuration(config);
  const gateway = join(config, 'gateway.yaml');
  await writeFile(
    gateway,
    (await readFile(gateway, 'utf8')).replace(
      'asset: company/site',
      `asset: company/site\n  data_dir: ${directory}/data`,
    ),
  );
  return { directory: config, device: simulation.endpoints[0]?.device ?? '' };
}

t.test('device test connects for real and reads every tag once', async (t) => {
  const { directory, device } = await line(t);
  const result = await headgate(['-c', directory, 'device', 'test', device, '--json']);
  t.equal(result.code, 0, result.out + result.err);
  const found = result.json<{ error: null; tags: { tag: string; quality: string; value: number }[] }>();
  t.equal(found.error, null);
  t.equal(found.tags.length, 2);
  t.ok(found.tags.every(({ quality, value }) => quality === 'Good' && value > 0));
  const text = await headgate(['-c', directory, 'device', 'test', device]);
  t.match(text.out, /answers +yes, in/);
  t.match(text.out, /2 tags read in/);
  t.match(text.out, /device +period ms +tags +requests +bus ms +of the wire +shortest ms +latency ms\n/);
  t.match(text.out, / measured\n/);
  t.match(text.out, /costliest tags +device/);
  t.match(result.json(), {
    wire: {
      utilisation: Number,
      groups: [{ device, tags: 2, latency: { from: 'measured' }, shortestPeriodMs: Number }],
      costliestTags: [{ tag: 'pressure' }, { tag: 'speed' }],
    },
  });
});

t.test('tag read goes to the device itself while no daemon runs', async (t) => {
  const { directory } = await line(t);
  const result = await headgate(['-c', directory, 'tag', 'read', 'speed', '--json']);
  t.equal(result.code, 0, result.out + result.err);
  t.match(result.json(), [{ quality: 'Good', isGood: true }]);
  t.equal((await headgate(['-c', directory, 'tag', 'read'])).code, 2);
  t.match((await headgate(['-c', directory, 'tag', 'read', 'sped'])).err, /did you mean "speed"/);
});

t.test('record writes what the devices say, and simulate serves it again', async (t) => {
  const { directory } = await line(t);
  const fixture = join(directory, 'recorded');
  const recorded = await headgate([
    '-c',
    directory,
    'record',
    fixture,
    '--name',
    'rig',
    '--duration',
    '1500ms',
    '--json',
  ]);
  t.equal(recorded.code, 0, recorded.err);
  t.ok(Number(recorded.json()['readings']) > 0);
  const again = await headgate(['-c', directory, 'record', fixture, '--name', 'rig', '--duration', '1']);
  t.equal(again.code, 1);
  const served = await headgateProcess(['simulate', fixture, '--loop', '--any-port', '--json'], {
    onOutput: (out, stop) => {
      if (out.endsWith('\n')) stop('SIGTERM');
    },
  });
  t.equal(served.code, 0, served.err);
  t.match(served.json(), { fixture: 'rig', endpoints: [{ protocol: 'modbus-tcp' }] });
});

t.test('a device that is not there is told in its own words, with exit 1', async (t) => {
  const { directory, device } = await line(t);
  const file = join(directory, `devices/${device}.yaml`);
  await writeFile(file, (await readFile(file, 'utf8')).replace(/port: \d+/, 'port: 1'));
  const result = await headgate(['-c', directory, 'device', 'test', device]);
  t.equal(result.code, 1);
  t.match(result.out, /answers +no/);
  t.match(result.out, /error +.*(refused|ECONNREFUSED)/i);
  const unknown = await headgate(['-c', directory, 'device', 'test', `${device}x`]);
  t.equal(unknown.code, 1);
  t.match(unknown.err, /did you mean/);
});
