import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { GAP_TYPE } from '../model/event.ts';
import { LANES } from '../model/tag.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { Journal, StoredEvent } from '../ports/journal.ts';
import type { SecretReference, SinkModule } from '../ports/sink.ts';
import { RecentLanes } from './forwarder/recent-lanes.ts';
import { SinkRunner } from './forwarder/sink-runner.ts';
import { type SinkStatus, unusableStatus } from './forwarder/sink-status.ts';
import type { ReplayTarget } from './replay/replay-run.ts';

/** A sink of the configuration with the module of its kind. */
interface ConfiguredSink {
  readonly name: string;
  readonly kind: string;
  /** Validated by the kind's own schema. */
  readonly config: unknown;
  readonly module: SinkModule;
}

export interface ForwarderOptions {
  readonly sinks: readonly ConfiguredSink[];
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  readonly gatewayName: string;
  readonly readSecret: (reference: SecretReference) => Promise<string>;
}

/** Brings every accepted event to every sink at least once; the only part that decides what is sent again. */
export interface Forwarder {
  /** Open the cursors and begin to connect; never waits for a destination. */
  start(): Promise<void>;
  /** Send what lingers, wait for confirmations, disconnect; within 2 s whatever the destinations do. */
  stop(): Promise<void>;
  status(): readonly SinkStatus[];
  /** The way of a replay to a sink, beside all regular delivery. @throws SINK_UNUSABLE it could not be set up */
  replayTarget(sink: string): ReplayTarget;
}

const STOP_CONFIRM_MS = 900;
const STOP_COMMIT_MS = 100;
/** A gap that the journal did not take is offered again after so long. */
const GAP_RETRY_MS = 1000;

/** Make the forwarder of a gateway; nothing runs before `start`. */
export function createForwarder(options: ForwarderOptions): Forwarder {
  const { sinks, journal, clock, random, observer, gatewayName, readSecret } = options;
  const runners: SinkRunner[] = [];
  const unusable: SinkStatus[] = [];
  let unsubscribe = () => {};
  let isStopped = false;

  /** True when the gap is stored; false: it is not, and the next process offers the event again. */
  const deadLetter = async (sink: string, event: StoredEvent, reason: string): Promise<boolean> => {
    const { sequence, lane } = event;
    const why = `sink ${sink} will never take it: ${reason}`;
    const gap = { lane, first: sequence, last: sequence, count: 1, reason: why, consumers: { [sink]: 1 } };
    const source = `/headgate/${gatewayName}/${sink}`;
    const draft = {
      type: GAP_TYPE,
      source,
      subject: gatewayName,
      time: clock.now(),
      lane: 'critical',
      data: gap,
    } as const;
    while (!isStopped) {
      try {
        await journal.append([draft]);
        return true;
      } catch (error) {
        observer.emit('sink-gap-unrecorded', { sink, sequence, reason: messageOf(error) });
      }
      await new Promise<void>((resolve) => clock.after(GAP_RETRY_MS, resolve));
    }
    return false;
  };

  /** Every sink has these: let them go. */
  const release = (recent: RecentLanes) => {
    for (const lane of LANES) {
      recent.lanes[lane].release(Math.min(...runners.map((runner) => runner.settled(lane))));
    }
  };

  const makeRunner = async (configured: ConfiguredSink, recent: RecentLanes): Promise<void> => {
    const { name, kind, config, module } = configured;
    const ownObserver = observer.with({ sink: name });
    const context = { clock, random, observer: ownObserver, journalId: journal.journalId, gatewayName, readSecret };
    try {
      const sink = await module.create(name, config, context);
      const cursors = await journal.openCursor(name, sink.pacing.startAt);
      runners.push(
        new SinkRunner({
          name,
          kind,
          sink,
          cursors,
          journal,
          recent,
          clock,
          random,
          observer: ownObserver,
          onSettled: () => release(recent),
          onDeadLetter: (event, reason) => deadLetter(name, event, reason),
        }),
      );
    } catch (error) {
      // The others must run; the backlog of this one stays in the journal under its name.
      ownObserver.emit('sink-unusable', { kind, reason: messageOf(error) });
      unusable.push(unusableStatus(name, kind, messageOf(error), clock.now()));
    }
  };

  return {
    start: async () => {
      const recent = new RecentLanes(journal.lastSequence);
      unsubscribe = journal.onCommit((events) => {
        recent.push(events, clock.monotonic());
        for (const runner of runners) runner.committed(events);
      });
      await Promise.all(sinks.map((sink) => makeRunner(sink, recent)));
      for (const runner of runners) runner.start();
    },
    stop: async () => {
      for (const runner of runners) runner.hurry();
      // What the stopped producers appended last is being committed.
      await new Promise<void>((resolve) => clock.after(STOP_COMMIT_MS, resolve));
      await Promise.all(runners.map((runner) => runner.stop(STOP_CONFIRM_MS)));
      isStopped = true;
      unsubscribe();
    },
    replayTarget: (name) => {
      const runner = runners.find((one) => one.name === name);
      if (runner === undefined) {
        const reason = unusable.find((one) => one.name === name)?.lastError?.message ?? 'not configured';
        throw new HeadgateError('SINK_UNUSABLE', { sink: name, reason });
      }
      return runner.replayTarget();
    },
    status: () => [...runners.map((runner) => runner.status()), ...unusable],
  };
}
