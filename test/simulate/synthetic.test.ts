import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import ModbusRTU from 'modbus-serial';
import { AttributeIds, type DataValue, OPCUAClient, TimestampsToReturn } from 'node-opcua';
import t from 'tap';
import { systemClock } from '../../src/ports/system-clock.ts';
import { startSyntheticDevices } from '../../src/simulate/synthetic.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { scratch } from './support.ts';

const base = { periodMs: 50, clock: systemClock, observer: recordingObserver() };

t.test('a subscriber sees each value once, counted up, with the time it was made', async (t) => {
  const devices = await startSyntheticDevices({ ...base, protocol: 'opcua', tags: 3 });
  t.teardown(() => devices.close());
  const client = OPCUAClient.create({ endpointMustExist: false });
  await client.connect(devices.endpoints[0]?.url ?? '');
  t.teardown(() => client.disconnect());
  const session = await client.createSession();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    maxNotificationsPerPublish: 2,
    publishingEnabled: true,
    priority: 0,
  });
  const seen: { value: number; time: number; late: number }[] = [];
  let others = 0;
  for (const tag of devices.tags) {
    const item = await subscription.monitor(
      { nodeId: tag.address, attributeId: AttributeIds.Value },
      { samplingInterval: 50, queueSize: 100, discardOldest: true },
      TimestampsToReturn.Both,
    );
    item.on('changed', ({ value, sourceTimestamp }: DataValue) => {
      const time = sourceTimestamp?.getTime() ?? 0;
      if (tag.name === 'v0') seen.push({ value: Number(value.value), time, late: Date.now() - time });
      else others++;
    });
  }
  await until(() => seen.length >= 8 && others >= 16, { what: 'some values' });
  const steps = seen.slice(1).map(({ value }, index) => value - (seen[index]?.value ?? 0));
  t.ok(
    steps.every((step) => step === 1),
    'none missed, none twice',
  );
  t.ok(
    seen.every(({ time, late }, index) => late >= 0 && (index === 0 || time > (seen[index - 1]?.time ?? 0))),
    'times go on',
  );
  t.equal(devices.dropped, 0);
  t.ok(devices.made >= 24);
});

t.test('registers of several units all change every period', async (t) => {
  const devices = await startSyntheticDevices({ ...base, protocol: 'modbus-tcp', tags: 20, units: 2 });
  t.teardown(() => devices.close());
  t.same(
    devices.endpoints.map(({ device, unit }) => [device, unit]),
    [
      ['synthetic-1', 1],
      ['synthetic-2', 1],
    ],
  );
  const modbus = new ModbusRTU.default();
  modbus.setTimeout(10_000);
  await modbus.connectTCP('127.0.0.1', { port: devices.endpoints[1]?.port ?? 0 });
  t.teardown(() => modbus.close(() => undefined));
  modbus.setID(1);
  const first = (await modbus.readHoldingRegisters(0, 10)).data;
  let next = first;
  await until(
    async () => {
      next = (await modbus.readHoldingRegisters(0, 10)).data;
      return next[0] !== first[0];
    },
    { what: 'the next period' },
  );
  t.equal(new Set(next.map((value, index) => value - (first[index] ?? 0))).size, 1, 'all together');
  const directory = await scratch(t);
  await devices.configuration(directory);
  t.match(await readFile(join(directory, 'devices', 'synthetic-2.yaml'), 'utf8'), /driver: modbus-tcp/);
  t.equal((await readFile(join(directory, 'tags', 'synthetic.csv'), 'utf8')).trim().split('\n').length, 21);
});
