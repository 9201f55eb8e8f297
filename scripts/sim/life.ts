import type { JournalConfig } from '../../src/journal/config.ts';
import { seededRandom } from '../random.ts';
import { Destination, type LinkMode } from './destination.ts';
import { GatewayProcess } from './gateway-process.ts';
import { configOf } from './life-config.ts';
import { type Invariant, Oracle } from './oracle.ts';
import { Producers } from './producers.ts';
import { SimDisk } from './sim-disk.ts';
import type { SimSinkSettings } from './sim-sink.ts';
import { Trace } from './trace.ts';
import { Dice, VirtualTime } from './virtual-time.ts';

/** What became of one life. */
export interface LifeResult {
  readonly seed: number;
  /** Over everything that happened. */
  readonly hash: string;
  readonly violation: { readonly invariant: Invariant; readonly detail: string } | null;
  readonly virtualSeconds: number;
  readonly acceptedEvents: number;
  readonly processes: number;
  /** All, or the last, lines of the trace. */
  readonly lines: readonly string[];
}

const WALL_START = 1_790_000_000_000;
const MB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** Virtual time in which everything must be settled once the faults have stopped: an event at a time over the slowest link makes three a second, and a life up to 20,000. */
const SETTLE_MS = 7_200_000;
const BOOKS_EVERY_STEPS = 40;
/** Some 50 times what a long life takes. */
const MAX_STEPS = 2_000_000;

interface Site {
  readonly destination: Destination;
  readonly settings: SimSinkSettings;
  isConfigured: boolean;
}

/** One plant-life: a gateway and its destinations under faults, from one seed. */
export class Life {
  readonly #seed: number;
  readonly #trace: Trace;
  readonly #time = new VirtualTime(WALL_START);
  readonly #dice: Dice;
  readonly #oracle: Oracle;
  readonly #disk: SimDisk;
  readonly #config: JournalConfig;
  readonly #sites: Site[];
  readonly #producers: Producers;
  readonly #threadDelayMs: number;
  /** The disk says that it has synced what it has not. */
  readonly #isDiskLying: boolean;
  /** How likely each kind of fault is in this life. */
  readonly #weights: Readonly<Record<string, number>>;
  #process: GatewayProcess | null = null;
  /** Of the process that began last: the configuration may have changed since. */
  #runningSinks = 0;
  #processes = 0;
  #isFaulty = true;
  #isDown = true;

  constructor(seed: number, keepsTrace: boolean) {
    this.#seed = seed;
    this.#trace = new Trace(keepsTrace);
    const dice = new Dice(seededRandom(seed * 2_654_435_761));
    this.#dice = dice;
    const trace = (what: string) => this.#trace.add(this.#time.now, what);
    this.#oracle = new Oracle(trace);
    this.#disk = new SimDisk(dice, this.#oracle);
    this.#disk.capacityBytes = dice.pick([6, 12, 64]) * MB;
    this.#config = configOf(dice);
    this.#threadDelayMs = dice.pick([0.2, 2, 15]);
    this.#sites = Array.from({ length: dice.whole(1, 3) }, (_, i) => this.#site(`sink-${i + 1}`));
    this.#producers = new Producers(dice, this.#time);
    this.#isDiskLying = dice.chance(0.3);
    const kinds = ['link', 'cut', 'crash', 'io-error', 'full', 'rot', 'restart', 'sinks', 'clock', 'burst'];
    this.#weights = Object.fromEntries(kinds.map((kind) => [kind, dice.chance(0.45) ? 0 : dice.random() ** 2]));
  }

  /** Live it; never rejects. */
  async live(): Promise<LifeResult> {
    const fail = (error: unknown) => this.#oracle.failed(error);
    process.on('unhandledRejection', fail);
    try {
      await this.#live();
    } catch (error) {
      this.#oracle.failed(error);
    } finally {
      process.off('unhandledRejection', fail);
    }
    const { violation } = this.#oracle;
    return {
      seed: this.#seed,
      hash: this.#trace.hash,
      violation: violation === null ? null : { invariant: violation.invariant, detail: violation.message },
      virtualSeconds: this.#time.now / 1000,
      acceptedEvents: this.#oracle.accepted.size,
      processes: this.#processes,
      lines: this.#trace.lines,
    };
  }

