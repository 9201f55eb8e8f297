import { describeLatencies } from '../../config/wire-forecast.ts';
import { HeadgateError } from '../../errors/headgate-error.ts';
import type { StatusCode } from '../../model/quality.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagDefinition } from '../../model/tag.ts';
import type {
  ConnectionState,
  Driver,
  DriverContext,
  DriverDevice,
  DriverStats,
  ReadExplanation,
  TagWrite,
  WriteOptions,
} from '../../ports/driver.ts';
import type { FrameListener } from './client.ts';
import type { ModbusConfig } from './config.ts';
import { clientFor } from './connect.ts';
import { explainRead } from './explain.ts';
import { statusOf } from './failures.ts';
import { identify } from './identify.ts';
import { pointOf } from './point.ts';
import { readNow } from './read-now.ts';
import { Scan } from './scan.ts';
import { connectionKeyOf, type ModbusSettings, settingsOf } from './settings.ts';
import { Unit } from './unit.ts';
import { Wire } from './wire.ts';
import { writeNow } from './write-now.ts';

/** Reads on demand at the same time; more are refused. */
const MAX_ON_DEMAND = 16;

/** A device with its units and their scans. */
interface Served {
  readonly device: DriverDevice<ModbusConfig>;
  readonly settings: ModbusSettings;
  readonly units: Map<number, Unit>;
  readonly scans: Scan[];
  readonly scansOf: Map<Unit, Scan[]>;
  state: ConnectionState;
  reason: string | null;
}

/** One wire, a TCP connection or a serial line, and the devices behind it. */
export class ModbusDriver implements Driver {
  readonly #context: DriverContext;
  readonly #wire: Wire;
  readonly #served: readonly Served[];
  #onDemand = 0;
  #isStopped = false;

