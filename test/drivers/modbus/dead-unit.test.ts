import t from 'tap';
import { modbusRtuTcp } from '../../../src/drivers/modbus/module.ts';
import { Status } from '../../../src/model/quality.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedMs } from '../../support/lived-time.ts';
import { SerialUnitServer, TcpLine } from '../../support/serial-unit-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const TIMEOUT_MS = 2_000;

t.test(
  'on a serial line a unit that dies costs the others one time-out, then short probes by its backoff',
  async (t) => {
    const server = new SerialUnitServer('rtu');
    server.unitAt(9);
    const line = await TcpLine.open(server);
    const common = { host: '127.0.0.1', port: line.port, driver: 'modbus-rtu-tcp', timeout_ms: TIMEOUT_MS } as const;
    const device = (name: string, unit: number) => ({
      name,
      config: { ...common, name, unit, late_reply_ms: 50, reconnect_min_ms: 200, reconnect_max_ms: 400 },
      groups: [{ device: name, periodMs: 20, tags: [tag(name, { device: name, address: 'HR:0', scanMs: 20 })] }],
    });
    const witness = new DriverWitness();
    const driver = await witness.create(modbusRtuTcp, [device('alive', 1), device('dying', 9)]);
    t.teardown(async () => {
      await driver.stop();
      await line.close();
    });
    const is = (name: string, status: number) => witness.readings.get(name)?.status === status;
    await driver.start();
    await until(() => is('alive', Status.Good) && is('dying', Status.Good), { what: 'both' });
    server.unitAt(9).isSilent = true;
    const diedAt = livedMs();
    const since = (unit: number) => server.seen.filter((seen) => seen.unit === unit && seen.at > diedAt);
    await until(() => is('dying', Status.Bad_NoCommunication), { what: 'the dead unit' });
    t.equal(since(9).length, 2, 'one read and one question whether it lives');
    const [read, probe] = since(9) as [(typeof server.seen)[number], (typeof server.seen)[number]];
    t.ok(since(1).filter(({ at }) => read.at < at && at < probe.at).length > 0, 'others are asked between the two');
    const isKnownAt = livedMs();
    t.ok(isKnownAt - probe.at < TIMEOUT_MS / 2, `asked for ${(isKnownAt - probe.at).toFixed(0)} ms`);
    await until(() => since(9).length >= 4, { what: 'two probes by the backoff' });
    const asked = since(1).filter(({ at }) => at > isKnownAt);
    const longest = Math.max(...asked.slice(1).map(({ at }, i) => at - (asked[i]?.at ?? at)));
    t.ok(longest < TIMEOUT_MS / 2, `the others wait for ${longest.toFixed(0)} ms at most`);
    server.unitAt(9).isSilent = false;
    await until(() => is('dying', Status.Good), { what: 'the unit to be back' });
  },
);
