import { ServerTCP } from 'modbus-serial';
import t, { type Test } from 'tap';
import type { ModbusTcpConfig } from '../../../src/drivers/modbus/config.ts';
import { modbusTcp } from '../../../src/drivers/modbus/module.ts';
import { isGood, Status } from '../../../src/model/quality.ts';
import type { ScanGroup } from '../../../src/model/reading.ts';
import type { TagDefinition } from '../../../src/model/tag.ts';
import type { Driver, DriverDevice } from '../../../src/ports/driver.ts';
import { DriverWitness } from '../../conformance/driver.ts';
import { livedClock, livedMs, livedMsOf } from '../../support/lived-time.ts';
import { framed, type SeenRequest, TestModbusServer } from '../../support/modbus-server.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

interface Rig {
  readonly server: TestModbusServer;
  readonly witness: DriverWitness;
  readonly driver: Driver;
}

interface DeviceOptions extends Partial<ModbusTcpConfig> {
  /** Addresses by tag name, or more of a tag. */
  readonly tags: Readonly<Record<string, string | Partial<TagDefinition>>>;
  readonly scanMs?: number;
}

function device(
  server: TestModbusServer,
  { tags, scanMs = 30, ...over }: DeviceOptions,
): DriverDevice<ModbusTcpConfig> {
  const name = over.name ?? 'unit';
  const definitions = Object.entries(tags).map(([tagName, form]) =>
    tag(tagName, { device: name, type: 'uint16', scanMs, ...(typeof form === 'string' ? { address: form } : form) }),
  );
  const groups = [...new Set(definitions.map((definition) => definition.scanMs))].map(
    (periodMs): ScanGroup => ({ device: name, periodMs, tags: definitions.filter((one) => one.scanMs === periodMs) }),
  );
  return {
    name,
    config: {
      ...{ name, driver: 'modbus-tcp', host: '127.0.0.1', port: server.port, timeout_ms: 60 },
      ...{ reconnect_min_ms: 50, reconnect_max_ms: 100, faulty_tag_retry_ms: 1_000 },
      ...over,
    },
    groups,
  };
}

async function rig(
  t: Test,
  devices: readonly DeviceOptions[],
  prepare?: (server: TestModbusServer) => void,
): Promise<Rig> {
  const server = await TestModbusServer.start();
  prepare?.(server);
  const witness = new DriverWitness();
  const driver = await witness.create(
    modbusTcp,
    devices.map((options) => device(server, options)),
  );
  t.teardown(async () => {
    await driver.stop();
    await server.close();
  });
  await driver.start();
  return { server, witness, driver };
}

const isRead = (witness: DriverWitness, name: string) => {
  const reading = witness.readings.get(name);
  return reading !== undefined && isGood(reading.status);
};
const statusIs = (witness: DriverWitness, name: string, status: number) =>
  witness.readings.get(name)?.status === status;
const count = (witness: DriverWitness, event: string) =>
  witness.observer.emitted.filter(({ name }) => name === event).reduce((sum, emission) => sum + emission.count, 0);
const extents = (seen: readonly SeenRequest[]) => new Set(seen.map((request) => `${request.offset}+${request.count}`));

t.test('reads tags of all areas in the fewest requests and decodes them', async (t) => {
  const { server, witness } = await rig(
    t,
    [
      {
        tags: {
          a: '40001',
          b: { address: '40003', type: 'int32', byteOrder: 'CDAB' },
          bit: { address: '40002.3', type: 'uint16' },
          input: { address: 'IR:9', type: 'float32' },
          coil: { address: '00005', type: 'bool' },
          contact: { address: 'DI:1', type: 'bool' },
          text: { address: 'HR:10', type: 'string', length: 6 },
        },
      },
    ],
    ({ unit }) => {
      unit.areas.holding.set([11, 8, 0xfffe, 0xffff]);
      unit.areas.holding.set([0x5072, 0x6573, 0x7300], 10);
      unit.areas.input.set([0x3f80, 0], 9);
      unit.areas.coil[4] = 1;
    },
  );
  await until(() => isRead(witness, 'text'), { what: 'a scan' });
  const value = (name: string) => witness.readings.get(name)?.value;
  t.equal(value('a'), 11);
  t.equal(value('b'), -2);
  t.equal(value('bit'), true);
  t.equal(value('input'), 1);
  t.equal(value('coil'), true);
  t.equal(value('contact'), false);
  t.equal(value('text'), 'Press');
  t.strictSame(
    server.seen.slice(0, 4).map(({ code, offset, count: n }) => [code, offset, n]),
    [
      [1, 4, 1],
      [2, 1, 1],
      [4, 9, 2],
      [3, 0, 13],
    ],
  );
});

