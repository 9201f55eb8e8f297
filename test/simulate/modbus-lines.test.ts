import t, { type Test } from 'tap';
import { serialPlace } from '../../src/cli/serial-places.ts';
import { driverModules } from '../../src/drivers/registry.ts';
import type { ModbusForm } from '../../src/simulate/modbus-server.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { deviceConfig } from '../../src/simulate/write-configuration.ts';
import { DriverWitness } from '../conformance/driver.ts';
import { livedClock } from '../support/lived-time.ts';
import { NullModem } from '../support/null-modem.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { makeFixture, makeTag } from './support.ts';

const TAGS = [
  makeTag({ device: 'meter', name: 'voltage', address: '30001', type: 'float32', scanMs: 50 }),
  makeTag({ device: 'press', name: 'count', address: '40001', type: 'uint32', byteOrder: 'CDAB', scanMs: 50 }),
];
const LINE = makeFixture(
  [
    { name: 'meter', protocol: 'modbus-tcp', port: 502, unit: 1 },
    { name: 'press', protocol: 'modbus-tcp', port: 502, unit: 2 },
  ],
  [
    [TAGS[0] as (typeof TAGS)[number], [0, 230.5]],
    [TAGS[1] as (typeof TAGS)[number], [0, 65_538]],
  ],
);

/** Serve the line, and read it back by the driver that the written configuration names. */
async function check(t: Test, modbus: ModbusForm, kind: string, path?: string): Promise<void> {
  const observer = recordingObserver();
  const simulation = await startSimulation({
    ...{ fixture: LINE, speed: 1, loop: false, host: '127.0.0.1', modbus, clock: livedClock, observer },
  });
  t.teardown(() => simulation.close());
  const devices = simulation.endpoints.map((endpoint) => {
    const config = { ...deviceConfig(endpoint), timeout_ms: 300, ...(path === undefined ? {} : { path }) };
    const tags = TAGS.filter((tag) => tag.device === endpoint.device);
    return { name: endpoint.device, config, groups: [{ device: endpoint.device, periodMs: 50, tags }] };
  });
  t.ok(
    simulation.endpoints.every(({ protocol }) => protocol === kind),
    'the endpoints say how they are served',
  );
  const module = driverModules.find((one) => one.kind === kind);
  if (module === undefined) throw new Error(`no driver ${kind}`);
  const witness = new DriverWitness();
  const driver = await witness.create(module, devices);
  t.teardown(() => driver.stop());
  await driver.start();
  await until(() => witness.areAll('good', TAGS), { what: 'both units' });
  t.equal(witness.readings.get('voltage')?.value, 230.5);
  t.equal(witness.readings.get('count')?.value, 65_538);
  t.match(await driver.identify('meter'), { vendor: /\w/ });
  const end = simulation.inject({ device: 'press', kind: 'unit_dead' });
  await until(() => witness.areAll('bad', TAGS.slice(1)), { what: 'the dead unit Bad' });
  await end();
  t.ok(witness.areAll('good', TAGS.slice(0, 1)), 'and the other not');
}

t.test('serves RTU over TCP', (t) => check(t, { framing: 'rtu' }, 'modbus-rtu-tcp'));

t.test('serves ASCII over TCP', (t) => check(t, { framing: 'ascii' }, 'modbus-ascii-tcp'));

for (const [framing, kind] of [
  ['tcp', 'modbus-rtu'],
  ['ascii', 'modbus-ascii'],
] as const) {
  t.test(`serves ${kind} on a serial port`, async (t) => {
    const wire = await NullModem.open();
    t.teardown(() => wire.close());
    const place = serialPlace(wire.far.path, 115_200);
    const serial = new Map([
      ['meter', place],
      ['press', place],
    ]);
    await check(t, { framing, serial }, kind, wire.near.path);
  });
}