  async #live(): Promise<void> {
    this.#begin();
    this.#scheduleProduction();
    this.#scheduleFault();
    await this.#runFor(this.#dice.between(15_000, 60_000));
    this.#heal();
    await this.#until('settled', () => this.#isSettled());
    const process = this.#process;
    if (process === null || this.#oracle.violation !== null) return;
    // At this very moment: production goes on.
    const status = process.store?.status();
    for (const { destination } of this.#sites) {
      const row = status?.ledger.find(({ consumer }) => consumer === destination.name);
      if (row !== undefined) this.#oracle.checkEnd(destination.name, row.gaps);
    }
    await this.#ask(() => process.stop());
  }

  // Running.

  #runFor(ms: number): Promise<void> {
    return this.#time.run(
      this.#time.now + ms,
      () => this.#oracle.violation !== null,
      () => this.#afterStep(),
    );
  }

  /** Run until a condition holds. */
  async #until(what: string, condition: () => boolean): Promise<void> {
    const deadline = this.#time.now + SETTLE_MS;
    while (!condition()) {
      if (this.#oracle.violation !== null) return;
      if (this.#time.now >= deadline) {
        this.#oracle.fail('all is settled once faults have stopped', `not ${what}: ${this.#waiting()}`);
        return;
      }
      await this.#runFor(1000);
    }
  }

  async #ask<T>(question: () => Promise<T> | undefined): Promise<T | undefined> {
    let answer: { readonly value: T | undefined } | null = null;
    Promise.resolve(question()).then(
      (value) => {
        answer = { value };
      },
      (error: unknown) => this.#oracle.failed(error),
    );
    await this.#until('answered', () => answer !== null);
    return (answer as { readonly value: T | undefined } | null)?.value;
  }

  #afterStep(): void {
    if (this.#time.steps > MAX_STEPS) this.#oracle.fail('a life ends', `not within ${MAX_STEPS} steps`);
    const process = this.#process;
    if (process === null) return;
    const limit = (this.#config.queue_events ?? 0) + Producers.maxGroup;
    if (process.outstanding > limit) {
      this.#oracle.fail('queues are bounded', `${process.outstanding} events wait for a commit`);
    }
    if (this.#time.steps % BOOKS_EVERY_STEPS !== 0) return;
    if (process.store !== null && process.clock.isAlive) this.#oracle.checkBooks(process.store, this.#disk);
    for (const { destination } of this.#sites) this.#oracle.checkReceiver(destination);
  }

  // Processes.

  #begin(): void {
    this.#processes++;
    this.#isDown = false;
    const configured = this.#sites.filter(({ isConfigured }) => isConfigured);
    this.#runningSinks = configured.length;
    this.#oracle.began(this.#disk, new Set(configured.map(({ destination }) => destination.name)));
    const process = new GatewayProcess({
      time: this.#time,
      dice: this.#dice,
      disk: this.#disk,
      oracle: this.#oracle,
      trace: (what) => this.#trace.add(this.#time.now, what),
      config: this.#config,
      threadDelayMs: this.#threadDelayMs,
      sinks: configured,
      onEnd: (reason) => {
        this.#trace.add(this.#time.now, `the daemon ends: ${reason}`);
        this.#crash(false);
      },
    });
    this.#process = process;
    this.#disk.onCut = () => this.#crash(this.#dice.chance(0.5));
    process.start();
  }

  #crash(isPowerCut: boolean): void {
    const process = this.#process;
    if (process === null) return;
    this.#trace.add(this.#time.now, isPowerCut ? 'power cut' : 'killed');
    process.kill();
    this.#comeBack(isPowerCut);
  }

  /** The process has ended; a new one starts after a while. */
  #comeBack(isPowerCut: boolean): void {
    this.#process = null;
    this.#isDown = true;
    for (const { destination } of this.#sites) destination.orphan();
    this.#time.at(this.#dice.between(100, this.#isFaulty ? 8000 : 500), () => {
      const hasLied = this.#isFaulty && this.#isDiskLying && this.#dice.chance(0.7);
      if (isPowerCut && hasLied) this.#trace.add(this.#time.now, 'the newest writes are lost');
      this.#disk.restart(isPowerCut, hasLied);
      if (this.#isFaulty) this.#damageAtRest();
      this.#begin();
    });
  }

  #restart(): void {
    const process = this.#process;
    if (process === null || process.forwarder === null) return;
    this.#trace.add(this.#time.now, 'stopping');
    process.stop().then(
      () => {
        if (this.#process !== process) return;
        this.#trace.add(this.#time.now, 'stopped');
        this.#comeBack(false);
      },
      (error: unknown) => {
        if (this.#process === process) this.#oracle.failed(error);
      },
    );
  }

  // What happens.

  #scheduleProduction(): void {
    const produce = () => {
      this.#process?.append(this.#producers.next(this.#isFaulty));
      this.#time.at(this.#isFaulty ? this.#dice.between(5, 400) : 5000, produce);
    };
    this.#time.at(10, produce);
  }

  #scheduleFault(): void {
    this.#time.at(this.#dice.between(100, 4000), () => {
      if (!this.#isFaulty) return;
      this.#strike();
      this.#scheduleFault();
    });
  }

  #strike(): void {
    const dice = this.#dice;
    const kinds = Object.entries(this.#weights);
    let left = dice.random() * kinds.reduce((sum, [, weight]) => sum + weight, 0);
    const kind = kinds.find(([, weight]) => {
      left -= weight;
      return weight > 0 && left <= 0;
    })?.[0];
    if (kind === undefined) return;
    this.#trace.add(this.#time.now, `fault: ${kind}`);
    switch (kind) {
      case 'link':
        this.#strikeLink();
        return;
      case 'cut':
        this.#disk.cutAfter(dice.whole(0, 12));
        return;
      case 'crash':
        this.#crash(dice.chance(0.5));
        return;
      case 'io-error':
        if (dice.chance(0.4)) this.#disk.failReads(dice.whole(1, 2));
        else this.#disk.failNext(dice.pick(['commit', 'commit', 'ledger', 'seal', 'unlink', 'create', 'names']));
        return;
      case 'full': {
        const { freeBytes } = this.#disk.space();
        this.#disk.othersBytes += Math.max(0, freeBytes - dice.pick([0, 4096, 30_000, 200_000]));
        this.#time.at(dice.between(500, 15_000), () => {
          this.#disk.othersBytes = 0;
        });
        return;
      }
      case 'rot': {
        const sealed = this.#disk.files.filter((file) => file.isSealed && file.rot === null && file.rows.length > 1);
        if (sealed.length === 0) return;
        const file = dice.pick(sealed);
        // A row that vanishes without a trace is noticed by a hash that is written, and is not compared yet.
        const isNoticed = !file.isOpen && this.#disk.isHashed(file);
        file.rot = dice.pick(isNoticed ? ['row', 'row-missing', 'header', 'short'] : ['row', 'header', 'short']);
        return;
      }
      case 'restart':
        this.#restart();
        return;
      case 'sinks':
        this.#changeSinks();
        return;
      case 'clock':
        this.#time.stepWall(dice.pick([-365 * DAY_MS, -3_600_000, -1500, 700, 3_600_000, 30 * DAY_MS]));
        return;
      default:
        this.#process?.append(this.#producers.burst());
    }
  }

  #strikeLink(): void {
    const { destination } = this.#dice.pick(this.#sites);
    if (this.#dice.chance(0.3)) {
      destination.reset('reset');
      return;
    }
    destination.become(this.#dice.pick<LinkMode>(['down', 'half-open', 'deaf', 'slow', 'refusing']));
    this.#time.at(this.#dice.between(300, 25_000), () => destination.become('up'));
  }

  /** A sink is taken out of the configuration, or put in again; one that is out may be forgotten. */
  #changeSinks(): void {
    const site = this.#dice.pick(this.#sites);
    site.isConfigured = !site.isConfigured;
    this.#restart();
  }

  /** While nothing runs, the newest of what was written may be lost with a WAL, or a file go bad. */
  #damageAtRest(): void {
    const dice = this.#dice;
    if ((this.#weights['rot'] ?? 0) === 0 || !dice.chance(0.25)) return;
    // With the ledger and the last segment gone, what follows is another journal, whose numbers begin anew under an id of its own: another life.
    const legible = this.#disk.files.filter((file) => file.rot === null && !file.isHalfCreated);
    if (dice.chance(0.15) && this.#disk.ledger !== null && legible.length > 0) {
      this.#trace.add(this.#time.now, 'the ledger goes bad');
      this.#oracle.ledgerDamaged(this.#disk);
      this.#disk.ledger.isDamaged = true;
      return;
    }
    const active = this.#disk.files.filter((file) => !file.isSealed && file.rows.length > 1);
    if (active.length === 0) return;
    const file = dice.pick(active);
    const isLedgerGone = this.#disk.ledger === null || this.#disk.ledger.isDamaged;
    if (isLedgerGone && legible.every((other) => other === file)) return;
    this.#trace.add(this.#time.now, `an active segment goes bad: ${file.identity.lane}/${file.identity.first}`);
    // Of a tail that the ledger had not heard of nobody can tell that it is missing.
    const known = this.#disk.knownRows(file);
    if (known > 0 && dice.chance(0.4)) file.rows = file.rows.slice(0, dice.whole(0, known - 1));
    else file.rot = dice.pick(['row', 'row-missing', 'header']);
  }

  #heal(): void {
    this.#trace.add(this.#time.now, 'faults stop');
    this.#isFaulty = false;
    this.#disk.heal();
    for (const site of this.#sites) site.destination.become('up');
    const hasAll = this.#runningSinks === this.#sites.length;
    for (const site of this.#sites) site.isConfigured = true;
    if (!hasAll) this.#restartWithAll();
    // What a silent lane's receiver lacks then is for a process to tell that has not sent it.
    if (this.#dice.chance(0.5)) this.#time.at(this.#dice.between(0, 3000), () => this.#crash(false));
  }

  /** With every sink in the configuration, once a start that is under way is through. */
  #restartWithAll(): void {
    if (this.#isDown) return;
    if (this.#process?.forwarder == null) this.#time.at(100, () => this.#restartWithAll());
    else this.#restart();
  }

  #isSettled(): boolean {
    return this.#producers.isFinished && this.#waiting() === '';
  }

  /** What keeps the life from being settled; empty when nothing does. */
  #waiting(): string {
    const process = this.#process;
    if (process?.forwarder == null || process.journal === null || process.store === null) return 'no process';
    if (process.outstanding > 0) return `${process.outstanding} events wait for a commit`;
    const statuses = process.forwarder.status();
    if (statuses.length < this.#sites.length) return 'sinks are missing';
    for (const { name, waiting, link } of statuses) {
      if (waiting > 0) return `${waiting} events wait for ${name}, ${link.state}`;
    }
    // Asked first: it writes what is to be told.
    const { ledger } = process.store.status();
    const untold = process.store.untoldGaps().length;
    if (untold > 0) return `${untold} gaps are not told`;
    for (const { consumer, waiting } of ledger) {
      if (waiting > 0) return `${waiting} events wait for ${consumer} by the ledger`;
    }
    for (const { destination } of this.#sites) {
      const missing = this.#oracle.missing(destination);
      if (missing !== null) return missing;
      const { held } = destination.receiver.figures();
      if (held > 0) return `${destination.name} still holds ${held} events`;
    }
    return '';
  }

  #site(name: string): Site {
    const dice = this.#dice;
    const poisonShare = dice.chance(0.2) ? 0.01 : 0;
    const salt = dice.whole(0, 9973);
    const destination = new Destination(name, {
      time: this.#time,
      dice,
      witness: this.#oracle,
      latencyMs: dice.pick([0.5, 10, 150]),
      isPoison:
        poisonShare === 0
          ? null
          : ({ sequence, lane }) => lane !== 'critical' && ((sequence * 7919 + salt) % 9973) / 9973 < poisonShare,
    });
    const settings: SimSinkSettings = {
      maxInFlight: dice.pick([1, 2, 4, 16]),
      pacing: {
        maxEvents: dice.pick([1, 10, 100, 1000]),
        maxBytes: dice.pick([20_000, 262_144]),
        lingerMs: dice.pick([0, 100, 1000]),
        reconnectMinMs: 100,
        reconnectMaxMs: 5000,
        startAt: dice.chance(0.8) ? 'beginning' : 'now',
        liveWeight: dice.pick([0.5, 4]),
        maxBytesPerSecond: dice.chance(0.1) ? 100_000 : null,
        schedule: null,
      },
    };
    return { destination, settings, isConfigured: dice.chance(0.9) };
  }
}
