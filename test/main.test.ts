// The daemon as a process: what ends its start ends it, at once and with its reason.
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { headgateProcess } from './cli/run-headgate.ts';

const DEVICE = 'name: meter\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: 1\n';
const TAGS = 'device,name,asset,address\nmeter,power,acme/m,40001\n';
const SERVICES = {
  'equipment-state': { assets: [{ asset: 'acme/m', running_tag: 'power' }] },
  health: { assets: [{ asset: 'acme/m', signals: [{ tag: 'power' }] }] },
};

async function configured(t: Test, brokerPort: number) {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-main-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  for (const folder of ['devices', 'tags', 'data']) await mkdir(join(directory, folder));
  const dataDir = join(directory, 'data');
  await writeFile(join(directory, 'devices/meter.yaml'), DEVICE);
  await writeFile(join(directory, 'tags/meter.csv'), TAGS);
  const gateway = {
    gateway: { name: 'g1', asset: 'acme/gateway', data_dir: dataDir },
    broker: { listen: { port: brokerPort } },
    sinks: { up: { kind: 'mqtt', url: 'mqtt://127.0.0.1:1' } },
    services: SERVICES,
  };
  await writeFile(join(directory, 'gateway.yaml'), stringify(gateway));
  return { directory, dataDir };
}

/** Runs the daemon to its end, which has to come by itself: nothing may stay open, so that nothing has to be cut off. */
async function failedStart(t: Test, directory: string) {
  const { code, err } = await headgateProcess(['run', '-c', directory]);
  t.notMatch(err, /was left behind|did not close/);
  return { code, err };
}

t.test('a broker port that is taken ends the start, and names it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { directory } = await configured(t, port);
  const { code, err } = await failedStart(t, directory);
  t.equal(code, 1);
  t.match(err, new RegExp(`cannot go on .*127\\.0\\.0\\.1:${port}.*do=.*ss -ltnp`));
});

t.test('a second daemon on the same data ends, and the first goes on', async (t) => {
  const { directory, dataDir } = await configured(t, 0);
  let second: Awaited<ReturnType<typeof failedStart>> | null = null;
  const first = await headgateProcess(['run', '-c', directory], {
    onError: (err, stop) => {
      if (second !== null || !err.includes('is ready')) return;
      second = { code: null, err: '' };
      void failedStart(t, directory).then((result) => {
        second = result;
        stop('SIGTERM');
      });
    },
  });
  t.equal(first.code, 0);
  t.match(first.err, /headgate has stopped/);
  t.match(second, { code: 1, err: new RegExp(`cannot go on .*${dataDir}`) });
});

t.test('a data directory that holds something else ends the start', async (t) => {
  const { directory, dataDir } = await configured(t, 0);
  await writeFile(join(dataDir, 'journal'), 'in the way');
  const { code, err } = await failedStart(t, directory);
  t.equal(code, 1);
  t.match(err, new RegExp(`cannot go on .*${dataDir}.*do=`));
});

t.test('listens for the command line where --socket says, as every command with it looks there', async (t) => {
  const { directory, dataDir } = await configured(t, 0);
  const socket = join(directory, 'own.sock');
  let asked: { readonly out: string } | null = null;
  let isConfiguredThere = true;
  const daemon = await headgateProcess(['run', '-c', directory, '--socket', socket], {
    onError: (err, stop) => {
      if (asked !== null || !err.includes('is ready')) return;
      asked = { out: '' };
      void headgateProcess(['status', '-c', directory, '--socket', socket]).then((result) => {
        asked = result;
        isConfiguredThere = existsSync(join(dataDir, 'headgate.sock'));
        stop('SIGTERM');
      });
    },
  });
  t.equal(daemon.code, 0, daemon.err);
  t.match(asked, { out: /g1/ });
  t.notOk(isConfiguredThere, 'and nowhere else');
});
