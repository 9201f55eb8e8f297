import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { systemClock } from '../../src/ports/system-clock.ts';
import { loadWireRecordings } from '../../src/simulate/wire/load-wire.ts';
import { createWireRecorder } from '../../src/simulate/wire/wire-recorder.ts';
import { startWireSimulation } from '../../src/simulate/wire/wire-simulation.ts';
import { TestModbusServer } from '../support/modbus-server.ts';
import { recordingObserver } from '../support/observer.ts';
import { Pty } from '../support/pty.ts';
import { SerialUnitServer, TcpLine } from '../support/serial-unit-server.ts';
import { until } from '../support/until.ts';
import { type CliResult, headgate } from './run-headgate.ts';
import { runningGateway } from './running-gateway.ts';

async function temporary(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-wire-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A configuration of one device with a float, an integer and a coil. */
async function configured(t: Test, device: Readonly<Record<string, unknown>>): Promise<string> {
  const directory = await temporary(t);
  await mkdir(join(directory, 'devices'));
  await mkdir(join(directory, 'tags'));
  await writeFile(
    join(directory, 'gateway.yaml'),
    `gateway:\n  name: g1\n  asset: acme/hh\n  data_dir: ${directory}/data\n`,
  );
  await writeFile(join(directory, 'devices/unit.yaml'), stringify({ name: 'unit', ...device }));
  await writeFile(
    join(directory, 'tags/unit.csv'),
    `device,name,asset,address,type,scan_ms
unit,count,acme/unit,HR:0,uint16,100
unit,level,acme/unit,HR:1,float32,100
unit,refused,acme/unit,HR:10,uint16,100
unit,running,acme/unit,CO:3,bool,100
`,
  );
  return directory;
}

const KINDS: readonly (readonly [what: string, start: (t: Test) => Promise<Readonly<Record<string, unknown>>>])[] = [
  [
    'TCP',
    async (t) => {
      const server = await TestModbusServer.start();
      t.teardown(() => server.close());
      fill(server.unit);
      return { driver: 'modbus-tcp', host: '127.0.0.1', port: server.port };
    },
  ],
  [
    'RTU over TCP',
    async (t) => {
      const server = new SerialUnitServer('rtu');
      const line = await TcpLine.open(server);
      t.teardown(() => line.close());
      fill(server.unit);
      return { driver: 'modbus-rtu-tcp', host: '127.0.0.1', port: line.port };
    },
  ],
  [
    'ASCII on a serial port',
    async (t) => {
      const server = new SerialUnitServer('ascii');
      const pty = await Pty.open();
      pty.onData = (chunk) => server.receive(chunk, (bytes) => pty.write(bytes));
      t.teardown(() => pty.close());
      fill(server.unit);
      return { driver: 'modbus-ascii', path: pty.path, baud_rate: 115_200 };
    },
  ],
];

function fill(unit: TestModbusServer['unit']): void {
  unit.areas.holding.set([7, 0x4048, 0xf5c3]);
  unit.areas.coil[3] = 1;
  unit.refuse('holding', 10, 1);
}

/** Let a command record until 40 frames are on the disk. */
async function recording(directory: string, record: (stop: AbortSignal) => Promise<CliResult>): Promise<CliResult> {
  const stop = new AbortController();
  let hasEnded = false;
  const run = record(stop.signal).finally(() => {
    hasEnded = true;
  });
  const lines = async () => {
    const files = await readdir(directory).catch(() => []);
    const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
    return texts.join('').split('\n').length;
  };
  await until(async () => hasEnded || (await lines()) > 42, { what: 'frames' }).finally(() => stop.abort());
  return run;
}

for (const [what, start] of KINDS) {
  t.test(`what was recorded on a wire answers as the device did: ${what}`, async (t) => {
    const config = await configured(t, await start(t));
    const recorded = join(config, 'recorded');
    const run = await recording(recorded, (stop) =>
      headgate(['--config', config, 'record', recorded, '--wire', '--json'], { stop }),
    );
    t.equal(run.code, 0, run.err);
    t.match(run.json(), { directory: recorded, dropped: 0, links: [/^(tcp|serial):/] });
    t.equal((await readdir(recorded)).length, 1);

    const simulation = await startWireSimulation({
      ...{ recordings: await loadWireRecordings(recorded), speed: 1, loop: true, host: '127.0.0.1', ports: {} },
      ...{ clock: systemClock, observer: recordingObserver() },
    });
    t.teardown(() => simulation.close());
    const [endpoint] = simulation.endpoints;
    t.equal(endpoint?.unusedFrames, 0);
    const replayed = await configured(t, { driver: 'modbus-tcp', host: '127.0.0.1', port: endpoint?.port });
    const read = await headgate(['--config', replayed, 'tag', 'read', '--device', 'unit', '--json']);
    t.same(
      read
        .json<{ tag: string; value: unknown; quality: string }[]>()
        .map(({ tag, value, quality }) => [tag, typeof value === 'number' ? Number(value.toFixed(4)) : value, quality]),
      [
        ['acme/unit/count', 7, 'Good'],
        ['acme/unit/level', 3.14, 'Good'],
        ['acme/unit/refused', null, 'Bad_NodeIdUnknown'],
        ['acme/unit/running', true, 'Good'],
      ],
    );

    const proposed = await temporary(t);
    const call = ['simulate', recorded, '--wire', '--any-port', '--speed', '1000', '--json'];
    const served = await headgate([...call, '--write-config', proposed]);
    t.ok(served.json<{ tags: number }>().tags >= 4, served.err);
    const valid = await headgate(['--config', proposed, 'validate']);
    t.equal(valid.code, 0, valid.out + valid.err);
  });
}

t.test('adapters whose names differ at their ends become devices of their own', async (t) => {
  const recorded = await temporary(t);
  for (const serial of ['A50285BI', 'B60396CJ']) {
    const link = `serial:/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_${serial}-if00-port0`;
    const lines = [
      { format: 'headgate-wire/1', link, framing: 'rtu', began: '2026-11-26T06:31:36.542Z' },
      { t: 11.555, c: 0, q: '010100000005fc09' },
      { t: 24.153, c: 0, a: '010101159047' },
    ];
    await writeFile(join(recorded, `${serial}.wire.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  const config = join(await temporary(t), 'config');
  const call = ['simulate', recorded, '--wire', '--any-port', '--speed', '1000'];
  const served = await headgate([...call, '--write-config', config]);
  t.match(served.out, /10 tags proposed/, served.err);
  const devices = await readdir(join(config, 'devices'));
  t.equal(devices.length, 2);
  t.ok(devices.some((file) => /A50285BI/.test(file)));
  const valid = await headgate(['--config', config, 'validate']);
  t.match(valid, { code: 0, out: /2 devices, 10 tags/ });
});

t.test('recording wires says what is missing', async (t) => {
  const config = await configured(t, { driver: 'opcua', endpoint: 'opc.tcp://127.0.0.1:1' });
  await writeFile(join(config, 'tags/unit.csv'), 'device,name,asset,address\nunit,x,acme/unit,ns=1;s=x\n');
  const none = await headgate(['--config', config, 'record', join(config, 'r'), '--wire']);
  t.equal(none.code, 2);
  t.match(none.err, /--wire records Modbus devices, and none of these is one/);
  const unnamed = await headgate(['--config', config, 'record', join(config, 'r')]);
  t.equal(unnamed.code, 2);
  t.match(unnamed.err, /--name NAME is needed/);
  const full = await configured(t, { driver: 'modbus-tcp', host: '127.0.0.1', port: 1 });
  const refused = await headgate(['--config', full, 'record', full, '--wire']);
  t.match(refused.err, /is not empty/);
});

t.test('what the running daemon sends and gets is recorded without a request more', async (t) => {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  fill(server.unit);
  const { cli, directory, socketPath } = await runningGateway(
    t,
    {
      device: `name: unit\ndriver: modbus-tcp\nhost: 127.0.0.1\nport: ${server.port}\n`,
      tags: ['device,name,asset,address,type,scan_ms', 'unit,count,acme/unit,HR:0,uint16,50'],
    },
    'count',
  );
  const recorded = join(directory, 'recorded');
  const mark = server.seen.length;
  const run = await recording(recorded, (stop) =>
    headgate(['--socket', socketPath, 'record', recorded, '--wire', '--device', 'unit', '--json'], { stop }),
  );
  t.equal(run.code, 0, run.err);
  const { frames } = run.json<{ frames: number }>();
  t.match(run.json(), { by: 'daemon', dropped: 0, isFull: false, links: [`tcp://127.0.0.1:${server.port}`] });
  const asked = server.seen.length - mark;
  t.ok(frames >= 40 && frames <= 2 * asked, `${frames} frames of ${asked} requests`);
  t.equal(server.connections, 1, 'by the daemon alone');
  const [kept] = await loadWireRecordings(recorded);
  t.equal(kept?.frames[0]?.isRequest, true, 'from a request on');
  const gaps = kept?.frames.filter(({ isRequest }) => isRequest).map(({ atMs }) => atMs) ?? [];
  t.ok((gaps.at(-1) ?? 0) - (gaps[0] ?? 0) > 500, 'with the times of the wire');

  const unknown = await cli('record', join(directory, 'r2'), '--wire', '--device', 'units', '--duration', '1');
  t.equal(unknown.code, 1);
  t.match(unknown.err, /the running daemon has no device units/);
});

t.test('a recording ends when it is as large as it may be', async (t) => {
  const directory = await temporary(t);
  const recorder = await createWireRecorder({
    ...{ directory: join(directory, 'r'), clock: systemClock, observer: recordingObserver(), maxBytes: 500 },
  });
  const frame = { link: 'tcp://h:1', framing: 'tcp', connection: 0, isRequest: true, bytes: Buffer.alloc(12) } as const;
  for (let i = 0; i < 100; i++) recorder.take(frame);
  t.ok(recorder.full.aborted);
  const { frames, dropped } = await recorder.finish();
  t.ok(frames > 5 && frames < 20, `${frames} frames`);
  t.equal(dropped, 0);
  const [recording] = await loadWireRecordings(join(directory, 'r'));
  t.equal(recording?.frames.length, frames);
});
