import {
  AttributeIds,
  type ClientSession,
  type DataValue,
  makeBrowsePath,
  OPCUAClient,
  TimestampsToReturn,
} from 'node-opcua';
import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import type { Fault } from '../../src/simulate/faults.ts';
import { startSimulation } from '../../src/simulate/simulator.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';
import { makeFixture, makeTag } from './support.ts';

const LINE = makeFixture(
  [
    {
      name: 'plc',
      protocol: 'opcua',
      namespaces: ['urn:plc', 'urn:plc:pump'],
      identity: { vendor: 'Acme', product: 'PLC' },
    },
  ],
  [
    [
      makeTag({ device: 'plc', name: 'speed', address: 'ns=2;s=Pump.Speed', type: 'float32' }),
      [0, Math.fround(1480.1)],
      [20_000, Math.fround(1481.5), Status.Uncertain_LastUsableValue],
      [40_000, null, Status.Bad_SensorFailure],
    ],
    [
      makeTag({ device: 'plc', name: 'strokes', address: 'nsu=urn:plc:pump;i=1000', type: 'uint64' }),
      [0, 2n ** 63n + 5n],
    ],
    [makeTag({ device: 'plc', name: 'leak', address: 'ns=1;i=7', type: 'uint16', bit: 0 }), [0, true]],
    [makeTag({ device: 'plc', name: 'hot', address: 'ns=1;i=7', type: 'uint16', bit: 9 }), [0, true]],
    [makeTag({ device: 'plc', name: 'mode', address: '/Objects/2:Pump/2:Mode', type: 'string' }), [0, 'AUTO']],
    [makeTag({ device: 'plc', name: 'late', address: 'ns=4;s=Late', type: 'bool' }), [30_000, true]],
    [makeTag({ device: 'plc', name: 'clock', address: 'i=2258', type: 'auto' })],
  ],
);

/** The system's clock, whose wall time stands until it is let go: a test that is slow to connect misses nothing of the line. */
function heldClock(): { clock: Clock; letGo(): void } {
  const heldAt = Date.now();
  let behindMs: number | null = null;
  return {
    clock: { ...systemClock, now: () => (behindMs === null ? heldAt : Date.now() - behindMs) },
    letGo: () => {
      behindMs = Date.now() - heldAt;
    },
  };
}

async function startLine(t: Tap, speed = 1, faults: Fault[] = [], clock: Clock = systemClock) {
  const simulation = await startSimulation({
    fixture: LINE,
    speed,
    loop: false,
    host: '127.0.0.1',
    faults,
    clock,
    observer: recordingObserver(),
  });
  t.teardown(() => simulation.close());
  const url = simulation.endpoints[0]?.url ?? '';
  const open = async (): Promise<{ client: OPCUAClient; session: ClientSession }> => {
    const client = OPCUAClient.create({
      endpointMustExist: true,
      connectionStrategy: { maxRetry: 0 },
      requestedSessionTimeout: 10_000,
    });
    await client.connect(url);
    const session = await client.createSession();
    t.teardown(() => client.disconnect());
    return { client, session };
  };
  return { simulation, open };
}

type Tap = { teardown(act: () => unknown): void };

function shown({ value, statusCode }: DataValue): unknown[] {
  return [value.value, statusCode.value];
}

t.test('a client reads values, status codes and source times as they were recorded', async (t) => {
  const startedAt = Date.now();
  const { open, simulation } = await startLine(t);
  const { session } = await open();
  const ids = ['ns=2;s=Pump.Speed', 'ns=2;i=1000', 'ns=1;i=7', 'ns=4;s=Late', 'i=2258'];
  const values = await session.read(ids.map((nodeId) => ({ nodeId, attributeId: AttributeIds.Value })));
  t.same(values.slice(0, 4).map(shown), [
    [Math.fround(1480.1), 0],
    [[2 ** 31, 5], 0],
    [0x201, 0],
    [null, Status.Bad_WaitingForInitialData],
  ]);
  t.equal(values[4]?.statusCode.value, 0, 'a tag of the standard namespace is answered by the server itself');
  const sourceTime = values[0]?.sourceTimestamp?.getTime() ?? 0;
  t.ok(sourceTime >= startedAt && sourceTime <= Date.now(), 'shifted to now');
  const { targets } = await session.translateBrowsePath(makeBrowsePath('RootFolder', '/Objects/2:Pump/2:Mode'));
  const mode = await session.read({ nodeId: targets?.[0]?.targetId ?? '', attributeId: AttributeIds.Value });
  t.same(shown(mode), ['AUTO', 0], 'found by its browse path');
  t.same((await session.readNamespaceArray()).slice(1, 3), ['urn:plc', 'urn:plc:pump']);
  t.equal(simulation.endpoints[0]?.unit, null);
});

