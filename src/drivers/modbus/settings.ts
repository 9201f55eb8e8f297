import type { Millis } from '../../model/time.ts';
import { type BusTiming, busTiming, type Framing, type SerialLine } from './bus-timing.ts';
import { DEFAULTS, type ModbusConfig, type ModbusSerialConfig } from './config.ts';
import { parseExtent } from './extent-text.ts';
import { type PlanLimits, PROTOCOL_LIMITS } from './plan.ts';
import type { KnownPace } from './planned-pace.ts';
import { readCost } from './read-cost.ts';
import type { RtsDirection } from './serial-link.ts';

/** Where a wire begins. */
export type Endpoint =
  | { readonly kind: 'socket'; readonly host: string; readonly port: number }
  | { readonly kind: 'serial'; readonly path: string; readonly line: SerialLine; readonly rts: RtsDirection | null };

/** What all devices on a wire share; those of the first one count. */
export interface WireSettings {
  readonly endpoint: Endpoint;
  /** `192.168.0.20:502`, `/dev/ttyUSB0`. */
  readonly place: string;
  readonly framing: Framing;
  /** Null: none, or one behind a server that nobody described. */
  readonly line: SerialLine | null;
  readonly hasEcho: boolean;
  readonly maxInFlight: number;
  readonly connectTimeoutMs: Millis;
  readonly pauseMs: Millis;
  readonly turnaroundMs: Millis;
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
}

/** The settings of a device with every default filled in. */
export interface ModbusSettings extends PlanLimits, WireSettings {
  readonly unit: number;
  readonly timeoutMs: Millis;
  /** After a time-out on a wire without transaction numbers. */
  readonly lateReplyMs: Millis;
  readonly retries: number;
  readonly busyPauseMs: Millis;
  readonly unitPauseMs: Millis;
  readonly faultyTagRetryMs: Millis;
  readonly timing: BusTiming;
  /** Of its units, as far as the configuration says. */
  readonly pace: KnownPace;
}

/**
 * Fill what a device file leaves out, so that the driver also works on files that no loader has completed.
 * @throws ModbusAddressError a forbidden range that validation should have refused
 */
export function settingsOf(config: ModbusConfig): ModbusSettings {
  const reconnectMinMs = config.reconnect_min_ms ?? DEFAULTS.reconnectMinMs;
  const timeoutMs = config.timeout_ms ?? DEFAULTS.timeoutMs;
  const pauseMs = config.pause_ms ?? DEFAULTS.pauseMs;
  const wire = wireOf(config);
  const timing = busTiming(wire.framing, wire.line, pauseMs);
  const guessMs = wire.line === null ? DEFAULTS.latencyMs.network : DEFAULTS.latencyMs.line;
  const from = config.latency_ms === undefined ? 'guessed' : 'configured';
  const pace: KnownPace = { latencyMs: config.latency_ms ?? guessMs, registerMs: null, from };
  return {
    ...wire,
    unit: config.unit ?? DEFAULTS.unit,
    timeoutMs,
    lateReplyMs: ('late_reply_ms' in config ? config.late_reply_ms : undefined) ?? timeoutMs,
    retries: config.retries ?? DEFAULTS.retries,
    busyPauseMs: config.busy_pause_ms ?? DEFAULTS.busyPauseMs,
    pauseMs,
    unitPauseMs: config.unit_pause_ms ?? DEFAULTS.unitPauseMs,
    maxRegisters: config.max_registers ?? PROTOCOL_LIMITS.registers,
    maxBits: config.max_bits ?? PROTOCOL_LIMITS.bits,
    maxGap: config.max_gap ?? DEFAULTS.maxGap,
    forbidden: (config.forbidden ?? []).map(parseExtent),
    timing,
    pace,
    costOf: readCost(timing, pace),
    reconnectMinMs,
    reconnectMaxMs: Math.max(reconnectMinMs, config.reconnect_max_ms ?? DEFAULTS.reconnectMaxMs),
    faultyTagRetryMs: config.faulty_tag_retry_ms ?? DEFAULTS.faultyTagRetryMs,
  };
}

/** Devices with equal keys share one connection: `tcp://10.0.0.5:502`, `serial:/dev/ttyUSB0`. */
export function connectionKeyOf(config: ModbusConfig): string {
  const { endpoint } = wireOf(config);
  if (endpoint.kind === 'serial') return `serial:${endpoint.path}`;
  const name = endpoint.host.toLowerCase();
  return `tcp://${name.includes(':') ? `[${name}]` : name}:${endpoint.port}`;
}

type OwnWire = Omit<WireSettings, 'pauseMs' | 'reconnectMinMs' | 'reconnectMaxMs'>;

function wireOf(config: ModbusConfig): OwnWire {
  if (config.driver === 'modbus-rtu' || config.driver === 'modbus-ascii') return serialWireOf(config);
  const { host } = config;
  const port = config.port ?? DEFAULTS.port;
  const shared = {
    endpoint: { kind: 'socket', host, port } as const,
    place: `${host}:${port}`,
    hasEcho: false,
    connectTimeoutMs: config.connect_timeout_ms ?? DEFAULTS.connectTimeoutMs,
  };
  if (config.driver === 'modbus-tcp') {
    const maxInFlight = config.max_in_flight ?? DEFAULTS.maxInFlight;
    return { ...shared, framing: 'tcp', line: null, maxInFlight, turnaroundMs: 0 };
  }
  const framing = config.driver === 'modbus-rtu-tcp' ? 'rtu' : 'ascii';
  return {
    ...shared,
    framing,
    line: config.baud_rate === undefined ? null : lineOf({ ...config, baud_rate: config.baud_rate }, framing),
    maxInFlight: 1,
    turnaroundMs: config.turnaround_ms ?? DEFAULTS.turnaroundMs,
  };
}

/** The characters of a line, with what is left out filled in. */
function lineOf(
  config: Pick<ModbusSerialConfig, 'baud_rate' | 'data_bits' | 'parity' | 'stop_bits'>,
  framing: 'rtu' | 'ascii',
): SerialLine {
  return {
    baudRate: config.baud_rate,
    dataBits: config.data_bits ?? (framing === 'rtu' ? DEFAULTS.rtuDataBits : DEFAULTS.asciiDataBits),
    parity: config.parity ?? DEFAULTS.parity,
    stopBits: config.stop_bits ?? DEFAULTS.stopBits,
  };
}

function serialWireOf(config: ModbusSerialConfig): OwnWire {
  const isRtu = config.driver === 'modbus-rtu';
  const line = lineOf(config, isRtu ? 'rtu' : 'ascii');
  const sendLevel = config.rs485?.rts_while_sending;
  const rts =
    sendLevel === undefined
      ? null
      : { sendLevel, beforeMs: config.rs485?.before_ms ?? 0, afterMs: config.rs485?.after_ms ?? 0 };
  return {
    endpoint: { kind: 'serial', path: config.path, line, rts },
    place: config.path,
    framing: isRtu ? 'rtu' : 'ascii',
    line,
    hasEcho: config.rs485?.echo ?? false,
    maxInFlight: 1,
    connectTimeoutMs: DEFAULTS.connectTimeoutMs,
    turnaroundMs: config.turnaround_ms ?? DEFAULTS.turnaroundMs,
  };
}
