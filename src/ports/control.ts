import type { HeadgateEvent } from '../model/event.ts';
import type { StatusCode } from '../model/quality.ts';
import type { Reading } from '../model/reading.ts';
import type { Lane, TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { CommandResult, TagCommand } from './command.ts';
import type { DeviceState, DriverStats, ReadStep, TagFault, TappedFrame } from './driver.ts';
import type { JournalStatus, Page, PageRequest, StreamLedger } from './journal.ts';
import type { SinkHold } from './sink.ts';

/** A device in `status` and `device list`. */
export interface DeviceRow {
  readonly name: string;
  readonly driver: string;
  readonly state: DeviceState;
  readonly tags: number;
  readonly stats: DriverStats | null;
}

/** A sink in `status`: events, and bytes on the wire since start. `waiting` is by the ledger. */
export interface SinkRow {
  readonly name: string;
  /** null: it is no longer in the configuration, and what waits for it is kept until it is forgotten. */
  readonly kind: string | null;
  readonly link: 'up' | 'down';
  /** Why it is down, or the last error of a sink that is up; null when all is well. */
  readonly reason: string | null;
  readonly settled: number;
  readonly waiting: number;
  /** Those of `waiting` that drain as backlog beside live data. */
  readonly backlog: number;
  /** What its schedule and cap hold back at the moment. */
  readonly held: readonly SinkHold[];
  readonly inFlight: number;
  readonly sentBytes: number;
  readonly reconnects: number;
}

/** A service in `status` and `service list`. */
export interface ServiceRow {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly since: EpochMs;
  readonly restarts: number;
  readonly handled: number;
  readonly published: number;
  readonly errors: number;
  readonly dropped: number;
  readonly lastError: string | null;
}

/** The local broker in `status`; null address: no network listener. */
interface BrokerRow {
  readonly address: { readonly host: string; readonly port: number } | null;
  readonly clients: number;
  readonly subscriptions: number;
  readonly delivered: number;
}

/** What the process holds of what can leak. */
export interface ProcessResources {
  /** Of JavaScript on the main thread, and what it holds outside of its heap. */
  readonly heapBytes: number;
  readonly externalBytes: number;
  /** Open handles and running timers by kind. */
  readonly handles: Readonly<Record<string, number>>;
  /** Listeners on the process. */
  readonly listeners: number;
}

/** All of `headgate status`. */
export interface StatusReport {
  readonly gateway: string;
  readonly version: string;
  readonly nodeVersion: string;
  readonly pid: number;
  readonly startedAt: EpochMs;
  readonly uptimeMs: Millis;
  readonly rssMb: number;
  readonly resources: ProcessResources;
  /** Processor time over the last ten seconds or so, in cores. */
  readonly cpuCores: number;
  readonly samples: { readonly read: number; readonly reported: number; readonly refused: number };
  readonly devices: readonly DeviceRow[];
  readonly tagFaults: readonly TagFault[];
  readonly sinks: readonly SinkRow[];
  readonly services: readonly ServiceRow[];
  readonly broker: BrokerRow;
  readonly journal: JournalStatus;
  readonly counters: Readonly<Record<string, number>>;
}

/** The current value of a tag; null when it was never reported. */
export interface CurrentValueRow {
  readonly device: string;
  readonly tag: string;
  readonly asset: string;
  readonly address: string;
  readonly unit: string;
  readonly current: Reading | null;
}

export interface EventFilter {
  /** Exact type, or a prefix ending in `*`. */
  readonly type?: string;
  /** Asset path; what lies below it is included. */
  readonly asset?: string;
}

/** Stored events on their way to the command line; the pages come one after the other, as they are asked for. */
export interface EventSearch {
  readonly journalId: string;
  /** Where the search ends. */
  readonly until: number;
  readonly pages: AsyncIterable<Page>;
}

/** What is searched for: ascending, from the oldest stored event to the newest of this moment. */
export type SearchRequest = Pick<PageRequest, 'where' | 'lanes'>;

/** Stored events to deliver once more. */
export interface ReplayRequest extends SearchRequest {
  /** Name of a sink or a service; `sink:<name>` or `service:<name>` where both have it. */
  readonly to: string;
  readonly eventsPerSecond: number;
  /** Of a service: keep what its handlers set and publish; else they run, and their effects are discarded. */
  readonly isKept: boolean;
  /** Who asked for it, for the log. */
  readonly by: string;
}

/** How far a replay has come. */
export interface ReplayProgress {
  readonly run: string;
  readonly found: number;
  /** Confirmed by the sink, or handled by the service. */
  readonly taken: number;
  readonly failed: number;
  readonly published: number;
  readonly lastError: string | null;
  readonly through: number;
  readonly until: number;
}

/** The way of a tag from the wire to the sinks. */
export interface TagExplanation {
  /** `<asset>/<name>`. */
  readonly tag: string;
  readonly device: string;
  readonly definition: TagDefinition;
  /** From the address to the raw value, as its driver tells it. */
  readonly read: readonly ReadStep[];
  /** As read just now. */
  readonly raw: Reading;
  /** `raw × 0.1 + 5`, or `none`. */
  readonly scaling: string;
  readonly scaled: {
    readonly value: TagValue;
    readonly status: StatusCode;
    readonly quality: string;
    readonly isGood: boolean;
  };
  /** Whether what was read would be reported, and why. */
  readonly rule: string;
  readonly lastReported: Reading | null;
  readonly topic: string;
  /** The event of the last report; null: there is none among the newest. */
  readonly event: {
    readonly id: string;
    readonly sequence: number;
    readonly type: string;
    readonly lane: Lane;
    readonly recordedtime: EpochMs;
    readonly samples: number;
  } | null;
  /** `isSettled`: whether the sink has confirmed that event; null: it is not known which. `confirmedTime`: null also if it was not lately. */
  readonly sinks: readonly {
    readonly name: string;
    readonly kind: string;
    readonly link: string;
    readonly isSettled: boolean | null;
    readonly confirmedTime: EpochMs | null;
  }[];
}

/** What the running daemon does for the command line, over its local socket. Each method may be called at any time. */
export interface ControlApi {
  status(): Promise<StatusReport>;
  /** @param filter device and tag name, exact */
  currentValues(filter: { readonly device?: string; readonly tag?: string }): Promise<readonly CurrentValueRow[]>;
  /** Every tag of the running configuration, as it was validated. */
  tags(): Promise<readonly TagDefinition[]>;
  /** Read a tag now and show its way to the sinks. @throws RUNTIME_TAG_UNKNOWN */
  explainTag(reference: string): Promise<TagExplanation>;
  /** Read from the device now; tags as `<asset>/<name>`, or by their name alone. @throws CLI-facing errors for an unknown device or tag */
  readTags(device: string, tags: readonly string[]): Promise<readonly Reading[]>;
  /** Write a tag by the rules of `commands`; resolves with what became of it. @throws COMMAND_OVERLOADED, JOURNAL_… */
  writeTag(command: TagCommand): Promise<CommandResult>;
  /** Hear of committed events from now on, as they come; returns the unsubscribe. A slow listener loses the oldest. */
  tailEvents(filter: EventFilter, onEvent: (event: HeadgateEvent) => void): () => void;
  /** Search the stored events, beside what the daemon does otherwise. @throws CONTROL_BUSY as many searches as may be are under way */
  searchEvents(request: SearchRequest): EventSearch;
  /**
   * Replay; ends with the last event, or when `signal` says so.
   * @throws REPLAY_TARGET_UNKNOWN, REPLAY_TARGET_AMBIGUOUS, CONTROL_BUSY, and what sink or service throw
   */
  replayEvents(request: ReplayRequest, signal: AbortSignal): AsyncIterable<ReplayProgress>;
  /**
   * Hear the frames on the wires of some devices (none: of all) as they come, from the first request on; returns the end of it.
   * @throws RUNTIME_DEVICE_UNKNOWN, RUNTIME_NO_FRAMES, CONTROL_BUSY
   */
  recordFrames(devices: readonly string[], onFrame: (frame: TappedFrame) => void): () => void;
  journalStatus(): Promise<JournalStatus>;
  journalLedger(): Promise<StreamLedger>;
  /** The verify report of the journal, as `journal verify` prints it. */
  journalVerify(): Promise<unknown>;
  /**
   * Let the backlog of a sink go that is no longer configured. @param actor who asked, for the log
   * @returns how many events waited. @throws SINK_CONFIGURED, SINK_UNKNOWN
   */
  forgetSink(name: string, actor: string): Promise<{ readonly events: number }>;
  services(): Promise<readonly ServiceRow[]>;
  serviceQuery(service: string, query: string, argument: unknown): Promise<unknown>;
}
