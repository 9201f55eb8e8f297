import type { StatusCode } from '../model/quality.ts';
import type { Reading, ReadingBatch, ScanGroup } from '../model/reading.ts';
import type { TagDefinition, TagValue } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Random } from './clock.ts';

export type ConnectionState = 'connecting' | 'connected' | 'disconnected' | 'stopped';

/** How a device stands, for status, events and the metrics. */
export interface DeviceState {
  readonly device: string;
  readonly state: ConnectionState;
  /** Why it is not connected, in words for the operator; null when connected. */
  readonly reason: string | null;
  readonly since: EpochMs;
}

/** A tag that the device refuses, kept out of the way of the good ones. */
export interface TagFault {
  readonly device: string;
  readonly tag: string;
  /** Stable words: `illegal data address 40123`, `BadNodeIdUnknown ns=2;s=x`. */
  readonly reason: string;
}

/** A device with its groups, as a driver gets it. `config` was validated by the driver module's own schema. */
export interface DriverDevice<C = unknown> {
  readonly name: string;
  readonly config: C;
  readonly groups: readonly ScanGroup[];
}

/** A frame on a wire, whole, as it was sent or as it came. */
export interface TappedFrame {
  /** The connection's key: `tcp://10.0.0.5:502`, `serial:/dev/ttyUSB0`. */
  readonly link: string;
  readonly framing: 'tcp' | 'rtu' | 'ascii';
  /** Counts the connections to this link since start. */
  readonly connection: number;
  readonly isRequest: boolean;
  /** To be used before the call returns. */
  readonly bytes: Uint8Array;
}

/** Where a driver hands over the frames on its wires. */
export interface FrameTap {
  /** Null while nobody records; looked at for each frame, so that frames cost nothing then. Must not throw. */
  readonly take: ((frame: TappedFrame) => void) | null;
}

/** All that a driver is handed. Narrow: no settings, no sibling. */
export interface DriverContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** Directory for what must outlive a restart (certificates); absent in `device test`. */
  readonly dataDir: string | null;
  /**
   * Hand over readings. Never throws, never blocks; the batch is used before it returns. When a device is gone the driver
   * reports every tag of it once, value null, with a Bad status (and again at each maximum silence is not its concern).
   */
  report(batch: ReadingBatch): void;
  /** Say that a device's connection changed. */
  deviceState(state: DeviceState): void;
  /** Hears of every frame, where the protocol has frames that can be recorded. */
  readonly frames?: FrameTap;
  /** Name a tag that the device refuses (once), or null to say that it is good again. */
  tagFault(device: string, tag: string, fault: TagFault | null): void;
}

/** How much of a wire's time is used; 1 is all of it. */
interface WireUse {
  /** `serial:/dev/ttyUSB0`, `tcp://10.0.0.5:502`. */
  readonly wire: string;
  /** Over the last ten seconds or so; null in the first second. */
  readonly utilisation: number | null;
  /** What the scans should take, by their plans and how fast the units are; null: not known, the times would be guesses. */
  readonly predicted: number | null;
  /** For people: what the prediction, and the plans, are worked out from: `units answering after 20 ms (measured)`. */
  readonly basis: string;
}

/** Figures for `status` and `device list`. All count since start. */
export interface DriverStats {
  readonly device: string;
  readonly requests: number;
  readonly failures: number;
  readonly timeouts: number;
  readonly reconnects: number;
  /** Last complete scan's duration per group, ms, by period. */
  readonly scanMs: Readonly<Record<string, number>>;
  readonly faultyTags: readonly TagFault[];
  /** The wire that the device shares; absent where a driver knows nothing of the kind. */
  readonly wire?: WireUse;
  /** How long the device takes to begin an answer, median of the last ones, ms; null: it has not answered; absent: not measured. */
  readonly latencyMs?: Millis | null;
}

/** One step from an address to a raw value, for people: `registers`, `HR:0 = 4148, HR:1 = f5c3`. */
export interface ReadStep {
  readonly what: string;
  readonly shows: string;
}

/** How a tag is read: the steps, and the reading that they end with, before scaling. */
export interface ReadExplanation {
  readonly steps: readonly ReadStep[];
  readonly reading: Reading;
}

/** A value for a tag, as the device holds it, before scaling. A tag with `bit` takes a boolean and leaves the other bits alone. */
export interface TagWrite {
  readonly tag: TagDefinition;
  readonly value: TagValue;
}

export interface WriteOptions {
  /** Monotonic: nothing is sent after it. */
  readonly deadline: Millis;
}

/**
 * One connection to equipment and the devices behind it. Owned by the device supervisor: `start` is called once; `stop` at most
 * once, also while `start` is pending. A driver reconnects by itself, with jittered backoff, for ever.
 */
export interface Driver {
  /** Begin; resolves when polling or connecting has begun, never waits for the device. Throws only on unusable configuration. */
  start(): Promise<void>;
  /** End all I/O and timers within 2 s, whatever the device does; nothing is reported afterwards. */
  stop(): Promise<void>;
  stats(): readonly DriverStats[];
  /**
   * Read some tags now, beside the scans, in the order asked. Resolves within the device's time-out × requests; a failed one
   * has value null and a Bad status. For `tag read` and `device test`; may be called before any scan succeeded.
   */
  readNow(device: string, tags: readonly TagDefinition[]): Promise<readonly Reading[]>;
  /**
   * Write raw values now, in the order given, ahead of the scans and never between the requests of one read. Absent: this kind of device
   * cannot be written. Each is sent at most once: a write that was not answered may have been carried out, and is not repeated.
   * @returns the device's verdict on each: Good when it confirmed; Bad_Timeout for what could not be sent before the deadline (nothing was
   *   sent then), Bad_NoCommunication for what was sent and not answered, else the refusal
   */
  writeNow?(device: string, writes: readonly TagWrite[], options: WriteOptions): Promise<readonly StatusCode[]>;
  /**
   * Read one tag now, by itself, and say how. Absent: this kind of driver has nothing to tell.
   * @throws the driver's own errors for an unknown device
   */
  explainNow?(device: string, tag: TagDefinition): Promise<ReadExplanation>;
  /** Who answers: vendor, product, version, server state; resolves with what is known, or throws the connection's error. */
  identify(device: string): Promise<Readonly<Record<string, string>>>;
}

/** A kind of driver. The module is light: `create` loads the protocol library lazily. */
export interface DriverModule<C = unknown> {
  /** `modbus-tcp`, `opcua`. */
  readonly kind: string;
  /** Its drivers hand frames to `DriverContext.frames`, with the connection's key as `link`. */
  readonly hasFrames?: boolean;
  /** Devices with equal keys share one connection and one driver: `tcp://10.0.0.5:502`. */
  connectionKey(config: C): string;
  /** All devices of one connection at once. */
  create(devices: readonly DriverDevice<C>[], context: DriverContext): Promise<Driver>;
}
