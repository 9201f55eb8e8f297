import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import t from 'tap';
import { startGatewayProcess } from '../../src/cli/demo/gateway-process.ts';
import { TestModbusServer } from '../support/modbus-server.ts';
import { until } from '../support/until.ts';
import { headgate } from './run-headgate.ts';

t.test(
  'tags are written from the command line and over MQTT, as the rules say, and every write is an event',
  async (t) => {
    const server = await TestModbusServer.start();
    t.teardown(() => server.close());
    const directory = await mkdtemp(join(tmpdir(), 'headgate-write-'));
    t.teardown(() => rm(directory, { recursive: true, force: true }));
    await mkdir(join(directory, 'devices'));
    await mkdir(join(directory, 'tags'));
    const write = (file: string, text: string) => writeFile(join(directory, file), text, { mode: 0o600 });
    await write('hmi', 'geheim');
    await write(
      'gateway.yaml',
      `gateway: { name: g1, asset: acme/hh, data_dir: ${directory}/data }
broker:
  listen: { port: 0 }
  users:
    hmi: { password: { file: ${directory}/hmi }, publish: [cmd/v1/acme/#], subscribe: [evt/v1/acme/#] }
commands:
  rules:
    - { tags: [acme/pump/speed], actors: ['mqtt:hmi', 'cli:*'], min: -50, max: 50, min_interval_ms: 0 }
    - { tags: [acme/pump/mode, acme/pump/total], actors: ['cli:*'], min_interval_ms: 0 }
`,
    );
    await write('devices/pump.yaml', `name: pump\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: ${server.port}\n`);
    await write(
      'tags/pump.csv',
      `device,name,asset,address,type,access,unit,scan_ms,scale
pump,speed,acme/pump,HR:0,int16,rw,rpm,100,
pump,torque,acme/pump,HR:1,int16,rw,Nm,100,
pump,mode,acme/pump,HR:2,uint16,rw,,100,0=off|1=Hand
pump,total,acme/pump,HR:4,uint64,rw,,100,
`,
    );
    const gateway = await startGatewayProcess(directory, join(directory, 'data/headgate.sock'));
    t.teardown(() => gateway.stop());
    const run = (...args: string[]) => headgate(['--config', directory, 'tag', 'write', ...args]);

    const done = await run('speed', '-42', '--reason', 'try it');
    t.equal(done.code, 0, done.err);
    t.match(done.out, /acme\/pump\/speed: done\nbefore 0 rpm, after -42 rpm/);
    t.equal(server.unit.areas.holding[0], 65_536 - 42);
    const tooFast = await run('speed', '51', '--reason', 'try it', '--json');
    t.equal(tooFast.code, 1);
    t.match(tooFast.json(), { outcome: 'refused', problem: '51 is above 50' });
    t.match((await run('torque', '1', '--reason', 'x')).out, /refused, no rule allows writing acme\/pump\/torque/);
    t.match(await run('speed', 'fast', '--reason', 'x'), { code: 2, err: /"fast" is no number/ });
    t.match((await run('mode', 'hand', '--reason', 'x')).out, /mode: done\nbefore off, after Hand/, 'as it is shown');
    t.match(await run('mode', 'auto', '--reason', 'x'), { code: 2, err: /"auto" is no number, and none of off, Hand/ });
    t.match(
      (await run('total', '9007199254740993', '--reason', 'x')).out,
      /total: done\nbefore 0, after 9007199254740993/,
    );
    t.match(await run('sped', '1', '--reason', 'x'), { err: /did you mean "speed"/ });
    t.match(await run('speed', '1'), { code: 2, err: /required option '--reason/ });

    const port = (await gateway.status()).broker.address?.port;
    const hmi = await connectAsync(`mqtt://127.0.0.1:${port}`, {
      username: 'hmi',
      password: 'geheim',
      reconnectPeriod: 0,
    });
    t.teardown(() => hmi.endAsync(true));
    const heard: { type: string; correlationid: string; data: Record<string, unknown> }[] = [];
    hmi.on('message', (_topic, payload) => heard.push(JSON.parse(payload.toString())));
    await hmi.subscribeAsync('evt/v1/acme/pump/#', { qos: 1 });
    const command = { id: 'm-1', value: 17, reason: 'recipe 4', expires: new Date(Date.now() + 50_000).toISOString() };
    await hmi.publishAsync('cmd/v1/acme/pump/speed', JSON.stringify(command), { qos: 1 });
    await until(() => heard.length >= 2, { what: 'both events' });
    t.match(
      heard.map(({ type, correlationid, data }) => [
        type,
        correlationid,
        data['actor'],
        data['outcome'],
        data['after'],
      ]),
      [
        ['headgate.write-requested.v1', 'm-1', 'mqtt:hmi', undefined, undefined],
        ['headgate.write-completed.v1', 'm-1', 'mqtt:hmi', 'done', 17],
      ],
    );
    const audit = await headgate([
      '--config',
      directory,
      'event',
      'query',
      '--type',
      'headgate.write-completed.v1',
      '--json',
    ]);
    t.match(audit.out, new RegExp(`cli:${userInfo().username}`));
  },
);

t.test('without the daemon nothing is written', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-write-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await headgate(['init', directory]);
  const [first] = (await headgate(['--config', directory, 'tag', 'list', '--json'])).json<
    { asset: string; name: string }[]
  >();
  const name = `${first?.asset}/${first?.name}`;
  const refused = await headgate(['--config', directory, 'tag', 'write', name, '1', '--reason', 'x']);
  t.match(refused, { code: 69, err: /No Headgate answers/ });
});
