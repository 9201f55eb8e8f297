import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { diffTags } from '../../src/config/tag-diff.ts';
import type { DeviceRow } from '../../src/ports/control.ts';
import type { DriverStats } from '../../src/ports/driver.ts';
import { startControlServer } from '../../src/system/control-server.ts';
import { recordingObserver } from '../support/observer.ts';
import { tag } from '../support/tag.ts';
import { fakeApi, STATUS } from './control-api.ts';
import { headgate } from './run-headgate.ts';

const LINE = 'driver: modbus-rtu\npath: /dev/ttyUSB0\nbaud_rate: 9600\nparity: none\nlatency_ms: 20\n';

/** Two units on one serial line; the second one's period is given. */
async function configured(t: Test, scanMs: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-plan-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await headgate(['init', directory, '--minimal', '--force']);
  await writeFile(join(directory, 'devices/a.yaml'), `name: a\n${LINE}unit: 1\n`);
  await writeFile(join(directory, 'devices/b.yaml'), `name: b\n${LINE}unit: 2\n`);
  const rows = [
    'device,name,asset,address,type,scan_ms',
    'a,slow,x/y,40001,uint16,10000',
    `b,fast,x/y,40001,float32,${scanMs}`,
  ];
  await writeFile(join(directory, 'tags/t.csv'), `${rows.join('\n')}\n`);
  return directory;
}

t.test('a line with time left: what each group takes, and exit 0', async (t) => {
  const directory = await configured(t, 1000);
  const { code, out } = await headgate(['plan', directory]);
  t.equal(code, 0);
  t.match(out, /serial:\/dev\/ttyUSB0/);
  t.match(out, /RTU at 9600 baud, units answering after 20 ms \(configured\)\n/);
  t.match(out, /b +1000 +1 +1 +4\d\.\d +4\.\d %/);
  const json = (await headgate(['plan', directory, '--json'])).json();
  t.match(json, {
    ok: true,
    changes: null,
    wires: [{ groups: [{ device: 'a' }, { device: 'b', shortestPeriodMs: Number }] }],
  });
});

t.test('a line that is asked for too much: what to slow down, exit 65, and a warning with its place', async (t) => {
  const directory = await configured(t, 30);
  const { code, out } = await headgate(['plan', directory]);
  t.equal(code, 65);
  t.match(out, /error: more than the wire can carry: raise scan_ms of b from 30 to at least \d0/);
  const json = (await headgate(['plan', directory, '--json'])).json();
  t.match(json, {
    ok: false,
    wires: [{ slowDown: [{ device: 'b', periodMs: 30 }], costliestTags: [{ tag: 'fast' }] }],
  });
  const valid = await headgate(['validate', directory, '--json']);
  t.equal(valid.code, 0, 'the daemon would start on it');
  t.match(valid.json(), {
    ok: true,
    problems: [
      { severity: 'warning', code: 'CONFIG_WIRE_OVERLOADED', file: 'devices/b.yaml', line: 1, found: /1\d\d\d ms/ },
    ],
  });
});

t.test('what would change is told against the running daemon', async (t) => {
  const directory = await configured(t, 1000);
  const socketPath = join(directory, 'headgate.sock');
  const running = [
    tag('slow', { device: 'a', asset: 'x/y', address: '40001', type: 'uint16', scanMs: 5_000, deadbandType: 'none' }),
    tag('gone', { asset: 'x/y' }),
  ];
  const [row] = STATUS.devices as [DeviceRow];
  const measured = { ...row, name: 'b', stats: { ...(row.stats as DriverStats), device: 'b', latencyMs: 41.25 } };
  const api = fakeApi({ tags: async () => running, status: async () => ({ ...STATUS, devices: [measured] }) });
  const server = await startControlServer({ socketPath, api, observer: recordingObserver() });
  t.teardown(() => server.close());
  const { out } = await headgate(['--socket', socketPath, 'plan', directory]);
  t.match(
    out,
    /answering after 20 ms \(configured\), 41\.3 ms \(measured\)\n/,
    'what the daemon measures counts first',
  );
  t.match(out, /b +1000 +1 +1 .* 41\.3 measured\n/);
  t.match(out, /1 added, 1 removed, 1 changed\n\+ x\/y\/fast\n- x\/y\/gone\n~ x\/y\/slow: scanMs 5000 → 10000\n/);
});

t.test('tags are the same by asset and name', async (t) => {
  const before = [tag('a'), tag('b'), tag('c')];
  t.strictSame(diffTags(before, before), { added: [], removed: [], changed: [] });
  t.strictSame(diffTags(before, [tag('a', { scale: 2 }), tag('b'), tag('d')]), {
    added: ['acme/line/pump/d'],
    removed: ['acme/line/pump/c'],
    changed: [{ tag: 'acme/line/pump/a', fields: [{ field: 'scale', from: 1, to: 2 }] }],
  });
});