t.test('reads every unit that addresses name, each apart', async (t) => {
  const { witness, driver } = await rig(t, [{ tags: { one: '40001', two: '2!40001', three: '3!40001' } }], (server) => {
    server.unitAt(1).areas.holding[0] = 1;
    server.unitAt(2).areas.holding[0] = 2;
    server.unitAt(3).isSilent = true;
  });
  await until(() => isRead(witness, 'one') && isRead(witness, 'two'), { what: 'both units' });
  t.equal(witness.readings.get('two')?.value, 2);
  await until(() => statusIs(witness, 'three', Status.Bad_NoCommunication), { what: 'the silent unit' });
  t.equal(witness.states.at(-1)?.state, 'connected');
  t.ok((driver.stats()[0]?.timeouts ?? 0) >= 1);
});

t.test('a dead unit costs the others on its connection one time-out a backoff, not one a scan', async (t) => {
  const { server, witness } = await rig(
    t,
    [
      {
        name: 'dead',
        unit: 9,
        tags: { d1: '40001', d2: { address: '40001', scanMs: 45 } },
        reconnect_min_ms: 400,
        reconnect_max_ms: 400,
      },
      { name: 'alive', unit: 1, tags: { a: '40001' } },
    ],
    (server) => {
      server.unitAt(9).isSilent = true;
    },
  );
  await until(() => statusIs(witness, 'd1', Status.Bad_NoCommunication), { what: 'the dead unit' });
  const mark = server.seen.length;
  const asked = (unit: number) => server.seen.slice(mark).filter((request) => request.unit === unit).length;
  await until(() => asked(9) >= 3, { what: 'three probes' });
  // A backoff lasts for six scans and more; two groups of the dead unit would be scanned more often than the one of the other.
  t.ok(asked(1) >= 12, `${asked(1)} scans of the other`);
  const state = (name: string) => witness.states.findLast((one) => one.device === name);
  t.match(state('dead'), { state: 'disconnected', reason: /unit 9 .* did not answer/ });
  t.match(state('alive'), { state: 'connected' });
  server.unitAt(9).isSilent = false;
  await until(() => isRead(witness, 'd1') && isRead(witness, 'd2'), { what: 'the unit to be back' });
});

t.test('a probe holds nobody up for its whole time-out, and its answer counts however late it is', async (t) => {
  const { server, witness } = await rig(
    t,
    [
      { name: 'slow', unit: 9, tags: { d: '40001' }, timeout_ms: 5_000 },
      { name: 'alive', unit: 1, tags: { a: '40001' }, timeout_ms: 5_000 },
    ],
    (server) => {
      server.unitAt(9).exception = 11;
    },
  );
  await until(() => statusIs(witness, 'd', Status.Bad_NoCommunication) && isRead(witness, 'a'), { what: 'both' });
  let probe: SeenRequest | null = null;
  server.behave = (request) => {
    if (request.unit === 9 && probe === null) probe = request;
    else if (request.unit === 1 || probe !== null) request.socket.write(request.honest);
  };
  await until(() => probe !== null, { what: 'a probe' });
  const { at, socket, honest } = probe as unknown as SeenRequest;
  server.unitAt(9).exception = 0;
  const past = () => server.seen.filter((request) => request.unit === 1 && request.at > at);
  await until(() => past().length >= 3, { what: 'others to be read while the probe is unanswered' });
  t.ok((past()[2]?.at ?? Number.POSITIVE_INFINITY) - at < 4_000, 'before its time-out');
  t.notOk(isRead(witness, 'd'));
  socket.write(Buffer.concat([honest.subarray(0, 4), Buffer.from([0, 5, 9, 3, 2, 0, 7])]));
  await until(() => isRead(witness, 'd'), { what: 'the unit to be back' });
  t.equal(server.connections, 1, 'on one connection');
});

