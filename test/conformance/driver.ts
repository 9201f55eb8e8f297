import type { Test } from 'tap';
import { isGood, Status, severityOf } from '../../src/model/quality.ts';
import type { Reading, ReadingBatch } from '../../src/model/reading.ts';
import type { TagDefinition } from '../../src/model/tag.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { DeviceState, Driver, DriverDevice, DriverModule, TagFault } from '../../src/ports/driver.ts';
import { livedClock, livedMs, livedMsOf } from '../support/lived-time.ts';
import { recordingObserver } from '../support/observer.ts';
import { until } from '../support/until.ts';

/** A real device on 127.0.0.1 that can be taken away and brought back at the same address. */
export interface DeviceBench<C> {
  /** The device as configuration gives it, with its groups: the good tags, all readable, in one or more groups. */
  readonly device: DriverDevice<C>;
  /** The same device with `badTag` added to the good tags. */
  readonly withBadTag: DriverDevice<C>;
  /** The name of a tag that the device refuses. */
  readonly badTag: string;
  /** How soon the driver should notice and report that the device is gone, and that it is back, ms. */
  readonly noticeMs: number;
  /** End the device: connections break, new ones are refused. */
  stopDevice(): Promise<void>;
  /** Bring it back at the same address. */
  startDevice(): Promise<void>;
  /** The device stays connected and takes connections but answers nothing any more. */
  freezeDevice(): Promise<void>;
  thawDevice(): Promise<void>;
  /** Release everything. */
  close(): Promise<void>;
}

/** What a driver told: last reading per tag, every device state, tag faults that hold. */
export class DriverWitness {
  readonly readings = new Map<string, Reading>();
  readonly history: { readonly tag: string; readonly reading: Reading }[] = [];
  readonly states: DeviceState[] = [];
  readonly faults = new Map<string, TagFault>();
  readonly observer = recordingObserver();
  batches = 0;
  /** Called with every batch, after it has been taken. */
  onReport: (batch: ReadingBatch) => void = () => {};

  /** Make the driver of devices that share a connection. */
  create<C>(module: DriverModule<C>, devices: readonly DriverDevice<C>[], clock: Clock = livedClock): Promise<Driver> {
    return module.create(devices, {
      clock,
      random: Math.random,
      observer: this.observer,
      dataDir: null,
      report: (batch) => this.#take(batch),
      deviceState: (state) => this.states.push(state),
      tagFault: (_device, tag, fault) => {
        if (fault === null) this.faults.delete(tag);
        else this.faults.set(tag, fault);
      },
    });
  }

  /** True when the last reading of every tag is Good, or Bad. */
  areAll(severity: 'good' | 'bad', tags: readonly TagDefinition[]): boolean {
    return tags.every(({ name }) => {
      const reading = this.readings.get(name);
      return reading !== undefined && severityOf(reading.status) === severity;
    });
  }

  #take(batch: ReadingBatch): void {
    this.batches++;
    for (let i = 0; i < batch.count; i++) {
      const tag = batch.group.tags.at(batch.indexes === null ? i : (batch.indexes[i] as number));
      if (tag === undefined) throw new Error(`a batch names tag ${i} of ${batch.group.tags.length}`);
      const status = typeof batch.statuses === 'number' ? batch.statuses : (batch.statuses[i] as number);
      const time = typeof batch.times === 'number' ? batch.times : (batch.times[i] as number);
      const reading = { value: batch.values[i] ?? null, status, time };
      this.readings.set(tag.name, reading);
      this.history.push({ tag: tag.name, reading });
    }
    this.onReport(batch);
  }
}

/** All tags of a device, group by group. */
function tagsOf<C>(device: DriverDevice<C>): readonly TagDefinition[] {
  return device.groups.flatMap((group) => [...group.tags]);
}

/**
 * What every driver must do, run against a real device. Each test starts a bench of its own.
 * @param makeBench a running device
 */
