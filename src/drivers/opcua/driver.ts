import { HeadgateError } from '../../errors/headgate-error.ts';
import { Status, type StatusCode } from '../../model/quality.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagDefinition } from '../../model/tag.ts';
import type { EpochMs } from '../../model/time.ts';
import type { Timer } from '../../ports/clock.ts';
import type {
  ConnectionState,
  Driver,
  DriverContext,
  DriverDevice,
  DriverStats,
  ReadExplanation,
} from '../../ports/driver.ts';
import type { ServiceCounters } from './client.ts';
import { type OpcuaConfig, type OpcuaSettings, settingsOf } from './config.ts';
import { Connection, type ConnectionParts, whyNot } from './connection.ts';
import { settleWithin } from './deadline.ts';
import { Intake } from './intake.ts';
import type { OpcuaLibrary } from './library.ts';
import { IDLE_LINK, type LinkEffect, type LinkEvent, linkTransition } from './link.ts';
import { TagTable } from './tag-table.ts';

const STOP_MS = 1_900;

/** The devices of one OPC UA connection: connects, scans, notices silence, and begins anew, for ever. */
export class OpcuaDriver implements Driver {
  readonly #devices: readonly DriverDevice<OpcuaConfig>[];
  readonly #context: DriverContext;
  readonly #settings: OpcuaSettings;
  readonly #parts: ConnectionParts;
  readonly #table: TagTable;
  readonly #intake: Intake;
  readonly #counters: ServiceCounters = { requests: 0, failures: 0, timeouts: 0 };
  readonly #others = new Set<Connection>();
  #link = IDLE_LINK;
  #reconnects = 0;
  #current: Connection | null = null;
  /** Settles when the attempt under way has come to its end, either way. */
  #attempt: Promise<void> = Promise.resolve();
  #closing: Promise<void> = Promise.resolve();
  #retry: Timer | null = null;

  constructor(devices: readonly DriverDevice<OpcuaConfig>[], context: DriverContext, library: OpcuaLibrary) {
    const [first] = devices;
    if (first === undefined) throw new RangeError('a driver needs a device');
    this.#devices = devices;
    this.#context = context;
    this.#settings = settingsOf(first.config);
    this.#parts = { library, settings: this.#settings, context, counters: this.#counters };
    this.#table = new TagTable(devices);
    this.#intake = new Intake(this.#table, context);
  }

  async start(): Promise<void> {
    this.#dispatch({ type: 'start' });
  }

  async stop(): Promise<void> {
    this.#dispatch({ type: 'stop' });
    this.#intake.stop();
    const others = [...this.#others].map((connection) => connection.close(false));
    await settleWithin(this.#context.clock, STOP_MS, Promise.all([this.#closing, ...others]));
  }

  stats(): readonly DriverStats[] {
    return this.#devices.map(({ name, groups }) => ({
      device: name,
      ...this.#counters,
      reconnects: this.#reconnects,
      scanMs: Object.fromEntries(
        groups.flatMap((group) => {
          const scanMs = this.#current?.scanMs(group) ?? null;
          return scanMs === null ? [] : [[String(group.periodMs), scanMs]];
        }),
      ),
      faultyTags: this.#intake.faultsOf(name),
    }));
  }

  async readNow(_device: string, tags: readonly TagDefinition[]): Promise<readonly Reading[]> {
    try {
      return await this.#withConnection((connection) => connection.read(tags));
    } catch (error) {
      const status = statusOf(error);
      const time: EpochMs = this.#context.clock.now();
      return tags.map(() => ({ value: null, status, time }));
    }
  }

  async explainNow(_device: string, tag: TagDefinition): Promise<ReadExplanation> {
    try {
      return await this.#withConnection((connection) => connection.explain(tag));
    } catch (error) {
      const failure = { what: 'failure', shows: whyNot(error) };
      const reading = { value: null, status: statusOf(error), time: this.#context.clock.now() };
      return { steps: [{ what: 'address', shows: tag.address }, failure], reading };
    }
  }

  async identify(_device: string): Promise<Readonly<Record<string, string>>> {
    return this.#withConnection((connection) => connection.identify());
  }

  /** Use the open connection, or wait for the one that is being opened, or open one for this purpose alone. */
  async #withConnection<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#link.phase === 'connecting') await this.#attempt;
    if (this.#link.phase === 'up' && this.#current !== null) return use(this.#current);
    if (this.#link.phase === 'stopped') {
      throw new HeadgateError('OPCUA_STOPPED', { endpoint: this.#settings.endpoint });
    }
    const connection = new Connection(this.#parts);
    this.#others.add(connection);
    try {
      await connection.open();
      return await use(connection);
    } finally {
      this.#others.delete(connection);
      await connection.close(true);
    }
  }

  #dispatch(event: LinkEvent): void {
    const [next, effects] = linkTransition(this.#link, event, this.#settings, this.#context.random());
    this.#link = next;
    for (const effect of effects) this.#perform(effect);
  }

  #perform(effect: LinkEffect): void {
    switch (effect.do) {
      case 'connect':
        this.#attempt = this.#connect();
        return;
      case 'retry-after':
        this.#retry = this.#context.clock.after(effect.delayMs, () => {
          this.#retry = null;
          this.#reconnects++;
          this.#dispatch({ type: 'retry' });
        });
        return;
      case 'tear-down':
        this.#retry?.cancel();
        this.#closing = this.#current?.close(effect.isGraceful) ?? this.#closing;
        this.#current = null;
        return;
      case 'announce':
        this.#announce(effect.state, effect.reason);
        return;
      case 'report-gone':
        this.#intake.gone(effect.status, this.#context.clock.now());
        return;
    }
  }

  async #connect(): Promise<void> {
    // A server with few sessions must see the old one go before the next comes.
    await this.#closing;
    if (this.#link.phase !== 'connecting') return;
    const connection = new Connection(this.#parts);
    this.#current = connection;
    const isCurrent = () => this.#current === connection;
    const failed = (error: unknown) => {
      if (isCurrent()) this.#dispatch({ type: 'failed', at: this.#context.clock.monotonic(), reason: whyNot(error) });
    };
    try {
      await connection.open();
      if (isCurrent()) await connection.scan(this.#table, this.#intake, failed);
      if (isCurrent()) this.#dispatch({ type: 'connected', at: this.#context.clock.monotonic() });
    } catch (error) {
      failed(error);
    }
  }

  #announce(state: ConnectionState, reason: string | null): void {
    const { observer, clock } = this.#context;
    const { endpoint } = this.#settings;
    if (state === 'connected') observer.emit('opcua-connected', { endpoint });
    if (state === 'disconnected') observer.emit('opcua-disconnected', { endpoint, reason });
    const since = clock.now();
    for (const { name } of this.#devices) this.#context.deviceState({ device: name, state, reason, since });
  }
}

function statusOf(error: unknown): StatusCode {
  if (!(error instanceof HeadgateError)) return Status.Bad_NotConnected;
  if (error.code === 'OPCUA_TIMEOUT') return Status.Bad_Timeout;
  return error.code === 'OPCUA_SERVICE_FAILED' ? Status.Bad_CommunicationError : Status.Bad_NotConnected;
}