t.test('a unit that is dead from the start holds up nobody for its time-out', async (t) => {
  const { server, witness } = await rig(
    t,
    [
      { name: 'alive', unit: 1, tags: { a: '40001' }, timeout_ms: 5_000 },
      { name: 'dead', unit: 9, tags: { d: '40001', e: { address: 'HR:1', scanMs: 40 } }, timeout_ms: 5_000 },
    ],
    (server) => {
      server.unitAt(9).isSilent = true;
    },
  );
  await until(() => server.seen.some(({ unit }) => unit === 9), { what: 'the dead unit to be asked' });
  const began = livedMs();
  const later = () => server.seen.filter(({ unit, at }) => unit === 1 && at > began).length;
  await until(() => later() >= 3, { what: 'others to be read' });
  t.ok(livedMs() - began < 4_000, 'before its time-out');
  t.equal(server.seen.filter(({ unit }) => unit === 9).length, 1, 'and one request asks it, of however many groups');
  t.ok(isRead(witness, 'a'));
});

t.test('a unit that dies holds up nobody for its time-out', async (t) => {
  const { server, witness } = await rig(
    t,
    [
      { name: 'alive', unit: 1, tags: { a: '40001' }, timeout_ms: 5_000 },
      { name: 'dying', unit: 9, tags: { d: '40001', e: { address: 'HR:1', scanMs: 40 } }, timeout_ms: 5_000 },
    ],
    (server) => {
      server.unitAt(9);
    },
  );
  await until(() => isRead(witness, 'a') && isRead(witness, 'e'), { what: 'both' });
  server.unitAt(9).isSilent = true;
  const died = server.seen.length;
  const since = (unit: number) => server.seen.slice(died).filter((request) => request.unit === unit);
  await until(() => since(9).length > 0 && since(1).some(({ at }) => at > (since(9)[0]?.at ?? at) + 200), {
    what: 'others to be read while it owes an answer',
  });
  t.equal(since(9).length, 1, 'which alone it was asked for');
  const [asked] = since(9) as [SeenRequest];
  const gaps = since(1).filter(({ at }) => at > asked.at);
  t.ok((gaps[0]?.at ?? Number.POSITIVE_INFINITY) - asked.at < 2_000);
  asked.socket.write(asked.honest);
  await until(() => since(9).length > 1, { what: 'the next request to it' });
  t.equal(server.connections, 1);
  t.equal(count(witness, 'modbus-unit-silent'), 0);
});

t.test('a unit that falls silent costs two time-outs, however many groups it has', async (t) => {
  const { server, witness } = await rig(t, [
    {
      reconnect_min_ms: 2_000,
      reconnect_max_ms: 2_000,
      tags: Object.fromEntries(
        [20, 21, 22, 23, 24, 25].map((scanMs) => [`t${scanMs}`, { address: `HR:${scanMs * 10}`, scanMs }]),
      ),
    },
  ]);
  await until(() => isRead(witness, 't20') && isRead(witness, 't25'), { what: 'scans' });
  server.unit.isSilent = true;
  const mark = server.seen.length;
  await until(() => statusIs(witness, 't25', Status.Bad_NoCommunication), { what: 'Bad' });
  t.ok(server.seen.length - mark <= 2, `${server.seen.length - mark} requests`);
});

t.test('names every tag that a unit refuses, reads the others in few requests, and takes them back', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`t${i}`, `HR:${i}`]));
  const { server, witness } = await rig(t, [{ tags }], ({ unit }) => {
    unit.areas.holding.fill(7, 0, 40);
    unit.refuse('holding', 3);
    unit.refuse('holding', 20, 2);
  });
  await until(() => witness.faults.size === 3, { what: 'three faults' });
  t.strictSame([...witness.faults.keys()].sort(), ['t20', 't21', 't3']);
  t.equal(witness.faults.get('t3')?.reason, 'illegal data address: unit 1 holding 3 (1 register)');
  await until(() => isRead(witness, 't39'), { what: 'the good ones' });
  t.ok(statusIs(witness, 't20', Status.Bad_NodeIdUnknown));
  t.equal(witness.readings.get('t2')?.value, 7);
  const mark = server.seen.length;
  await until(() => server.seen.length > mark + 12, { what: 'further scans' });
  t.strictSame([...extents(server.seen.slice(mark + 3, mark + 9))].sort(), ['0+3', '22+18', '4+16']);
  server.unit.allow('holding', 20, 2);
  await until(() => witness.faults.size === 1 && isRead(witness, 't20') && isRead(witness, 't21'), {
    what: 'two back',
  });
  t.notOk(isRead(witness, 't3'));
});