t.test('a subscriber sees every change with its status and its time', async (t) => {
  const { clock, letGo } = heldClock();
  const { open } = await startLine(t, 50, [], clock);
  const { session } = await open();
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    maxNotificationsPerPublish: 0,
    publishingEnabled: true,
    priority: 0,
  });
  const seen: DataValue[] = [];
  const item = await subscription.monitor(
    { nodeId: 'ns=2;s=Pump.Speed', attributeId: AttributeIds.Value },
    { samplingInterval: 50, queueSize: 10, discardOldest: true },
    TimestampsToReturn.Both,
  );
  item.on('changed', (value: DataValue) => seen.push(value));
  await until(() => seen.length === 1, { what: 'the first value' });
  letGo();
  await until(() => seen.length >= 3, { what: 'three values' });
  t.same(seen.map(shown), [
    [Math.fround(1480.1), 0],
    [Math.fround(1481.5), Status.Uncertain_LastUsableValue],
    [null, Status.Bad_SensorFailure],
  ]);
  const times = seen.map(({ sourceTimestamp }) => sourceTimestamp?.getTime() ?? 0);
  t.equal((times[2] ?? 0) - (times[1] ?? 0), 400, '20 s of the recording at 50 times the speed');
});

t.test('bad quality on request, and the recorded value when it ends', async (t) => {
  const { simulation, open } = await startLine(t);
  const { session } = await open();
  const read = async () => shown(await session.read({ nodeId: 'ns=2;s=Pump.Speed', attributeId: AttributeIds.Value }));
  const end = simulation.inject({
    device: 'plc',
    kind: 'bad_quality',
    tags: ['speed'],
    status: Status.Bad_DeviceFailure,
  });
  t.same(await read(), [null, Status.Bad_DeviceFailure]);
  await end();
  t.same(await read(), [Math.fround(1480.1), 0]);
  t.throws(() => simulation.inject({ device: 'plc', kind: 'unit_dead' }), { code: 'SIMULATE_FAULT_INVALID' });
});

t.test('a server that is gone cuts its clients and comes back; a frozen one goes on where it stood', async (t) => {
  const { simulation, open } = await startLine(t);
  const { client, session } = await open();
  const endFreeze = simulation.inject({ device: 'plc', kind: 'frozen' });
  let isAnswered = false;
  const pending = session.read({ nodeId: 'ns=1;i=7', attributeId: AttributeIds.Value }).then((value) => {
    isAnswered = true;
    return value;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.notOk(isAnswered, 'no answer while frozen');
  await endFreeze();
  t.same(shown(await pending), [0x201, 0]);
  let isLost = false;
  client.on('connection_lost', () => {
    isLost = true;
  });
  const endGone = simulation.inject({ device: 'plc', kind: 'gone' });
  await until(() => isLost, { what: 'the client notices' });
  await t.rejects(open(), /ECONNREFUSED|connect/i);
  await endGone();
  const again = await open();
  t.same(shown(await again.session.read({ nodeId: 'ns=1;i=7', attributeId: AttributeIds.Value })), [0x201, 0]);
});

t.test('security policies are offered with a certificate made at the start', async (t) => {
  const { simulation } = await startLine(t);
  const client = OPCUAClient.create({ endpointMustExist: false });
  await client.connect(simulation.endpoints[0]?.url ?? '');
  const endpoints = await client.getEndpoints();
  await client.disconnect();
  const offered = new Set(endpoints.map((one) => `${one.securityPolicyUri?.split('#')[1]} ${one.securityMode}`));
  t.same([...offered].sort(), [
    'Aes128_Sha256_RsaOaep 2',
    'Aes128_Sha256_RsaOaep 3',
    'Aes256_Sha256_RsaPss 2',
    'Aes256_Sha256_RsaPss 3',
    'Basic256Sha256 2',
    'Basic256Sha256 3',
    'None 1',
  ]);
  t.ok(endpoints.every((one) => (one.serverCertificate?.length ?? 0) > 500));
});
