import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { receiveUpstream, type UpstreamReceiver } from '../../src/cli/demo/upstream-receiver.ts';
import type { JournalConfig } from '../../src/journal/config.ts';
import type { VerifyReport } from '../../src/journal/verify-report.ts';
import { LANES } from '../../src/model/tag.ts';
import { createObserver } from '../../src/observe/observer.ts';
import type { Random } from '../../src/ports/clock.ts';
import type { StatusReport } from '../../src/ports/control.ts';
import type { LedgerRow } from '../../src/ports/journal.ts';
import { systemClock } from '../../src/ports/system-clock.ts';
import { startSyntheticDevices } from '../../src/simulate/synthetic.ts';
import { encodeTagTable } from '../../src/simulate/tag-table.ts';
import { startUpstreamBroker } from '../../src/simulate/upstream-broker.ts';
import type { ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import type { ReceiverFigures } from '../../src/sinks/receiver.ts';
import { connectControl } from '../../src/system/control-client.ts';
import { FaultProxy } from '../../test/support/fault-proxy.ts';
import { Daemon, type DaemonOptions } from './daemon.ts';
import { Oracle, type OracleAccount } from './oracle.ts';

const LAUNCHER = fileURLToPath(new URL('../headgate', import.meta.url));
const BROKER_PORT = 1883;
const DRAIN_TIMEOUT_MS = 60_000;
const SOCKET_TIMEOUT_MS = 30_000;
/** Starts in which what waits must have gone upstream. */
const DRAIN_STARTS = 4;

export interface PlantOptions {
  readonly random: Random;
  /** Replaces what the plant would choose. */
  readonly journal?: JournalConfig;
  /** Where the gateway keeps its data; default: a temporary directory of the plant's. */
  readonly dataDirectory?: string;
  /** Modbus tags, each with a new value every period, over so many units; default 12, 2 and 100 ms. */
  readonly devices?: { readonly tags: number; readonly units: number; readonly periodMs: number };
  /** Hears of each event that arrived upstream, repeats dropped. */
  readonly onArrived?: (event: ReceivedEvent) => void;
  /** Goes into the sink's configuration. */
  readonly sink?: object;
  /** Messages of the oracle that may be unacknowledged at once. Default 48. */
  readonly window?: number;
}

/** What is left when a plant comes to rest: nothing on the way, the daemon stopped, the journal verified from its files. */
export interface PlantEnd {
  readonly oracle: OracleAccount;
  readonly receiver: ReceiverFigures;
  readonly duplicatesAtReceiver: number;
  /** Batches that could not be read. */
  readonly unreadable: readonly string[];
  readonly verify: Pick<VerifyReport, 'events' | 'problems' | 'holds'>;
  readonly ledger: LedgerRow;
}

/**
 * A small plant around a real gateway, which is the only part in danger: Modbus devices, an oracle that publishes numbered events to the local broker,
 * and upstream a broker with a receiver. The gateway may be started, hurt and started again any number of times on the same data.
 */
export class Plant {
  readonly oracle: Oracle;
  readonly dataDirectory: string;
  readonly configDirectory: string;
  /** The gateway's own loopback address: plants in parallel, and other users of the machine, keep out of each other's way. */
  readonly host = `127.${randomInt(1, 255)}.${randomInt(0, 255)}.${randomInt(1, 255)}`;
  /** The upstream broker itself. */
  readonly upstreamPort: number;
  /** The way from the gateway to its upstream. */
  readonly wan: FaultProxy;
  readonly brokerPort = BROKER_PORT;
  maxRecoverySeconds = 0;
  #daemon: Daemon | null = null;
  readonly #receiver: UpstreamReceiver;
  readonly #types: ReadonlyMap<string, number>;
  readonly #close: () => Promise<void>;

  private constructor(
    directories: { readonly data: string; readonly config: string },
    oracle: Oracle,
    far: {
      readonly wan: FaultProxy;
      readonly receiver: UpstreamReceiver;
      readonly types: ReadonlyMap<string, number>;
      readonly port: number;
    },
    close: () => Promise<void>,
  ) {
    this.dataDirectory = directories.data;
    this.configDirectory = directories.config;
    this.oracle = oracle;
    this.wan = far.wan;
    this.upstreamPort = far.port;
    this.#receiver = far.receiver;
    this.#types = far.types;
    this.#close = close;
  }

  /** Build everything but the gateway. */
  static async open(options: PlantOptions): Promise<Plant> {
    const { random } = options;
    const work = await mkdtemp(join(tmpdir(), 'headgate-torture-'));
    const config = join(work, 'config');
    const data = options.dataDirectory ?? join(work, 'data');
    await mkdir(config);
    const oracle = new Oracle({ streams: 3, random, window: options.window ?? 48 });
    const broker = await startUpstreamBroker();
    const types = new Map<string, number>();
    const receiver = await receiveUpstream(broker.port, (event) => {
      types.set(event.type, (types.get(event.type) ?? 0) + 1);
      oracle.arrived(event);
      options.onArrived?.(event);
    });
    const wan = await FaultProxy.start(broker.port);
    const { observer } = createObserver({ write: () => {}, now: () => Date.now(), level: 'error', format: 'text' });
    const devices = await startSyntheticDevices({
      protocol: 'modbus-tcp',
      ...(options.devices ?? { tags: 12, units: 2, periodMs: 100 }),
      clock: systemClock,
      observer,
    });
    const plant = new Plant({ data, config }, oracle, { wan, receiver, types, port: broker.port }, async () => {
      await receiver.close();
      await wan.close();
      await devices.close();
      await broker.close();
      await rm(work, { recursive: true, force: true });
    });
    await devices.configuration(config);
    // Every lane is in use, so that one commit writes to several files.
    const tags = devices.tags.map((tag, index) => ({ ...tag, lane: LANES[index % LANES.length] ?? 'bulk' }));
    await writeFile(join(config, 'tags', 'synthetic.csv'), encodeTagTable(tags));
    await plant.#configure(options);
    return plant;
  }

  get daemon(): Daemon {
    if (this.#daemon === null) throw new Error('the gateway was not started');
    return this.#daemon;
  }

  get journalDirectory(): string {
    return join(this.dataDirectory, 'journal');
  }

  /** Outside of the data directory, whose disk may be gone. */
  get #socket(): string {
    return join(dirname(this.configDirectory), 'headgate.sock');
  }

  /**
   * Start the gateway; resolves when the oracle's first event is acknowledged, and the oracle goes on publishing.
   * @throws Error it ends, or does not come up
   */
  async start(options: Omit<DaemonOptions, 'configDirectory'> = {}): Promise<void> {
    const daemon = new Daemon({ configDirectory: this.configDirectory, ...options });
    this.#daemon = daemon;
    await daemon.listening(this.host, BROKER_PORT);
    const accepted = this.oracle.nextAccepted();
    await this.oracle.load(this.host, BROKER_PORT);
    await Promise.race([accepted, endOf(daemon)]);
    this.maxRecoverySeconds = Math.max(this.maxRecoverySeconds, (performance.now() - daemon.startedAtMs) / 1000);
  }

  /** `journal verify` of the running gateway, which puts aside what it finds bad. */
  async verifyLive(): Promise<void> {
    // The local broker takes events a moment before the socket is there.
    const deadline = performance.now() + SOCKET_TIMEOUT_MS;
    while ((await this.status()) === null && performance.now() < deadline && this.daemon.end === null) await pause(20);
    await connectControl(this.#socket).journalVerify();
  }

  /** True once the oracle, connected anew if need be, has had an acknowledgement since the call. */
  async isAccepting(): Promise<boolean> {
    const before = this.oracle.accepted;
    if (!this.oracle.isConnected) await this.oracle.load(this.host, BROKER_PORT).catch(() => undefined);
    await pause(50);
    return this.oracle.accepted > before;
  }

  /** How many events of a type have arrived upstream. */
  told(type: string): number {
    return this.#types.get(type) ?? 0;
  }

  /** kill -9 to the gateway, and the oracle notices. */
  async kill(): Promise<void> {
    await this.daemon.kill();
    this.oracle.drop();
  }

  /** What arrived upstream so far, repeats dropped. */
  get received(): ReceiverFigures {
    return this.#receiver.figures();
  }

  /** What the gateway says of itself; null while it does not answer, as right after its start. */
  status(): Promise<StatusReport | null> {
    return connectControl(this.#socket)
      .status()
      .catch(() => null);
  }

  /**
   * Let what is on the way arrive, stop the gateway, and take stock. Starts the gateway when it does not run.
   * @throws Error the gateway does not come up
   */
  async rest(options: Omit<DaemonOptions, 'configDirectory'> = {}): Promise<PlantEnd> {
    for (let attempt = 1; ; attempt++) {
      if (this.#daemon === null || this.#daemon.end !== null) await this.start(options);
      await this.oracle.finish();
      await this.#drained();
      await this.daemon.stop();
      const verify = await this.#verify();
      const ledger = verify.ledger.find(({ consumer }) => consumer === 'upstream');
      if (ledger === undefined) throw new Error('the ledger does not know the sink');
      if (ledger.waiting > 0 && attempt < DRAIN_STARTS) continue;
      return {
        oracle: this.oracle.account(),
        receiver: this.#receiver.figures(),
        duplicatesAtReceiver: this.#receiver.duplicatesAfterDedupe,
        unreadable: this.#receiver.problems,
        verify,
        ledger,
      };
    }
  }

  async close(): Promise<void> {
    if (this.#daemon?.end === null) await this.kill();
    this.oracle.drop();
    await this.#close();
  }

  async #configure({ random, journal = {}, sink = {} }: PlantOptions): Promise<void> {
    const gateway = {
      gateway: { name: 'torture', asset: 'torture/gateway', data_dir: this.dataDirectory, socket: this.#socket },
      broker: {
        listen: { host: this.host, port: BROKER_PORT },
        anonymous: { publish: ['evt/v1/#'], subscribe: ['#'] },
      },
      journal: {
        // Segments come and go, as they would in weeks.
        segment_mb: 0.125 + random() / 4,
        retain_settled_h: random() < 0.5 ? 0 : 24,
        commit_linger_ms: Math.floor(random() * 10),
        ballast_mb: 0.25,
        min_free_disk_mb: 1,
        ...journal,
      },
      sinks: {
        upstream: {
          kind: 'mqtt',
          url: `mqtt://127.0.0.1:${this.wan.port}`,
          batch: { linger_ms: 50 },
          reconnect: { min_ms: 100, max_ms: 500 },
          ...sink,
        },
      },
    };
    await writeFile(join(this.configDirectory, 'gateway.yaml'), stringify(gateway));
  }

  /** Wait until no more than what the devices say just now waits for the sink. */
  async #drained(): Promise<void> {
    const deadline = performance.now() + DRAIN_TIMEOUT_MS;
    while (performance.now() < deadline && this.daemon.end === null) {
      const status = await this.status();
      if (status?.sinks.every(({ backlog, waiting }) => backlog === 0 && waiting < 100)) return;
      await pause(20);
    }
  }

  #verify(): Promise<VerifyReport> {
    return new Promise((resolve, reject) => {
      const args = ['journal', 'verify', '--json', '--config', this.configDirectory];
      execFile(LAUNCHER, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout) => {
        try {
          const report = JSON.parse(stdout) as VerifyReport;
          if (report.ledger === undefined) throw new Error('no report');
          resolve(report);
        } catch {
          reject(new Error(`journal verify says: ${stdout}${error?.message ?? ''}`));
        }
      });
    });
  }
}

/** @throws Error as soon as the daemon has ended, by itself or by somebody else's hand */
async function endOf(daemon: Daemon): Promise<never> {
  const { code, signal } = await daemon.ended;
  throw new Error(`the daemon ended (${signal ?? code}): ${daemon.lastLines()}`);
}