t.test('a refused tag is reported Bad once, not in every scan', async (t) => {
  const { witness } = await rig(t, [{ tags: { good: '40001', bad: '40002' } }], ({ unit }) =>
    unit.refuse('holding', 1),
  );
  await until(() => witness.faults.has('bad'), { what: 'the fault' });
  const mark = witness.batches;
  await until(() => witness.batches > mark + 5, { what: 'further scans' });
  t.equal(witness.history.filter(({ tag: name }) => name === 'bad').length, 1);
});

t.test('learns what lies between tags and may not be read, blaming no tag', async (t) => {
  const { server, witness } = await rig(t, [{ tags: { a: '40001', b: '40002', c: '40006', d: '40009' } }], ({ unit }) =>
    unit.refuse('holding', 3),
  );
  await until(() => isRead(witness, 'a') && isRead(witness, 'd'), { what: 'all tags' });
  const mark = server.seen.length;
  await until(() => server.seen.length > mark + 6, { what: 'further scans' });
  t.equal(witness.faults.size, 0);
  t.strictSame([...extents(server.seen.slice(mark))].sort(), ['0+2', '5+4']);
  t.notOk(witness.history.some(({ reading }) => !isGood(reading.status)));
});

t.test('learns how much a unit gives at once', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`t${i}`, `HR:${i}`]));
  const { server, witness } = await rig(t, [{ tags }], ({ unit }) => {
    unit.maxRegisters = 30;
  });
  await until(() => isRead(witness, 't0') && isRead(witness, 't99'), { what: 'all tags' });
  t.equal(witness.faults.size, 0);
  t.equal(count(witness, 'modbus-limit-learnt'), 1);
  const mark = server.seen.length;
  await until(() => server.seen.length > mark + 8, { what: 'further scans' });
  t.ok(server.seen.slice(mark).every((request) => request.count <= 30));
});

t.test('a refusal that passes leaves no tag blamed and no limit behind', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`t${i}`, `HR:${i}`]));
  let refusals = 1;
  const { server, witness } = await rig(t, [{ tags }], (server) => {
    server.behave = ({ socket, honest, frame }) => {
      if (refusals-- <= 0) socket.write(honest);
      else socket.write(Buffer.concat([frame.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 3])]));
    };
  });
  await until(() => isRead(witness, 't49'), { what: 'all tags' });
  const mark = server.seen.length;
  await until(() => server.seen.length > mark + 3, { what: 'further scans' });
  t.equal(witness.faults.size, 0);
  t.strictSame([...extents(server.seen.slice(mark))], ['0+50']);
});

t.test('thousands of refused tags are named in status, and twenty of them in the log', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, `HR:${i}`]));
  const { witness } = await rig(t, [{ tags }], ({ unit }) => unit.refuse('holding', 0, 299));
  await until(() => isRead(witness, 't299'), { what: 'the only good one' });
  t.equal(witness.faults.size, 299);
  t.equal(count(witness, 'modbus-tag-refused'), 20);
  t.equal(count(witness, 'modbus-tags-refused'), 279, 'the others are counted');
  const lines = witness.observer.emitted.filter(({ name }) => name.startsWith('modbus-tag'));
  t.ok(lines.length < 30, `${lines.length} lines`);
});

t.test('a tag found to be refused stays named when the unit falls silent in the middle of the search', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`t${i}`, `HR:${i}`]));
  let left = 7;
  const { server, witness } = await rig(t, [{ tags }], (server) => {
    server.unit.refuse('holding', 0);
    server.unit.refuse('holding', 15);
    server.behave = ({ socket, honest }) => {
      if (left-- > 0) socket.write(honest);
    };
  });
  await until(() => statusIs(witness, 't8', Status.Bad_NoCommunication), { what: 'silence' });
  server.behave = null;
  await until(() => isRead(witness, 't8') && witness.faults.size === 2, { what: 'both named' });
  t.strictSame([...witness.faults.keys()].sort(), ['t0', 't15']);
  t.equal(count(witness, 'modbus-limit-learnt'), 0);
});

