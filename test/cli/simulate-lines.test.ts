import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { NullModem } from '../support/null-modem.ts';
import { headgate } from './run-headgate.ts';

/** A second of one value, over in a moment. */
async function simulated(t: Test, options: readonly string[]) {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-lines-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  const csv = join(directory, 'pump.csv');
  await writeFile(csv, 'time,speed,level\n2026-01-01T00:00:00Z,1,20\n2026-01-01T00:00:01Z,2,21\n');
  const config = join(directory, 'config');
  const call = ['simulate', csv, '--protocol', 'modbus-tcp', '--speed', '1000', '--any-port', '--json'];
  const run = await headgate([...call, '--write-config', config, ...options]);
  return {
    run,
    endpoints: () => run.json<{ endpoints: { device: string; protocol: string; url: string }[] }>().endpoints,
    async device() {
      const [file] = await readdir(join(config, 'devices'));
      return parse(await readFile(join(config, 'devices', file ?? ''), 'utf8')) as Record<string, unknown>;
    },
  };
}

for (const framing of ['tcp', 'rtu', 'ascii'] as const) {
  t.test(`--modbus-framing ${framing} serves so, and writes the device that reads it`, async (t) => {
    const { run, endpoints, device } = await simulated(t, ['--modbus-framing', framing]);
    t.equal(run.code, 0, run.err);
    const kind = framing === 'tcp' ? 'modbus-tcp' : `modbus-${framing}-tcp`;
    const [endpoint] = endpoints();
    t.match(endpoint, { protocol: kind, url: /^tcp:\/\/127\.0\.0\.1:\d+$/ });
    t.match(await device(), { driver: kind, port: Number(endpoint?.url.split(':').at(-1)) });
  });
}

t.test('--serial serves a device on a serial port at its rate', async (t) => {
  const modem = await NullModem.open();
  t.teardown(() => modem.close());
  const { device: name } = (await simulated(t, [])).endpoints()[0] ?? { device: '' };
  const { run, endpoints, device } = await simulated(t, [
    '--serial',
    `${name}=${modem.near.path}`,
    '--baud-rate',
    '19200',
  ]);
  t.equal(run.code, 0, run.err);
  t.match(endpoints(), [{ protocol: 'modbus-rtu', url: `serial:${modem.near.path}` }]);
  t.match(await device(), { driver: 'modbus-rtu', path: modem.near.path, baud_rate: 19_200, parity: 'none' });
});

t.test('what is no device or no port is told with what would be right', async (t) => {
  const { device: name } = (await simulated(t, [])).endpoints()[0] ?? { device: '' };
  const unknown = await simulated(t, ['--serial', `${name}x=/dev/ttyX`]);
  t.equal(unknown.run.code, 2);
  t.match(unknown.run.out, new RegExp(`did you mean ${name}\\?`));
  t.match(await simulated(t, ['--serial', name]), { run: { code: 2, out: /expected DEVICE=PATH/ } });
  t.match(await simulated(t, ['--modbus-framing', 'rtx']), { run: { code: 2, out: /tcp, rtu, ascii/ } });
});
