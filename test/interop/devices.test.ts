import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { isTelemetry } from '../../src/model/event.ts';
import type { Sample } from '../../src/model/telemetry.ts';
import { connectControl } from '../../src/system/control-client.ts';
import { until } from '../support/until.ts';
import { UpstreamReader } from '../support/upstream-reader.ts';
import { mosquitto, startPython } from './peer.ts';
import { rig } from './rig.ts';

/** The newest sample of each tag that reached the upstream. */
function latest(reader: UpstreamReader): Map<string, Sample> {
  const samples = new Map<string, Sample>();
  for (const event of reader.events) {
    if (isTelemetry(event as never))
      for (const sample of (event.data as { toJSON(): { samples: Sample[] } }).toJSON().samples)
        samples.set(sample.n, sample);
  }
  return samples;
}

t.test('every type of value of a pymodbus server reaches mosquitto as it is', async (t) => {
  const work = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
  const [server, broker] = await Promise.all([startPython('pymodbus_server.py'), mosquitto(work)]);
  const device = (name: string, unit: number) => ({
    name,
    driver: 'modbus-tcp',
    host: '127.0.0.1',
    port: server.port,
    unit,
  });
  const gateway = rig({
    gateway: { broker: { enabled: false }, sinks: { plant: { kind: 'mqtt', url: `mqtt://127.0.0.1:${broker.port}` } } },
    devices: [device('one', 1), device('two', 2)],
    tags: [
      'one,i16,test/line,40001,int16,,,,200,',
      'one,u16,test/line,HR:1,uint16,,,,200,',
      'one,i32,test/line,400003,int32,,,,200,',
      'one,f32,test/line,HR:4,float32,CDAB,,,200,',
      'one,f64,test/line,HR:6,float64,,,,200,',
      'one,u64,test/line,HR:10,uint64,,,,200,',
      'one,text,test/line,HR:14,string,,,8,200,',
      'one,bit15,test/line,HR:18,uint16,,15,,200,',
      'one,bit1,test/line,HR:18,uint16,,1,,200,',
      'one,input,test/line,30008,uint16,,,,200,',
      'one,coil,test/line,CO:3,bool,,,,200,',
      'one,discrete,test/line,10002,bool,,,,200,',
      'one,beyond,test/line,HR:190,float64,,,,200,',
      'one,missing,test/line,HR:5000,uint16,,,,200,',
      'two,other,test/line,HR:3,uint16,,,,200,',
    ],
  });
  const reader = await UpstreamReader.start(`mqtt://127.0.0.1:${broker.port}`, { filter: 'headgate/#' });
  const daemon = await gateway.start();
  t.teardown(async () => {
    await daemon.stop();
    await reader.stop();
    await Promise.all([server.stop(), broker.stop()]);
    gateway.remove();
    rmSync(work, { recursive: true, force: true });
  });
  await until(() => latest(reader).size === 15, { what: 'a sample of each tag', timeoutMs: 20_000 });
  await until(() => latest(reader).get('other')?.v === 7, { what: 'the second unit' });
  const values = Object.fromEntries(
    [...latest(reader)].map(([name, { v, q }]) => [name, q === 0 ? v : `status 0x${q.toString(16)}`]),
  );
  t.match(values, {
    i16: -1234,
    u16: 54321,
    i32: -7_654_321,
    f32: 3.25,
    f64: -2.5e-7,
    u64: (2n ** 63n + 5n).toString(),
    text: 'PUMP-7',
    bit15: true,
    bit1: false,
    input: 1007,
    coil: true,
    discrete: true,
    beyond: 0,
    other: 7,
  });
  t.match(values['missing'], /^status 0x8/, 'a register that is not there is Bad');
  const status = await daemon.status();
  t.match(status.tagFaults, [{ device: 'one', tag: 'missing' }], 'and named, alone');
});