t.test('a server that fails at what it does not have loses that place alone', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`t${i}`, `HR:${i * 2}`]));
  const { server, witness, driver } = await rig(t, [{ tags }], (server) => {
    // A register that nobody asked for, and a tag.
    server.unit.refuse('holding', 11, 1, 4);
    server.unit.refuse('holding', 60, 1, 4);
  });
  await until(() => Object.keys(tags).every((name) => name === 't30' || isRead(witness, name)), { what: 'the others' });
  t.match(witness.faults.get('t30')?.reason, /device failure: unit 1 holding 60/);
  t.equal(witness.faults.size, 1);
  t.ok(statusIs(witness, 't30', Status.Bad_DeviceFailure));
  const wanted = Object.entries(tags).map(([name, address]) => tag(name, { device: 'unit', type: 'uint16', address }));
  const read = await driver.readNow('unit', wanted);
  t.strictSame(
    read.flatMap(({ status }, index) => (isGood(status) ? [] : [index])),
    [30],
    'read on demand too',
  );
  server.unit.allow('holding', 60);
  await until(() => isRead(witness, 't30') && witness.faults.size === 0, { what: 'the tag to be taken back' });
});

t.test('a device that truly fails is not searched scan by scan, and no tag is blamed', async (t) => {
  const tags = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`t${i}`, `HR:${i * 2}`]));
  const { server, witness } = await rig(t, [{ tags, faulty_tag_retry_ms: 600_000 }], (server) => {
    server.unit.exception = 4;
  });
  const { seen } = server;
  const extentsOfTenScans = async () => {
    const [from, scans] = [seen.length, witness.batches];
    await until(() => witness.batches >= scans + 10, { what: 'ten scans' });
    return [...extents(seen.slice(from))].sort();
  };
  await until(() => witness.batches >= 2, { what: 'the failure' });
  const [searched, scans] = [seen.length, witness.batches + 1];
  const blocks = await extentsOfTenScans();
  t.ok(blocks.length > 4 && blocks.length < 10, `${blocks.length} blocks, each as a whole`);
  t.ok(searched <= scans * blocks.length + 12, `${searched} requests until then`);
  t.equal(witness.faults.size, 0);
  t.ok(statusIs(witness, 't399', Status.Bad_DeviceFailure));
  server.unit.exception = 0;
  await until(() => Object.keys(tags).every((name) => isRead(witness, name)), { what: 'all tags' });
  server.unit.exception = 4;
  await until(() => statusIs(witness, 't0', Status.Bad_DeviceFailure), { what: 'a failure later on' });
  t.strictSame(await extentsOfTenScans(), blocks, 'what was read once is not halved');
});

t.test('says of a place whose answers are always malformed what is wrong with them', async (t) => {
  const { server, witness } = await rig(t, [{ tags: { a: '40001', b: '40002', c: '40003', d: '40004' } }], (server) => {
    server.behave = ({ socket, transaction, offset, count: n, honest }) => {
      const isBad = offset <= 2 && offset + n > 2;
      socket.write(isBad ? framed(transaction, 1, Buffer.from([3, 2 * n - 1, ...Buffer.alloc(2 * n - 1)])) : honest);
    };
  });
  await until(() => witness.faults.has('c'), { what: 'the fault' });
  await until(() => isRead(witness, 'a') && isRead(witness, 'b') && isRead(witness, 'd'), { what: 'the others' });
  t.equal(witness.faults.size, 1);
  t.match(witness.faults.get('c')?.reason, /^malformed answer \(.*1.*2.*\): unit 1 holding 2/);
  t.ok(statusIs(witness, 'c', Status.Bad_CommunicationError));
  server.behave = null;
  await until(() => isRead(witness, 'c') && witness.faults.size === 0, { what: 'the tag to be taken back' });
});

