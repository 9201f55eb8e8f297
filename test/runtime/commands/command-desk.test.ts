import t, { type Test } from 'tap';
import { driverModules } from '../../../src/drivers/registry.ts';
import type { TagDefinition, TagValue } from '../../../src/model/tag.ts';
import { CommandRunner } from '../../../src/runtime/commands/command-desk.ts';
import type { CommandsConfig } from '../../../src/runtime/commands/config.ts';
import { KnownCommands } from '../../../src/runtime/commands/known-commands.ts';
import { DeviceSupervisor } from '../../../src/runtime/device-supervisor.ts';
import { livedClock } from '../../support/lived-time.ts';
import { MemoryJournal } from '../../support/memory-journal.ts';
import { TestModbusServer } from '../../support/modbus-server.ts';
import { recordingObserver } from '../../support/observer.ts';
import { tag } from '../../support/tag.ts';
import { until } from '../../support/until.ts';

const TAGS: readonly TagDefinition[] = [
  tag('speed', { address: 'HR:0', type: 'int16', scale: 0.1, access: 'rw' }),
  tag('torque', { address: 'HR:2', type: 'float32', access: 'rw' }),
  tag('enable', { address: 'HR:4', type: 'uint16', bit: 3, access: 'rw' }),
  tag('valve', { address: 'CO:7', type: 'bool', access: 'rw' }),
  tag('reset', { address: 'HR:5', type: 'uint16', access: 'w' }),
  tag('refused', { address: 'HR:10', type: 'uint16', access: 'rw' }),
  tag('total', { address: 'HR:20', type: 'int64', byteOrder: 'DCBA', access: 'rw' }),
  tag('half', { address: 'HR:30', type: 'float16', access: 'rw' }),
  tag('guard', { address: 'CO:1', type: 'bool' }),
];

const RULES: CommandsConfig = {
  rules: [
    {
      tags: ['acme/line/pump/valve'],
      actors: ['mqtt:hmi'],
      min_interval_ms: 0,
      interlock: { tag: 'acme/line/pump/guard', equals: true },
    },
    { tags: ['acme/line/pump/+'], actors: ['mqtt:hmi'], min_interval_ms: 0 },
  ],
};

/** A real driver on a Modbus server, with the desk before it. */
async function desk(t: Test, config: CommandsConfig = RULES) {
  const server = await TestModbusServer.start();
  t.teardown(() => server.close());
  const journal = new MemoryJournal();
  const observer = recordingObserver();
  let isConnected = false;
  const devices = new DeviceSupervisor({
    devices: [
      {
        name: 'pump',
        driver: 'modbus-tcp',
        config: { name: 'pump', driver: 'modbus-tcp', host: '127.0.0.1', port: server.port, timeout_ms: 200 },
      },
    ],
    groups: new Map([['pump', [{ device: 'pump', periodMs: 50, tags: TAGS.filter(({ access }) => access !== 'w') }]]]),
    modules: driverModules,
    ...{ clock: livedClock, random: Math.random, observer, dataDir: '/nowhere' },
    report: () => undefined,
    onState: ({ state }) => {
      isConnected = state === 'connected';
    },
  });
  await devices.start();
  t.teardown(() => devices.stop());
  await until(() => isConnected, { what: 'the device is connected' });
  const start = () =>
    new CommandRunner({
      ...{ config, tags: TAGS, targets: devices, journal, clock: livedClock, observer },
      origin: { source: '/headgate/g/commands', asset: 'acme/gateway' },
    });
  let commands = start();
  const restart = () => {
    commands = start();
  };
  let next = 0;
  const write = async (name: string, value: TagValue, more: object = {}) => {
    const command = { id: `c${next++}`, tag: `acme/line/pump/${name}`, value, actor: 'mqtt:hmi', reason: 'test' };
    const { result } = await commands.submit({ ...command, expires: Date.now() + 50_000, ...more });
    return await result;
  };
  return { server, journal, observer, restart, write };
}

t.test('a value is written, read back and recorded: who, why, before and after', async (t) => {
  const { server, journal, write } = await desk(t);
  server.unit.areas.holding[0] = 400;
  t.match(await write('speed', 55.5), { outcome: 'done', problem: null, before: 40, after: 55.5 });
  t.equal(server.unit.areas.holding[0], 555);
  const [requested, completed] = journal.events.map(({ event }) => event);
  t.match(requested, {
    ...{ type: 'headgate.write-requested.v1', lane: 'critical', subject: 'acme/line/pump', correlationid: 'c0' },
    data: { device: 'pump', address: 'HR:0', actor: 'mqtt:hmi', reason: 'test', value: 55.5 },
  });
  t.match(completed, {
    ...{ type: 'headgate.write-completed.v1', lane: 'critical', causationid: requested?.id },
    data: { outcome: 'done', before: 40, after: 55.5, actor: 'mqtt:hmi', reason: 'test' },
  });
});