export function driverConformance<C>(t: Test, module: DriverModule<C>, makeBench: () => Promise<DeviceBench<C>>): void {
  const withDriver = async (
    body: (driver: Driver, witness: DriverWitness, bench: DeviceBench<C>) => Promise<void>,
    which: 'device' | 'withBadTag' = 'device',
    isDeviceThere = true,
  ) => {
    const bench = await makeBench();
    const witness = new DriverWitness();
    if (!isDeviceThere) await bench.stopDevice();
    const driver = await witness.create(module, [bench[which]]);
    try {
      await driver.start();
      await body(driver, witness, bench);
    } finally {
      await driver.stop();
      await bench.close();
    }
  };
  const good = (witness: DriverWitness, bench: DeviceBench<C>, what: string) =>
    until(() => witness.areAll('good', tagsOf(bench.device)), { what, timeoutMs: bench.noticeMs });
  const bad = (witness: DriverWitness, bench: DeviceBench<C>, what: string) =>
    until(() => witness.areAll('bad', tagsOf(bench.device)), { what, timeoutMs: bench.noticeMs });
  const connected = (witness: DriverWitness) => witness.states.at(-1)?.state === 'connected';

  t.test('reports every tag Good with a value and a source time of now', (t) =>
    withDriver(async (_driver, witness, bench) => {
      await good(witness, bench, 'all tags Good');
      for (const { name } of tagsOf(bench.device)) {
        const reading = witness.readings.get(name);
        t.not(reading?.value, null, `${name} has a value`);
        t.ok(Math.abs((reading?.time ?? 0) - Date.now()) < 60_000, `${name} has a time`);
      }
      await until(() => connected(witness), { what: 'state connected', timeoutMs: bench.noticeMs });
      t.equal(witness.states.at(-1)?.reason, null);
    }),
  );

  t.test('reports every tag Bad once with a reason when the device is gone, and Good when it is back', (t) =>
    withDriver(async (driver, witness, bench) => {
      await good(witness, bench, 'all tags Good');
      const before = Date.now();
      const mark = witness.history.length;
      await bench.stopDevice();
      await bad(witness, bench, 'all tags Bad');
      await until(() => !connected(witness), { what: 'state not connected', timeoutMs: bench.noticeMs });
      t.match(witness.states.at(-1)?.reason, /\w/, 'the state has a reason');
      for (const { name } of tagsOf(bench.device)) {
        const reading = witness.readings.get(name);
        t.equal(reading?.value, null, `${name} has no value`);
        t.ok((reading?.time ?? 0) >= before - 5, `${name} is Bad from now on`);
        const bads = witness.history.slice(mark).filter(({ tag, reading: r }) => tag === name && !isGood(r.status));
        t.ok(bads.length <= 2, `${name} is not reported Bad again and again (${bads.length})`);
      }
      await bench.startDevice();
      await good(witness, bench, 'all tags Good again');
      await until(() => connected(witness), { what: 'state connected again', timeoutMs: bench.noticeMs });
      t.ok((driver.stats()[0]?.reconnects ?? 0) >= 1, 'the reconnect is counted');
    }),
  );

  t.test('reports every tag Bad when the device is silent, and Good when it answers again', (t) =>
    withDriver(async (_driver, witness, bench) => {
      await good(witness, bench, 'all tags Good');
      await bench.freezeDevice();
      await bad(witness, bench, 'all tags Bad');
      for (const { name } of tagsOf(bench.device)) t.equal(witness.readings.get(name)?.value, null);
      await bench.thawDevice();
      await good(witness, bench, 'all tags Good again');
    }),
  );

  t.test('starts while the device is away, says so, and reads when it comes', (t) =>
    withDriver(
      async (_driver, witness, bench) => {
        await bad(witness, bench, 'all tags Bad');
        t.not(witness.states.at(-1)?.state, 'connected');
        await bench.startDevice();
        await good(witness, bench, 'all tags Good');
      },
      'device',
      false,
    ),
  );

  t.test('isolates and names a tag that the device refuses while the others flow', (t) =>
    withDriver(async (driver, witness, bench) => {
      await good(witness, bench, 'the good tags Good');
      await until(() => witness.faults.has(bench.badTag), { what: 'tag fault', timeoutMs: bench.noticeMs });
      t.strictSame([...witness.faults.keys()], [bench.badTag], 'no other tag is blamed');
      t.match(witness.faults.get(bench.badTag)?.reason, /\w/);
      await until(() => witness.readings.has(bench.badTag), { what: 'a reading', timeoutMs: bench.noticeMs });
      const reading = witness.readings.get(bench.badTag);
      t.equal(severityOf(reading?.status ?? 0), 'bad');
      t.equal(reading?.value, null);
      t.strictSame(
        driver.stats()[0]?.faultyTags.map(({ tag }) => tag),
        [bench.badTag],
      );
      const mark = witness.batches;
      await until(() => witness.batches >= mark + 3, { what: 'further batches', timeoutMs: bench.noticeMs });
      t.ok(witness.areAll('good', tagsOf(bench.device)));
    }, 'withBadTag'),
  );

  t.test('reads tags on demand in the order asked, bad ones with a Bad status', (t) =>
    withDriver(async (driver, _witness, bench) => {
      const asked = [...tagsOf(bench.withBadTag)].reverse();
      const readings = await driver.readNow(bench.device.name, asked);
      t.equal(readings.length, asked.length);
      asked.forEach(({ name }, i) => {
        t.equal(isGood(readings[i]?.status ?? Status.Bad), name !== bench.badTag, name);
        t.equal(readings[i]?.value === null, name === bench.badTag, name);
      });
    }),
  );

  t.test('answers a read on demand with Bad when the device is away', (t) =>
    withDriver(
      async (driver, _witness, bench) => {
        const asked = tagsOf(bench.device);
        const readings = await driver.readNow(bench.device.name, asked);
        t.equal(readings.length, asked.length);
        for (const { value, status } of readings) {
          t.equal(value, null);
          t.equal(severityOf(status), 'bad');
        }
        await t.rejects(driver.identify(bench.device.name));
      },
      'device',
      false,
    ),
  );

  t.test('says who answers', (t) =>
    withDriver(async (driver, _witness, bench) => {
      const identity = await driver.identify(bench.device.name);
      t.ok(Object.keys(identity).length > 0);
    }),
  );

  for (const [how, isFrozen] of [
    ['while all is well', false],
    ['while the device is silent', true],
  ] as const) {
    t.test(`stops within 2 s ${how} and reports nothing afterwards`, (t) =>
      withDriver(async (driver, witness, bench) => {
        await good(witness, bench, 'all tags Good');
        if (isFrozen) await bench.freezeDevice();
        const pending = driver.readNow(bench.device.name, tagsOf(bench.device)).catch(() => []);
        t.ok((await livedMsOf(() => driver.stop())) < 2_000, 'in time');
        await pending;
        const told = witness.history.length + witness.states.length;
        await bench.thawDevice();
        await bench.stopDevice();
        t.equal(witness.history.length + witness.states.length, told, 'nothing was told after the stop');
      }),
    );
  }

  t.test('a dead device delays no other', async (t) => {
    const dead = await makeBench();
    const alive = await makeBench();
    const both = new DriverWitness();
    const deadWitness = new DriverWitness();
    const drivers: Driver[] = [];
    try {
      await dead.freezeDevice();
      for (const [witness, bench] of [
        [deadWitness, dead],
        [both, alive],
      ] as const) {
        const driver = await witness.create(module, [bench.device]);
        drivers.push(driver);
        await driver.start();
      }
      await good(both, alive, 'the live device Good');
      await bad(deadWitness, dead, 'the dead device Bad');
      const periodMs = Math.min(...alive.device.groups.map((group) => group.periodMs));
      const mark = both.batches;
      const started = livedMs();
      await until(() => both.batches >= mark + 10, { what: 'ten more batches', timeoutMs: alive.noticeMs });
      t.ok(livedMs() - started < periodMs * 10 + 1_000, 'at their period');
    } finally {
      await Promise.all(drivers.map((driver) => driver.stop()));
      await dead.close();
      await alive.close();
    }
  });
}
