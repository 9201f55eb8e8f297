import Type, { type Static } from 'typebox';
import type { Millis } from '../../model/time.ts';
import { busTiming } from './bus-timing.ts';
import { parseExtent } from './extent-text.ts';
import { type PlanLimits, PROTOCOL_LIMITS } from './plan.ts';
import { readCost } from './read-cost.ts';

const milliseconds = (defaultMs: number, minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ default: defaultMs, minimum, maximum, description, examples: [defaultMs] }));

const DEFAULTS = {
  port: 502,
  unit: 1,
  timeoutMs: 1_000,
  connectTimeoutMs: 3_000,
  retries: 1,
  busyPauseMs: 100,
  maxGap: PROTOCOL_LIMITS.registers,
  latencyMs: 10,
  pauseMs: 0,
  reconnectMinMs: 1_000,
  reconnectMaxMs: 30_000,
  faultyTagRetryMs: 300_000,
} as const;

/** The whole device file of a Modbus TCP unit. */
export const modbusTcpConfigSchema = Type.Object(
  {
    name: Type.String({ description: 'Name of the device, as tag tables refer to it.', examples: ['energy-meter'] }),
    driver: Type.Literal('modbus-tcp', { description: 'The kind of driver.' }),
    host: Type.String({
      minLength: 1,
      maxLength: 253,
      description: 'Address or host name of the device, or of the gateway that it is behind.',
      examples: ['192.168.0.20'],
    }),
    port: Type.Optional(
      Type.Integer({
        default: DEFAULTS.port,
        minimum: 1,
        maximum: 65_535,
        description: 'TCP port.',
        examples: [DEFAULTS.port],
      }),
    ),
    unit: Type.Optional(
      Type.Integer({
        default: DEFAULTS.unit,
        minimum: 0,
        maximum: 255,
        description:
          'Unit identifier, for tags whose address names none. Devices that speak TCP themselves often want 1, 0 or 255.',
        examples: [DEFAULTS.unit],
      }),
    ),
    timeout_ms: milliseconds(
      DEFAULTS.timeoutMs,
      10,
      60_000,
      'How long a request may take; the connection is dropped and opened again after that.',
    ),
    connect_timeout_ms: milliseconds(
      DEFAULTS.connectTimeoutMs,
      50,
      120_000,
      'How long opening the connection may take.',
    ),
    retries: Type.Optional(
      Type.Integer({
        default: DEFAULTS.retries,
        minimum: 0,
        maximum: 10,
        description:
          'How often an unanswered request is repeated before the unit counts as gone, and a busy one before it counts as failed.',
        examples: [DEFAULTS.retries],
      }),
    ),
    busy_pause_ms: milliseconds(
      DEFAULTS.busyPauseMs,
      0,
      60_000,
      'Pause before a request is repeated to a unit that said it is busy.',
    ),
    pause_ms: milliseconds(
      DEFAULTS.pauseMs,
      0,
      10_000,
      'Pause between an answer and the next request on the connection, for devices that lose requests that come at once.',
    ),
    max_registers: Type.Optional(
      Type.Integer({
        default: PROTOCOL_LIMITS.registers,
        minimum: 1,
        maximum: PROTOCOL_LIMITS.registers,
        description: 'Most registers in one request; some devices take fewer than the standard allows.',
        examples: [60],
      }),
    ),
    max_bits: Type.Optional(
      Type.Integer({
        default: PROTOCOL_LIMITS.bits,
        minimum: 1,
        maximum: PROTOCOL_LIMITS.bits,
        description: 'Most coils or discrete inputs in one request.',
        examples: [256],
      }),
    ),
    max_gap: Type.Optional(
      Type.Integer({
        default: DEFAULTS.maxGap,
        minimum: 0,
        maximum: PROTOCOL_LIMITS.registers,
        description:
          'Most registers between two wanted ones that may be read along where that takes the wire less time than another request; 0 reads wanted registers only. 16 coils count as one register.',
        examples: [8],
      }),
    ),
    latency_ms: Type.Optional(
      Type.Number({
        default: DEFAULTS.latencyMs,
        minimum: 0,
        maximum: 60_000,
        description:
          'How long the unit takes to begin its answer, as "headgate device test" measures it. It decides whether reading across a gap or another request is quicker, and what "headgate plan" predicts.',
        examples: [25],
      }),
    ),
    forbidden: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
        maxItems: 1_000,
        default: [],
        description:
          'Registers or bits that no request may touch, not even between wanted ones: both ends included, zero-based (HR:100-120) or as in data sheets (40101-40121).',
        examples: [['HR:100-120']],
      }),
    ),
    reconnect_min_ms: milliseconds(
      DEFAULTS.reconnectMinMs,
      50,
      600_000,
      'Pause before the second attempt to connect, or to reach a silent unit; it doubles after that.',
    ),
    reconnect_max_ms: milliseconds(DEFAULTS.reconnectMaxMs, 50, 3_600_000, 'Longest pause between such attempts.'),
    faulty_tag_retry_ms: milliseconds(
      DEFAULTS.faultyTagRetryMs,
      1_000,
      86_400_000,
      'Longest pause before tags that the unit refuses are tried again; the first pauses are shorter.',
    ),
  },
  { additionalProperties: false, description: 'A unit that speaks Modbus TCP.' },
);