t.test('says of a device that does not copy the transaction number that its answers came', async (t) => {
  const { witness } = await rig(t, [{ tags: { a: '40001' } }], (server) => {
    server.behave = ({ socket, honest }) => void socket.write(Buffer.concat([Buffer.alloc(2), honest.subarray(2)]));
  });
  await until(() => witness.states.at(-1)?.state === 'disconnected', { what: 'the unit given up' });
  t.match(
    witness.states.at(-1)?.reason,
    /did not answer within 60 ms; 1 answer came under another transaction number \(0 instead of \d+\)/,
  );
});

t.test('isolates a place that the unit does not answer for, without giving the unit up', async (t) => {
  const { server, witness } = await rig(t, [{ tags: { a: '40001', b: '40002', c: '40003', d: '40004' } }], (server) => {
    server.behave = ({ socket, offset, count: n, honest }) => {
      if (offset > 2 || offset + n <= 2) socket.write(honest);
    };
  });
  await until(() => witness.faults.has('c'), { what: 'the fault' });
  await until(() => isRead(witness, 'a') && isRead(witness, 'b') && isRead(witness, 'd'), { what: 'the others' });
  t.equal(witness.faults.size, 1);
  t.match(witness.faults.get('c')?.reason, /no answer: unit 1 holding 2/);
  t.ok(statusIs(witness, 'c', Status.Bad_NoCommunication));
  server.behave = null;
  await until(() => isRead(witness, 'c') && witness.faults.size === 0, { what: 'the tag to be taken back' });
});

t.test('keeps the connection and repeats after device-busy', async (t) => {
  let busy = 3;
  const { server, witness } = await rig(t, [{ tags: { a: '40001' }, retries: 5, busy_pause_ms: 5 }], (server) => {
    server.behave = ({ socket, honest, frame }) => {
      if (busy-- <= 0) socket.write(honest);
      else socket.write(Buffer.concat([frame.subarray(0, 4), Buffer.from([0, 3, 1, 0x83, 6])]));
    };
  });
  await until(() => isRead(witness, 'a'), { what: 'the value' });
  t.equal(server.connections, 1);
  t.notOk(witness.history.some(({ reading }) => !isGood(reading.status)));
});

t.test('gives each exception its status and keeps the connection', async (t) => {
  const table: [number, number][] = [
    [4, Status.Bad_DeviceFailure],
    [6, 0x80040000],
    [8, Status.Bad_DeviceFailure],
    [10, Status.Bad_NoCommunication],
    [11, Status.Bad_NoCommunication],
    [99, Status.Bad_DeviceFailure],
  ];
  const { server, witness } = await rig(t, [{ tags: { a: '40001', b: '40002' }, busy_pause_ms: 1 }]);
  for (const [exception, status] of table) {
    server.unit.exception = 0;
    await until(() => isRead(witness, 'a'), { what: `Good before ${exception}` });
    server.unit.exception = exception;
    await until(() => statusIs(witness, 'a', status) && statusIs(witness, 'b', status), {
      what: `exception ${exception}`,
    });
    t.equal(witness.readings.get('a')?.value, null);
  }
  t.equal(server.connections, 1);
  t.equal(witness.faults.size, 0);
});

t.test('reads on when the peer closes the connection after every answer', async (t) => {
  const { witness, driver } = await rig(
    t,
    [{ tags: { a: '40001', b: '40101', c: '00001', d: 'IR:7' }, max_gap: 0 }],
    (server) => {
      server.unit.areas.holding.set([11], 100);
      server.behave = ({ socket, honest }) => socket.end(honest);
    },
  );
  t.match(await driver.identify('unit'), { unit: '1' }, 'it says that it answers');
  await until(() => witness.batches >= 20, { what: 'twenty scans' });
  t.notOk(
    witness.history.some(({ reading }) => !isGood(reading.status)),
    'no tag was ever Bad',
  );
  t.equal(witness.readings.get('b')?.value, 11);
});