t.test('arrays of a pymodbus server are read element by element, in every order of bytes and words', async (t) => {
  const server = await startPython('pymodbus_server.py');
  const gateway = rig({
    gateway: { broker: { enabled: false } },
    devices: [{ name: 'one', driver: 'modbus-tcp', host: '127.0.0.1', port: server.port }],
    tags: [
      'one,words,test/line,40101,int16[8],,,,200,',
      'one,abcd,test/line,HR:110,int32[4],ABCD,,,200,',
      'one,cdab,test/line,HR:120,int32[4],CDAB,,,200,',
      'one,badc,test/line,HR:130,int32[4],BADC,,,200,',
      'one,dcba,test/line,HR:140,int32[4],DCBA,,,200,',
      'one,doubles,test/line,HR:150,float64[2],CDAB,,,200,',
      'one,many,test/line,HR:200,int32[80],,,,200,',
    ],
  });
  const daemon = await gateway.start();
  t.teardown(async () => {
    await daemon.stop();
    await server.stop();
    gateway.remove();
  });
  const control = connectControl(join(gateway.directory, 'data', 'headgate.sock'));
  const values = async () => {
    const rows = await control.currentValues({});
    return new Map(rows.map(({ tag, current }) => [tag, current?.status === 0 ? current.value : null]));
  };
  await until(async () => [...(await values()).values()].every((value) => value !== null), {
    what: 'a value of each element',
    timeoutMs: 20_000,
  });
  const found = await values();
  const array = (name: string, count: number) => Array.from({ length: count }, (_, i) => found.get(`${name}_${i}`));
  t.strictSame(array('words', 8), [-3000, -2000, -1000, 0, 1000, 2000, 3000, 32767]);
  for (const order of ['abcd', 'cdab', 'badc', 'dcba']) {
    t.strictSame(array(order, 4), [1, -2, 0x12345678, -(2 ** 31)], order);
  }
  t.strictSame(array('doubles', 2), [0.1, -1e300]);
  t.strictSame(
    array('many', 80),
    Array.from({ length: 80 }, (_, i) => i * 100_003),
    'more than one request carries',
  );
  t.equal(found.size, 8 + 16 + 2 + 80, 'and nothing else');
});

for (const security of ['None', 'Basic256Sha256'] as const) {
  t.test(`an asyncua server is read with security ${security}, statuses and source times kept`, async (t) => {
    const work = mkdtempSync(join(tmpdir(), 'headgate-interop-'));
    const [server, broker] = await Promise.all([
      startPython('asyncua_server.py', security === 'None' ? [] : [work]),
      mosquitto(work),
    ]);
    const gateway = rig({
      gateway: {
        broker: { enabled: false },
        sinks: { plant: { kind: 'mqtt', url: `mqtt://127.0.0.1:${broker.port}` } },
      },
      devices: [
        {
          name: 'plc',
          driver: 'opcua',
          endpoint: `opc.tcp://127.0.0.1:${server.port}/test`,
          security: security === 'None' ? { policy: 'None', mode: 'None' } : { policy: security },
          ...(security === 'None' ? {} : { trust: { server: 'on_first_use' } }),
        },
      ],
      tags: [
        'plc,counter,test/line,nsu=urn:headgate:test;s=Line.Counter,auto,,,,200,',
        'plc,double,test/line,nsu=urn:headgate:test;s=Line.Double,auto,,,,200,',
        'plc,float,test/line,nsu=urn:headgate:test;s=Line.Float,float32,,,,200,',
        'plc,text,test/line,nsu=urn:headgate:test;s=Line.Text,auto,,,,500,',
        'plc,flag,test/line,nsu=urn:headgate:test;s=Line.Flag,auto,,,,500,',
        'plc,big,test/line,nsu=urn:headgate:test;s=Line.Big,auto,,,,500,',
        'plc,doubtful,test/line,nsu=urn:headgate:test;s=Line.Doubtful,auto,,,,500,',
        'plc,missing,test/line,nsu=urn:headgate:test;s=Line.Nowhere,auto,,,,500,',
      ],
    });
    const reader = await UpstreamReader.start(`mqtt://127.0.0.1:${broker.port}`, { filter: 'headgate/#' });
    const daemon = await gateway.start();
    t.teardown(async () => {
      await daemon.stop();
      await reader.stop();
      await Promise.all([server.stop(), broker.stop()]);
      gateway.remove();
      rmSync(work, { recursive: true, force: true });
    });
    await until(() => Number(latest(reader).get('counter')?.v) > 5 && latest(reader).size === 8, {
      what: 'a sample of each tag',
      timeoutMs: 25_000,
    });
    const samples = latest(reader);
    t.equal(samples.get('double')?.v, -2.5e-7);
    t.equal(samples.get('float')?.v, 3.25);
    t.equal(samples.get('text')?.v, 'läuft');
    t.equal(samples.get('flag')?.v, true);
    t.equal(String(samples.get('big')?.v), (2n ** 63n + 5n).toString());
    t.match(samples.get('doubtful'), { v: 1.5, q: 0x40900000, t: Date.UTC(2026, 0, 2, 3, 4, 5) });
    t.ok((samples.get('missing')?.q ?? 0) >>> 31 === 1, 'a node that is not there is Bad');
    t.match((await daemon.status()).tagFaults, [{ device: 'plc', tag: 'missing' }]);
  });
}