  /** @throws ModbusAddressError an address that validation should have refused */
  constructor(devices: readonly DriverDevice<ModbusConfig>[], context: DriverContext) {
    this.#context = context;
    const [first] = devices;
    if (first === undefined) throw new HeadgateError('MODBUS_DEVICE_UNKNOWN', { device: 'none' });
    const settings = settingsOf(first.config);
    const { place, pauseMs, reconnectMinMs, reconnectMaxMs } = settings;
    const { clock, random, observer, frames } = context;
    const tap = { link: connectionKeyOf(first.config), framing: settings.framing };
    this.#wire = new Wire({
      ...{ place, pauseMs, reconnectMinMs, reconnectMaxMs, clock, random, observer },
      makeClient: (handlers) => clientFor(settings, clock, handlers),
      listenerOf: (connection) => {
        const listener: FrameListener = (isRequest, bytes) => frames?.take?.({ ...tap, connection, isRequest, bytes });
        return () => ((frames?.take ?? null) === null ? null : listener);
      },
      onUp: () => this.#wireUp(),
      onDown: (error) => this.#wireDown(error),
    });
    this.#served = devices.map((device) => this.#serve(device));
  }

  async start(): Promise<void> {
    for (const served of this.#served) this.#tell(served);
    // Nobody waits: what becomes of it is told by onUp and onDown.
    this.#wire.connect().catch(() => {});
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const isClosed = this.#wire.stop();
    const scans = this.#served.flatMap((served) => served.scans);
    for (const served of this.#served) {
      for (const unit of served.units.values()) unit.stop();
      this.#context.deviceState({
        device: served.device.name,
        state: 'stopped',
        reason: 'stopped',
        since: this.#context.clock.now(),
      });
    }
    await Promise.all([isClosed, ...scans.map((scan) => scan.stop())]);
  }

  stats(): readonly DriverStats[] {
    const wire = { ...this.#foreseen(), utilisation: this.#wire.utilisation };
    return this.#served.map(({ device, units, scans }) => {
      const total = { requests: 0, failures: 0, timeouts: 0 };
      for (const { counts } of units.values()) {
        total.requests += counts.requests;
        total.failures += counts.failures;
        total.timeouts += counts.timeouts;
      }
      const scanMs: Record<string, number> = {};
      for (const { lastMs, periodMs } of scans) {
        if (lastMs !== null) scanMs[String(periodMs)] = Math.max(scanMs[String(periodMs)] ?? 0, lastMs);
      }
      const faultyTags = scans.flatMap((scan) => [...scan.faults.values()]);
      return {
        device: device.name,
        ...total,
        reconnects: this.#wire.reconnects,
        scanMs,
        faultyTags,
        wire,
        latencyMs: latencyOf(units),
      };
    });
  }

  /** What the scans take the wire, by their present plans; those of silent units are not asked for. */
  #foreseen(): Pick<NonNullable<DriverStats['wire']>, 'wire' | 'predicted' | 'basis'> {
    const scans = this.#served.flatMap(({ settings, scansOf }) =>
      [...scansOf].flatMap(([unit, own]) => (unit.isSilent ? [] : own.map((scan) => ({ scan, settings })))),
    );
    const isKnown = scans.every(({ scan, settings }) => settings.line !== null || scan.pace.from !== 'guessed');
    const predicted = scans.reduce(
      (sum, { scan, settings }) => sum + scan.predictedMs / settings.maxInFlight / scan.periodMs,
      0,
    );
    const latencies = scans.map(({ scan: { pace } }) => ({ ms: pace.latencyMs, from: pace.from }));
    const [first] = this.#served;
    return {
      wire: first === undefined ? '' : connectionKeyOf(first.device.config),
      predicted: isKnown ? predicted : null,
      basis:
        scans.length === 0 ? 'no unit that answers is polled' : `units answering after ${describeLatencies(latencies)}`,
    };
  }

  async readNow(device: string, tags: readonly TagDefinition[]): Promise<readonly Reading[]> {
    try {
      return await this.#ask(device, (served) =>
        readNow({
          tags,
          settings: served.settings,
          unitOf: (number) => this.#unitOf(served, number),
          clock: this.#context.clock,
        }),
      );
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      const time = this.#context.clock.now();
      return tags.map(() => ({ value: null, status: statusOf(error), time }));
    }
  }

  async writeNow(
    device: string,
    writes: readonly TagWrite[],
    { deadline }: WriteOptions,
  ): Promise<readonly StatusCode[]> {
    try {
      return await this.#ask(device, (served) =>
        writeNow({
          ...{ writes, deadline, settings: served.settings, clock: this.#context.clock },
          unitOf: (number) => this.#unitOf(served, number),
        }),
      );
    } catch (error) {
      if (!(error instanceof HeadgateError)) throw error;
      return writes.map(() => statusOf(error));
    }
  }

  explainNow(device: string, tag: TagDefinition): Promise<ReadExplanation> {
    return this.#ask(device, (served) =>
      explainRead({
        ...{ tag, settings: served.settings, clock: this.#context.clock },
        unitOf: (number) => this.#unitOf(served, number),
      }),
    );
  }

  identify(device: string): Promise<Readonly<Record<string, string>>> {
    return this.#ask(device, (served) =>
      identify(this.#unitOf(served, served.settings.unit), served.settings, this.#context.clock),
    );
  }

  async #ask<T>(device: string, work: (served: Served) => Promise<T>): Promise<T> {
    const served = this.#served.find((candidate) => candidate.device.name === device);
    if (served === undefined) throw new HeadgateError('MODBUS_DEVICE_UNKNOWN', { device });
    const { place } = served.settings;
    if (this.#onDemand >= MAX_ON_DEMAND) throw new HeadgateError('MODBUS_OVERLOADED', { place });
    this.#onDemand++;
    try {
      await this.#wire.connect();
      return await work(served);
    } finally {
      this.#onDemand--;
    }
  }

  #serve(device: DriverDevice<ModbusConfig>): Served {
    const settings = settingsOf(device.config);
    const served: Served = {
      device,
      settings,
      units: new Map(),
      scans: [],
      scansOf: new Map(),
      state: 'connecting',
      reason: null,
    };
    const { clock, observer, report, tagFault } = this.#context;
    for (const group of device.groups) {
      const pointAt = (index: number) => pointOf(group.tags.at(index) as TagDefinition, settings.unit);
      const byUnit = new Map<number, number[]>();
      for (let index = 0; index < group.tags.length; index++) {
        const { unit } = pointAt(index);
        const members = byUnit.get(unit);
        if (members === undefined) byUnit.set(unit, [index]);
        else members.push(index);
      }
      for (const [number, indexes] of byUnit) {
        const unit = this.#unitOf(served, number);
        const members = indexes.length === group.tags.length ? null : Uint32Array.from(indexes);
        const scan = new Scan({
          ...{ group, members, pointAt, unit, limits: settings, timing: settings.timing, clock, observer },
          faultyTagRetryMs: settings.faultyTagRetryMs,
          report: (batch) => {
            if (!this.#isStopped) report(batch);
          },
          tagFault: (tag, fault) => {
            if (!this.#isStopped) tagFault(device.name, tag, fault);
          },
        });
        served.scans.push(scan);
        served.scansOf.set(unit, [...(served.scansOf.get(unit) ?? []), scan]);
      }
    }
    return served;
  }

  #unitOf(served: Served, number: number): Unit {
    const known = served.units.get(number);
    if (known !== undefined) return known;
    const { clock, random, observer } = this.#context;
    const unit: Unit = new Unit({
      ...{ device: served.device.name, unit: number, settings: served.settings },
      ...{ wire: this.#wire, clock, random, observer },
      onAnswers: () => {
        this.#tell(served);
        for (const scan of served.scansOf.get(unit) ?? []) scan.start();
      },
      onSilent: (error) => {
        if (this.#isStopped) return;
        for (const scan of served.scansOf.get(unit) ?? []) scan.reportGone(statusOf(error));
        this.#tell(served);
      },
    });
    served.units.set(number, unit);
    return unit;
  }

  #wireUp(): void {
    for (const served of this.#served) {
      for (const unit of served.units.values()) unit.reset();
      this.#tell(served);
      for (const scan of served.scans) scan.start();
    }
  }

  #wireDown(error: HeadgateError): void {
    for (const served of this.#served) {
      for (const unit of served.units.values()) unit.disconnect(error);
      this.#tell(served);
    }
  }

  /** Say how a device stands, if that has changed. */
  #tell(served: Served): void {
    if (this.#isStopped) return;
    const { state, reason } = this.#stateOf(served);
    if (state === served.state && reason === served.reason) return;
    served.state = state;
    served.reason = reason;
    const { clock, deviceState } = this.#context;
    deviceState({ device: served.device.name, state, reason, since: clock.now() });
  }

  #stateOf({ settings, scansOf }: Served): { readonly state: ConnectionState; readonly reason: string | null } {
    const { downError, isOpen } = this.#wire;
    if (downError !== null) return { state: 'disconnected', reason: downError.message };
    const units = [...scansOf.keys()];
    if (units.some((unit) => unit.answers) || (isOpen && units.length === 0))
      return { state: 'connected', reason: null };
    const silence = units.length > 0 && units.every((unit) => unit.isSilent) ? units[0]?.silence : null;
    if (silence !== null && silence !== undefined) return { state: 'disconnected', reason: silence.message };
    return { state: 'connecting', reason: `waiting for ${settings.place}` };
  }
}

/** That of the slowest unit of a device, for which a plan must hold; null while none has answered. */
function latencyOf(units: ReadonlyMap<number, Unit>): number | null {
  const known = [...units.values()].flatMap(({ latency: { medianMs } }) => (medianMs === null ? [] : [medianMs]));
  return known.length === 0 ? null : Math.max(...known);
}
