import t from 'tap';
import { Status } from '../../src/model/quality.ts';
import type { ReadingBatch } from '../../src/model/reading.ts';
import type { DeviceState, Driver, DriverContext, DriverModule } from '../../src/ports/driver.ts';
import { DeviceSupervisor } from '../../src/runtime/device-supervisor.ts';
import { scanGroupsOf } from '../../src/runtime/scan-groups.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingObserver } from '../support/observer.ts';
import { tag } from '../support/tag.ts';

interface Bench {
  readonly made: { readonly devices: readonly string[]; readonly context: DriverContext }[];
  readonly module: DriverModule<{ wire: string }>;
}

/** A kind of driver whose making and start can be made to fail by wire. */
function bench(failing: ReadonlySet<string> = new Set()): Bench {
  const made: Bench['made'] = [];
  const module: DriverModule<{ wire: string }> = {
    kind: 'test',
    connectionKey: ({ wire }) => wire,
    create: async (devices, context) => {
      const wire = devices[0]?.config.wire ?? '';
      made.push({ devices: devices.map(({ name }) => name), context });
      if (failing.has(wire)) throw new Error(`no ${wire}`);
      const driver: Driver = {
        start: async () => {},
        stop: () => (wire === 'stuck' ? new Promise(() => {}) : Promise.resolve()),
        stats: () => [],
        readNow: async (_device, tags) => tags.map(() => ({ value: 1, status: 0, time: 5 })),
        identify: async () => ({}),
      };
      return driver;
    },
  };
  return { made, module };
}

function supervise(devices: readonly { name: string; wire: string }[], { made, module }: Bench) {
  const clock = new FakeClock();
  const reports: ReadingBatch[] = [];
  const states: DeviceState[] = [];
  const observer = recordingObserver();
  const supervisor = new DeviceSupervisor({
    devices: devices.map(({ name, wire }) => ({ name, driver: 'test', config: { wire } })),
    groups: scanGroupsOf(devices.map(({ name }) => tag('a', { device: name }))),
    modules: [module as DriverModule],
    clock,
    random: () => 0.5,
    observer,
    dataDir: '/nowhere',
    report: (batch) => reports.push(batch),
    onState: (state) => states.push(state),
  });
  return { supervisor, clock, reports, states, made, observer };
}

t.test('devices on one wire share one driver', async (t) => {
  const { supervisor, made } = supervise(
    [
      { name: 'a', wire: 'x' },
      { name: 'b', wire: 'y' },
      { name: 'c', wire: 'x' },
    ],
    bench(),
  );
  await supervisor.start();
  t.same(
    made.map(({ devices }) => devices),
    [['a', 'c'], ['b']],
  );
});

t.test('a driver that cannot be made leaves the others alone, says why, and is tried again', async (t) => {
  const failing = new Set(['x']);
  const { supervisor, clock, made, reports, states } = supervise(
    [
      { name: 'a', wire: 'x' },
      { name: 'b', wire: 'y' },
    ],
    bench(failing),
  );
  await supervisor.start();
  t.match(states, [{ device: 'a', state: 'disconnected', reason: 'no x' }]);
  t.match(reports, [{ count: 1, values: [null], statuses: Status.Bad_ConfigurationError }]);
  t.same(
    (await supervisor.readNow('a', [tag('a')])).map(({ status }) => status),
    [Status.Bad_NotConnected],
  );
  t.same(
    (await supervisor.readNow('b', [tag('a')])).map(({ value }) => value),
    [1],
  );
  failing.clear();
  await clock.advance(30_000);
  t.equal(made.length, 3);
});

t.test('only changes between connected and not are told', async (t) => {
  const { supervisor, made, states } = supervise([{ name: 'a', wire: 'x' }], bench());
  await supervisor.start();
  const say = (state: DeviceState['state'], reason: string | null = null) =>
    made[0]?.context.deviceState({ device: 'a', state, reason, since: 1 });
  say('connecting', 'starting');
  say('connected');
  say('connected');
  say('disconnected', 'reset');
  say('connecting', 'again');
  say('disconnected', 'refused');
  say('connected');
  t.same(
    states.map(({ state, reason }) => [state, reason]),
    [
      ['connected', null],
      ['disconnected', 'reset'],
      ['connected', null],
    ],
  );
});

t.test('a driver that does not stop is left behind after its deadline, and reports nothing any more', async (t) => {
  const { supervisor, clock, made, reports, observer } = supervise([{ name: 'a', wire: 'stuck' }], bench());
  await supervisor.start();
  let hasStopped = false;
  const stopped = supervisor.stop().then(() => {
    hasStopped = true;
  });
  await clock.advance(2_000);
  t.notOk(hasStopped);
  await clock.advance(1_000);
  await stopped;
  t.match(observer.emitted, [{ name: 'driver-stop-late' }]);
  const group = scanGroupsOf([tag('a', { device: 'a' })]).get('a')?.[0];
  if (group !== undefined)
    made[0]?.context.report({ group, count: 1, indexes: null, values: [1], statuses: 0, times: 0 });
  t.same(reports, []);
});

t.test('scan groups are by device and period, shortest first, without write-only tags', async (t) => {
  const groups = scanGroupsOf([
    tag('a', { device: 'x', scanMs: 1000 }),
    tag('b', { device: 'x', scanMs: 100 }),
    tag('c', { device: 'x', scanMs: 1000 }),
    tag('d', { device: 'x', access: 'w' }),
    tag('e', { device: 'y', scanMs: 1000 }),
  ]);
  t.same(
    [...groups].map(([device, list]) => [
      device,
      list.map(({ periodMs, tags }) => [periodMs, Array.from(tags, ({ name }) => name)]),
    ]),
    [
      [
        'x',
        [
          [100, ['b']],
          [1000, ['a', 'c']],
        ],
      ],
      ['y', [[1000, ['e']]]],
    ],
  );
});