t.test('floats, single bits, coils and write-only tags', async (t) => {
  const { server, write } = await desk(t);
  server.unit.areas.holding[4] = 0b1000_0001;
  server.unit.areas.coil[1] = 1;
  t.match(await write('torque', 0.1), { outcome: 'done', after: Math.fround(0.1) });
  t.match(await write('enable', true), { outcome: 'done', before: false, after: true });
  t.equal(server.unit.areas.holding[4], 0b1000_1001, 'the other bits stay');
  t.match(await write('valve', 1), { outcome: 'done', after: true });
  t.match(await write('reset', 7), { outcome: 'done', before: null, after: null });
  t.equal(server.unit.areas.holding[5], 7);
});

t.test('whole numbers of 64 bits and half floats are read back as what was written', async (t) => {
  const { write } = await desk(t);
  t.match(await write('total', -1), { outcome: 'done', problem: null, after: -1 });
  t.match(await write('total', '-9007199254740993'), { outcome: 'done', before: -1, after: -9_007_199_254_740_993n });
  t.match(await write('half', 0.1), { outcome: 'done', problem: null, after: 0.0999755859375 });
});

t.test('an interlock is read from the device right before, and forbids', async (t) => {
  const { server, write, journal } = await desk(t);
  t.match(await write('valve', true), { outcome: 'refused', problem: /guard is false, not true/ });
  t.equal(server.unit.areas.coil[7], 0);
  server.unit.areas.coil[1] = 1;
  t.match(await write('valve', true), { outcome: 'done' });
  t.equal(journal.events.length, 4);
});

t.test('what the device refuses, or changes at once, is not called done', async (t) => {
  const { server, write } = await desk(t);
  server.unit.refuse('holding', 10, 1);
  t.match(await write('refused', 1), { outcome: 'unconfirmed', problem: /Bad_NodeIdUnknown/ });
  server.unit.ignoresWrites = true;
  t.match(await write('speed', 9), {
    outcome: 'unconfirmed',
    problem: /the device holds 0 and not 9/,
    before: 0,
    after: 0,
  });
});

t.test('a device that is gone is not written; one that goes silent leaves the outcome open', async (t) => {
  const { server, write } = await desk(t);
  server.isFrozen = true;
  t.match(await write('reset', 1), { outcome: 'unconfirmed', problem: /Bad_NoCommunication/ });
  await server.close();
  let last = '';
  await until(
    async () => {
      const { outcome } = await write('reset', 1);
      last = outcome;
      return outcome === 'refused';
    },
    { what: 'the loss is noticed', everyMs: 50 },
  );
  t.equal(last, 'refused');
});

t.test('an expired command is not carried out, and neither is one without a rule; both are recorded', async (t) => {
  const { server, write, journal } = await desk(t);
  t.match(await write('speed', 1, { expires: Date.now() - 1 }), { outcome: 'expired', problem: /its time was over/ });
  t.match(await write('speed', 1, { actor: 'mqtt:other' }), { outcome: 'refused', problem: /no rule lets mqtt:other/ });
  t.match(await write('speeed', 1), { outcome: 'refused', problem: /there is no tag/ });
  t.equal(server.unit.areas.holding[0], 0);
  t.same(
    journal.events.map(({ event, lane }) => [event.type, lane, event.subject]),
    [
      ['headgate.write-completed.v1', 'normal', 'acme/line/pump'],
      ['headgate.write-completed.v1', 'normal', 'acme/line/pump'],
      ['headgate.write-completed.v1', 'normal', 'acme/gateway'],
    ],
  );
});

t.test('a repeated command gets the answer of the first and is not carried out again', async (t) => {
  const { server, write, observer, journal } = await desk(t);
  const first = await write('reset', 1, { id: 'same' });
  server.unit.areas.holding[5] = 0;
  t.same(await write('reset', 1, { id: 'same' }), first);
  t.equal(server.unit.areas.holding[5], 0);
  t.equal(journal.events.length, 2);
  t.ok(observer.emitted.some(({ name }) => name === 'command-repeated'));
  t.match(
    await write('reset', 2, { id: 'same', actor: 'mqtt:other' }),
    { outcome: 'refused' },
    'others have their own',
  );
});

