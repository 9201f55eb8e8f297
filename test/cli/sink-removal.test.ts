import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import t from 'tap';
import { stringify } from 'yaml';
import { startGatewayProcess } from '../../src/cli/demo/gateway-process.ts';
import { until } from '../support/until.ts';
import { headgate } from './run-headgate.ts';

t.test(
  'a sink that is taken out of the configuration keeps its backlog until it is forgotten by command',
  async (t) => {
    const work = await mkdtemp(join(tmpdir(), 'headgate-removal-'));
    t.teardown(() => rm(work, { recursive: true, force: true }));
    const config = join(work, 'config');
    const socket = join(work, 'headgate.sock');
    await mkdir(config);
    const configure = (sinks: object) =>
      writeFile(
        join(config, 'gateway.yaml'),
        stringify({
          gateway: { name: 'gw', asset: 'acme/gw', data_dir: join(work, 'data'), socket },
          broker: { listen: { port: 0 }, anonymous: { publish: ['evt/v1/#'], subscribe: ['#'] } },
          sinks,
        }),
      );
    // Nobody answers: no such name, no TLS, nobody listens. The gateway starts and collects all the same.
    await configure({
      nameless: { kind: 'mqtt', url: 'mqtt://nowhere.invalid', reconnect: { min_ms: 50, max_ms: 100 } },
      plain: { kind: 'mqtt', url: 'mqtts://127.0.0.1:1', reconnect: { min_ms: 50, max_ms: 100 } },
    });
    const first = await startGatewayProcess(config, socket);
    const port = (await first.status()).broker.address?.port ?? 0;
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`);
    for (let n = 0; n < 20; n++) {
      const event = { specversion: '1.0', id: `${n}`, source: '/test', type: 'test.counted.v1', data: { n } };
      await client.publishAsync('evt/v1/acme/line/test_counted_v1', JSON.stringify(event), { qos: 1 });
    }
    await client.endAsync();
    await until(
      async () =>
        (await first.status()).sinks.every(({ reason }) => /ENOTFOUND|EAI_AGAIN|ECONNREFUSED/.test(reason ?? '')),
      {
        what: 'both sinks say why',
      },
    );
    t.same(
      (await first.status()).sinks.map(({ waiting }) => waiting),
      [20, 20],
    );
    t.equal(await first.stop(), 0);

    // A changed setting keeps the place; a removed sink stays visible.
    await configure({ plain: { kind: 'mqtt', url: 'mqtt://127.0.0.1:1', format: 'events', topic: 'other' } });
    const second = await startGatewayProcess(config, socket);
    t.teardown(() => second.stop());
    const cli = (...args: string[]) => headgate(['--socket', socket, ...args]);
    const rows = (await cli('sink', 'list', '--json')).json<{ name: string; kind: string | null; waiting: number }[]>();
    t.match(rows, [
      { name: 'plain', kind: 'mqtt', waiting: 20 },
      { name: 'nameless', kind: null, waiting: 20 },
    ]);
    t.match((await cli('status')).out, /nameless +– +removed .*no longer configured/);
    t.match((await cli('sink', 'forget', 'plain', '--yes')).err, /sink plain is configured/);
    t.same((await cli('sink', 'forget', 'nameless', '--yes', '--json')).json(), {
      sink: 'nameless',
      waiting: 20,
      isForgotten: true,
    });
    const { ledger, gaps } = await second.status().then(({ journal }) => journal);
    t.same(
      ledger.map(({ consumer }) => consumer),
      ['plain'],
    );
    t.match(gaps, [{ lane: 'normal', count: 20, reason: /let go: nameless/ }]);
    t.match((await cli('sink', 'forget', 'nameless', '--yes')).err, /nothing is kept for a sink nameless/);
  },
);
