import { HeadgateError } from '../../src/errors/headgate-error.ts';
import type { JournalConfig } from '../../src/journal/config.ts';
import { type JournalHandle, openJournal } from '../../src/journal/journal-client.ts';
import type { Store } from '../../src/journal/store.ts';
import type { EventDraft } from '../../src/model/event.ts';
import type { Observer } from '../../src/observe/observer.ts';
import { createForwarder, type Forwarder } from '../../src/runtime/forwarder.ts';
import type { Destination } from './destination.ts';
import type { Oracle } from './oracle.ts';
import type { SimDisk } from './sim-disk.ts';
import { SimSink, type SimSinkSettings } from './sim-sink.ts';
import { simWorker } from './sim-worker.ts';
import { type Dice, ProcessClock, type VirtualTime } from './virtual-time.ts';

/** What a process of a life is made of. */
export interface GatewayOptions {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly disk: SimDisk;
  readonly oracle: Oracle;
  readonly trace: (what: string) => void;
  readonly config: JournalConfig;
  readonly threadDelayMs: number;
  /** Sinks of the configuration, by their destinations. */
  readonly sinks: readonly { readonly destination: Destination; readonly settings: SimSinkSettings }[];
  /** The daemon ends by itself: the journal failed, or could not be opened. */
  readonly onEnd: (reason: string) => void;
}

/** One run of the gateway: the real journal client, engine and forwarder, from start to a stop or a crash. */
export class GatewayProcess {
  readonly clock: ProcessClock;
  readonly #options: GatewayOptions;
  journal: JournalHandle | null = null;
  forwarder: Forwarder | null = null;
  /** Once it is open; null again when it has ended. */
  store: Store | null = null;
  /** Events that wait for their commit. */
  outstanding = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.clock = new ProcessClock(options.time);
  }

  start(): void {
    this.#start().catch((error: unknown) => {
      if (!this.clock.isAlive) return;
      if (error instanceof HeadgateError) this.#options.onEnd(error.message);
      else this.#options.oracle.failed(error);
    });
  }

  /** Offer events for acceptance; what comes of it the oracle hears. */
  append(drafts: readonly EventDraft[]): void {
    const { journal } = this;
    if (journal === null) return;
    const { oracle, trace } = this.#options;
    this.outstanding += drafts.length;
    journal.append(drafts).then(
      (events) => {
        this.outstanding -= drafts.length;
        for (const [i, { sequence, time }] of events.entries()) {
          if (!oracle.accepted.has(sequence)) oracle.fail('told only what is durable', `${sequence} was acknowledged`);
          if (time !== drafts[i]?.time)
            oracle.fail('what arrives is what was accepted', `${sequence} was acknowledged`);
        }
      },
      (error: unknown) => {
        this.outstanding -= drafts.length;
        if (error instanceof HeadgateError) trace(`append refused: ${error.code}`);
        else oracle.failed(error);
      },
    );
  }

  /** SIGTERM: resolves when the process has ended. */
  async stop(): Promise<void> {
    await this.forwarder?.stop();
    await this.journal?.close();
    this.store = null;
    this.clock.isAlive = false;
  }

  /** kill -9: nothing that it had under way happens. */
  kill(): void {
    this.clock.isAlive = false;
    this.store = null;
  }

  async #start(): Promise<void> {
    const { clock } = this;
    const { disk, dice, oracle, trace, config, sinks, threadDelayMs, onEnd } = this.#options;
    const observer = quietObserver(trace);
    const startWorker = simWorker({
      disk,
      clock,
      dice,
      delayMs: threadDelayMs,
      onNotice: (notice) => oracle.notice(notice),
      onOpened: (store) => {
        this.store = store;
      },
      onFailed: () => {
        this.store = null;
      },
    });
    const journal = await openJournal({ directory: '/simulated', config, clock, observer, startWorker });
    if (!clock.isAlive) return;
    trace(`opened at ${journal.lastSequence}`);
    void journal.failed.then((error) => {
      this.store = null;
      if (clock.isAlive) onEnd(error.message);
    });
    journal.onCommit((events) => oracle.committed(events));
    this.journal = journal;
    const forwarder = createForwarder({
      sinks: sinks.map(({ destination, settings }) => ({
        name: destination.name,
        kind: 'simulated',
        config: {},
        module: {
          kind: 'simulated',
          create: async (name, _config, context) => new SimSink(name, context, { destination, dice, settings, oracle }),
        },
      })),
      journal: {
        ...bound(journal),
        openCursor: async (name, start) => {
          const cursors = await journal.openCursor(name, start);
          oracle.opened(name, cursors, disk);
          return cursors;
        },
      },
      clock,
      random: dice.random,
      observer,
      gatewayName: 'simulated',
      readSecret: async () => '',
    });
    this.forwarder = forwarder;
    await forwarder.start();
  }
}

/** The journal's own methods, so that one of them can be watched. */
function bound(journal: JournalHandle): JournalHandle {
  return {
    get journalId() {
      return journal.journalId;
    },
    get lastSequence() {
      return journal.lastSequence;
    },
    failed: journal.failed,
    append: (drafts) => journal.append(drafts),
    onCommit: (listener) => journal.onCommit(listener),
    read: (request) => journal.read(request),
    openCursor: (consumer, start) => journal.openCursor(consumer, start),
    moveCursor: (consumer, cursor, lanes) => journal.moveCursor(consumer, cursor, lanes),
    forgetCursor: (consumer) => journal.forgetCursor(consumer),
    streamLedger: () => journal.streamLedger(),
    status: () => journal.status(),
    verify: (options) => journal.verify(options),
    close: () => journal.close(),
  };
}

/** What is logged goes into the trace: it is part of what must be the same. */
function quietObserver(trace: (what: string) => void): Observer {
  const observer: Observer = {
    emit: (name, fields) => {
      const reason = fields?.['reason'];
      trace(reason === undefined ? `log ${name}` : `log ${name}: ${String(reason)}`);
    },
    with: () => observer,
  };
  return observer;
}