t.test('a second write too soon is refused', async (t) => {
  const { write } = await desk(t, { rules: [{ tags: ['acme/#'], actors: ['mqtt:*'], min_interval_ms: 60_000 }] });
  t.match(await write('speed', 1), { outcome: 'done' });
  t.match(await write('speed', 2), { outcome: 'refused', problem: /less than 60000 ms ago/ });
  t.match(await write('torque', 2), { outcome: 'done' });
});

t.test('what cannot be recorded is not carried out, and may be sent again', async (t) => {
  const { server, write, journal } = await desk(t);
  journal.beforeCommit = () => {
    throw new Error('disk full');
  };
  await t.rejects(write('reset', 1, { id: 'again' }), /disk full/);
  t.equal(server.unit.areas.holding[5], 0);
  journal.beforeCommit = () => undefined;
  t.match(await write('reset', 1, { id: 'again' }), { outcome: 'done' });
});

t.test('commands beyond the bound are refused, and those for one device go one after the other', async (t) => {
  const { write, observer } = await desk(t);
  const outcomes = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => write('speed', i)));
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 64);
  t.equal(observer.emitted.filter(({ name }) => name === 'command-overload').length, 36);
  for (const [i, outcome] of outcomes.slice(1, 64).entries()) {
    if (outcome.status === 'fulfilled') t.match(outcome.value, { outcome: 'done', before: i, after: i + 1 });
  }
});

t.test(
  'a command that is repeated after a restart gets the answer of the first and is not written again',
  async (t) => {
    const { server, write, journal, observer, restart } = await desk(t);
    const first = await write('reset', 7, { id: 'once' });
    t.match(await write('speed', 9_999, { id: 'never' }), { outcome: 'refused' });
    restart();
    server.unit.areas.holding[5] = 0;
    journal.readFault = () => Promise.reject(new Error('the disk is busy'));
    await t.rejects(write('reset', 7, { id: 'once' }), /the disk is busy/, 'what cannot be looked up is not done');
    journal.readFault = null;
    t.same(await write('reset', 7, { id: 'once' }), first);
    t.equal(server.unit.areas.holding[5], 0, 'nothing was written');
    t.ok(observer.emitted.some(({ name }) => name === 'command-repeated'));
    t.match(await write('speed', 5, { id: 'never' }), { outcome: 'done' }, 'what was not done may be asked for again');
    t.match(await write('reset', 8, { id: 'other' }), { outcome: 'done' });
  },
);

t.test('a write that a crash cut short is recorded as unconfirmed, and not sent again', async (t) => {
  const { server, write, journal, restart } = await desk(t);
  journal.beforeCommit = ([draft]) => {
    if (draft?.type === 'headgate.write-completed.v1') throw new Error('the power is gone');
  };
  await write('reset', 7, { id: 'cut' });
  journal.beforeCommit = () => undefined;
  restart();
  server.unit.areas.holding[5] = 0;
  t.match(await write('reset', 7, { id: 'cut' }), { outcome: 'unconfirmed', problem: /ended before it was known/ });
  t.equal(server.unit.areas.holding[5], 0);
  const [requested, completed] = journal.events.map(({ event }) => event);
  t.match(completed, {
    ...{ type: 'headgate.write-completed.v1', lane: 'critical', causationid: requested?.id },
    data: { command: 'cut', outcome: 'unconfirmed' },
  });
  restart();
  t.match(await write('reset', 7, { id: 'cut' }), { outcome: 'unconfirmed' });
  t.equal(journal.events.length, 2, 'recorded once');
});

t.test('the least interval between writes holds over a restart', async (t) => {
  const { write, restart } = await desk(t, {
    rules: [{ tags: ['acme/#'], actors: ['mqtt:*'], min_interval_ms: 60_000 }],
  });
  t.match(await write('speed', 1), { outcome: 'done' });
  restart();
  t.match(await write('speed', 2), { outcome: 'refused', problem: /less than 60000 ms ago/ });
  t.match(await write('torque', 2), { outcome: 'done' });
});

t.test('what may still be repeated is never forgotten, and with too much of it no more is taken', async (t) => {
  const known = new KnownCommands<number>();
  for (let i = 0; i < 5_000; i++) known.remember(`short ${i}`, 1_000, i);
  for (let i = 0; i < 5_000; i++) known.remember(`long ${i}`, 9_000, i);
  t.ok(known.isFull(0));
  t.notOk(known.isFull(1_000), 'the expired ones go');
  t.equal(known.get('short 4999'), undefined);
  t.equal(known.get('long 0'), 0);
  for (let i = 0; i < 4_990; i++) {
    known.remember(`void ${i}`, 9_000, i);
    known.mayForget(`void ${i}`);
    if (known.isFull(2_000)) t.fail('what was refused fills nothing');
  }
  t.equal(known.get('long 4999'), 4_999);
});