t.test('a peer that closes the connection instead of answering for one place loses that place alone', async (t) => {
  const { witness } = await rig(t, [{ tags: { a: '40001', b: '40101', c: 'IR:7' }, max_gap: 0 }], (server) => {
    server.behave = ({ socket, honest, offset }) => (offset === 100 ? socket.end() : void socket.write(honest));
  });
  await until(() => statusIs(witness, 'b', Status.Bad_NoCommunication), { what: 'the place named' });
  const before = witness.batches;
  await until(() => witness.batches >= before + 20, { what: 'twenty scans' });
  t.notOk(
    witness.history.some(({ tag: name, reading }) => name !== 'b' && !isGood(reading.status)),
    'the others were never Bad',
  );
  t.ok(isRead(witness, 'a') && isRead(witness, 'c'));
});

t.test('does not hammer a peer that closes every connection at once', async (t) => {
  const { server, witness } = await rig(t, [{ tags: { a: '40001' } }], (server) => {
    server.greet = (socket) => socket.end();
  });
  await until(() => witness.states.at(-1)?.state === 'disconnected', { what: 'disconnected' });
  const before = server.connections;
  const started = livedMs();
  await until(() => server.connections - before >= 10, { what: 'ten attempts' });
  t.ok(livedMs() - started > 200, `ten attempts in ${livedMs() - started} ms`);
  t.ok(statusIs(witness, 'a', Status.Bad_NotConnected) || statusIs(witness, 'a', Status.Bad_NoCommunication));
});

t.test('never gives a late answer to another request', async (t) => {
  let n = 0;
  const { server, witness } = await rig(t, [{ tags: { low: '40001', high: '40500' }, max_gap: 0 }], (server) => {
    server.unit.areas.holding[0] = 1;
    server.unit.areas.holding[499] = 500;
    server.behave = ({ socket, honest }) => {
      const lateMs = ++n % 5 === 0 ? 75 : 0;
      if (lateMs === 0) socket.write(honest);
      else livedClock.after(lateMs, () => socket.destroyed || socket.write(honest));
    };
  });
  await until(() => server.seen.length > 60, { what: 'sixty requests' });
  const good = witness.history.filter(({ reading }) => isGood(reading.status));
  t.ok(good.length > 20);
  for (const { tag: name, reading } of good) t.equal(reading.value, name === 'low' ? 1 : 500);
});

t.test('the values of a slow unit are as old as the request for them, not as its answer', async (t) => {
  const { witness } = await rig(
    t,
    [{ tags: { first: '40001', last: '40500' }, scanMs: 60, timeout_ms: 500 }],
    (server) => {
      server.behave = ({ socket, honest }) => {
        livedClock.after(80, () => socket.write(honest));
      };
    },
  );
  await until(() => isRead(witness, 'last'), { what: 'a scan' });
  const time = (name: string) => witness.readings.get(name)?.time ?? 0;
  t.ok(time('last') - time('first') >= 75, `${time('last') - time('first')} ms apart`);
  t.ok(Date.now() - time('last') >= 75, `${Date.now() - time('last')} ms old when it is reported`);
});

t.test('leaves scans out that it has no time for, counts them, and queues nothing', async (t) => {
  const { server, witness } = await rig(t, [{ tags: { a: '40001' }, scanMs: 20, timeout_ms: 500 }], (server) => {
    server.behave = ({ socket, honest }) => {
      livedClock.after(65, () => socket.write(honest));
    };
  });
  await until(() => witness.batches >= 4, { what: 'four scans' });
  t.ok(count(witness, 'modbus-scan-overrun') >= 6);
  server.behave = null;
  const mark = server.seen.length;
  await until(() => server.seen.length >= mark + 12, { what: 'twelve scans' });
  const tookMs = (server.seen[mark + 11]?.at ?? 0) - (server.seen[mark]?.at ?? 0);
  t.ok(tookMs > 150, `twelve scans of 20 ms in ${tookMs} ms, no burst`);
});

t.test('pauses between requests where asked to', async (t) => {
  const { server } = await rig(t, [{ tags: { a: '40001', b: '40500', c: '41000' }, scanMs: 20, pause_ms: 25 }]);
  await until(() => server.seen.length >= 6, { what: 'six requests' });
  for (const [i, { at }] of server.seen.slice(1).entries()) {
    t.ok(at - (server.seen[i]?.at ?? 0) >= 24, `${at - (server.seen[i]?.at ?? 0)} ms`);
  }
});