/** A device file of kind `modbus-tcp` as validated; the driver fills what is left out from the defaults of the schema. */
export type ModbusTcpConfig = Static<typeof modbusTcpConfigSchema>;

/** The settings with every default filled in. */
export interface ModbusTcpSettings extends PlanLimits {
  readonly host: string;
  readonly port: number;
  readonly unit: number;
  readonly timeoutMs: Millis;
  readonly connectTimeoutMs: Millis;
  readonly retries: number;
  readonly busyPauseMs: Millis;
  readonly pauseMs: Millis;
  readonly reconnectMinMs: Millis;
  readonly reconnectMaxMs: Millis;
  readonly faultyTagRetryMs: Millis;
  /** From the end of a request to the beginning of its answer. */
  readonly latencyMs: Millis;
}

/**
 * Fill what a device file leaves out, so that the driver also works on files that no loader has completed.
 * @throws ModbusAddressError a forbidden range that validation should have refused
 */
export function settingsOf(config: ModbusTcpConfig): ModbusTcpSettings {
  const reconnectMinMs = config.reconnect_min_ms ?? DEFAULTS.reconnectMinMs;
  const pauseMs = config.pause_ms ?? DEFAULTS.pauseMs;
  const latencyMs = config.latency_ms ?? DEFAULTS.latencyMs;
  return {
    host: config.host,
    port: config.port ?? DEFAULTS.port,
    unit: config.unit ?? DEFAULTS.unit,
    timeoutMs: config.timeout_ms ?? DEFAULTS.timeoutMs,
    connectTimeoutMs: config.connect_timeout_ms ?? DEFAULTS.connectTimeoutMs,
    retries: config.retries ?? DEFAULTS.retries,
    busyPauseMs: config.busy_pause_ms ?? DEFAULTS.busyPauseMs,
    pauseMs,
    maxRegisters: config.max_registers ?? PROTOCOL_LIMITS.registers,
    maxBits: config.max_bits ?? PROTOCOL_LIMITS.bits,
    maxGap: config.max_gap ?? DEFAULTS.maxGap,
    forbidden: (config.forbidden ?? []).map(parseExtent),
    latencyMs,
    costOf: readCost(busTiming('tcp', null, pauseMs), latencyMs),
    reconnectMinMs,
    reconnectMaxMs: Math.max(reconnectMinMs, config.reconnect_max_ms ?? DEFAULTS.reconnectMaxMs),
    faultyTagRetryMs: config.faulty_tag_retry_ms ?? DEFAULTS.faultyTagRetryMs,
  };
}

/** Devices with equal keys share one connection: `tcp://10.0.0.5:502`. */
export function connectionKeyOf(config: ModbusTcpConfig): string {
  const { host, port } = settingsOf(config);
  const name = host.toLowerCase();
  return `tcp://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