t.test('reads strings longer than one request', async (t) => {
  const text = 'x'.repeat(299) + 'y'.repeat(101);
  const { witness, driver } = await rig(
    t,
    [{ tags: { text: { address: 'HR:0', type: 'string', length: 400 } } }],
    ({ unit }) => {
      Buffer.from(text).forEach((byte, i) => {
        unit.areas.holding[i >> 1] = (unit.areas.holding[i >> 1] ?? 0) | (byte << ((i & 1) === 0 ? 8 : 0));
      });
    },
  );
  await until(() => witness.readings.get('text')?.value === text, { what: 'the text' });
  const [now] = await driver.readNow('unit', [tag('text', { address: 'HR:0', type: 'string', length: 400 })]);
  t.equal(now?.value, text);
});

t.test('a read on demand names what is wrong with each tag', async (t) => {
  const { driver } = await rig(t, [{ tags: {} }], (server) => {
    server.unit.areas.holding.fill(5, 0, 10);
    server.unit.refuse('holding', 4);
    server.unitAt(8).isSilent = true;
  });
  const readings = await driver.readNow(
    'unit',
    ['HR:0', 'HR:4', 'HR:5', 'nonsense', '8!HR:0', '9!HR:0'].map((address) =>
      tag(address, { address, type: 'uint16' }),
    ),
  );
  t.strictSame(
    readings.map(({ value, status }) => [value, status]),
    [
      [5, Status.Good],
      [null, Status.Bad_NodeIdUnknown],
      [5, Status.Good],
      [null, Status.Bad_ConfigurationError],
      [null, Status.Bad_NoCommunication],
      [null, Status.Bad_NoCommunication],
    ],
  );
  t.strictSame(
    (await driver.readNow('nobody', [tag('x')])).map(({ status }) => status),
    [Status.Bad_ConfigurationError],
  );
});

t.test('says who answers, or that the device does not say', async (t) => {
  const { server, driver } = await rig(t, [{ tags: {} }]);
  server.unit.identity = ['Acme', 'PM-5', '1.2'];
  t.strictSame(await driver.identify('unit'), { unit: '1', vendor: 'Acme', product: 'PM-5', version: '1.2' });
  server.unit.identity = null;
  t.match(await driver.identify('unit'), { identification: 'device identification not supported' });
  server.behave = ({ socket, code, honest }) => {
    if (code !== 43) socket.write(honest);
  };
  t.match(await driver.identify('unit'), { identification: 'device identification not supported' }, 'left unanswered');
  server.behave = () => {};
  await t.rejects(driver.identify('unit'), { code: 'MODBUS_TIMEOUT' });
});

t.test('stops within 2 s while a busy unit is being waited for', async (t) => {
  const { server, driver } = await rig(t, [{ tags: { a: '40001' }, busy_pause_ms: 60_000 }], ({ unit }) => {
    unit.exception = 6;
  });
  await until(() => server.seen.length > 0, { what: 'a request' });
  t.ok((await livedMsOf(() => driver.stop())) < 500);
});

t.test('reads a server of modbus-serial', async (t) => {
  const server = new ServerTCP(
    {
      getHoldingRegister: (address: number) => (address * 3) & 0xffff,
      getInputRegister: (address: number) => address,
      getCoil: (address: number) => address % 2 === 1,
      getDiscreteInput: (address: number) => address % 3 === 0,
    },
    { host: '127.0.0.1', port: 0, unitID: 1 },
  );
  await new Promise<void>((resolve) => server.on('initialized', () => resolve()));
  const { port } = (server as unknown as { _server: { address(): { port: number } } })._server.address();
  const witness = new DriverWitness();
  const tags = {
    ...{ h: '40011', i: '30006' },
    c: { address: 'CO:5', type: 'bool' as const },
    d: { address: 'DI:5', type: 'bool' as const },
  };
  const stub = new TestModbusServer();
  stub.port = port;
  const driver = await witness.create(modbusTcp, [device(stub, { tags, timeout_ms: 1_000 })]);
  t.teardown(async () => {
    await driver.stop();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  await driver.start();
  await until(() => isRead(witness, 'd'), { what: 'a scan' });
  t.strictSame(
    ['h', 'i', 'c', 'd'].map((name) => witness.readings.get(name)?.value),
    [30, 5, true, false],
  );
  t.match(await driver.identify('unit'), { unit: '1' });
});
