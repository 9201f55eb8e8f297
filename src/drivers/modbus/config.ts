import Type, { type Static } from 'typebox';
import { PROTOCOL_LIMITS } from './plan.ts';

/** What a device file leaves out. */
export const DEFAULTS = {
  port: 502,
  unit: 1,
  timeoutMs: 1_000,
  connectTimeoutMs: 3_000,
  retries: 1,
  busyPauseMs: 100,
  maxGap: PROTOCOL_LIMITS.registers,
  latencyMs: { line: 10, network: 2 },
  maxInFlight: 1,
  pauseMs: 0,
  unitPauseMs: 0,
  turnaroundMs: 100,
  reconnectMinMs: 1_000,
  reconnectMaxMs: 30_000,
  faultyTagRetryMs: 300_000,
  parity: 'even',
  stopBits: 1,
  rtuDataBits: 8,
  asciiDataBits: 7,
} as const;

const milliseconds = (defaultMs: number, minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ default: defaultMs, minimum, maximum, description, examples: [defaultMs] }));

const name = Type.String({ description: 'Name of the device, as tag tables refer to it.', examples: ['energy-meter'] });

/** A TCP place. */
const host = Type.String({
  minLength: 1,
  maxLength: 253,
  description: 'Address or host name of the device, or of the gateway that it is behind.',
  examples: ['192.168.0.20'],
});
const connect_timeout_ms = milliseconds(
  DEFAULTS.connectTimeoutMs,
  50,
  120_000,
  'How long opening the connection may take.',
);
const portOfServer = Type.Integer({
  minimum: 1,
  maximum: 65_535,
  description: 'TCP port of the serial device server, in its transparent ("raw", "TCP server") mode.',
  examples: [4001],
});

/** Keys of every kind. */
const common = {
  timeout_ms: milliseconds(
    DEFAULTS.timeoutMs,
    10,
    60_000,
    'How long a unit may take to answer; on a serial line the time of the frames themselves comes on top.',
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
  unit_pause_ms: milliseconds(
    DEFAULTS.unitPauseMs,
    0,
    60_000,
    'Least pause between an answer of a unit of this device and the next request to it; other units use the connection meanwhile.',
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
      minimum: 0,
      maximum: 60_000,
      description:
        'How long the unit takes to begin its answer, until the daemon has measured it; "headgate device test" measures it too. Without it 10 ms are guessed on a serial line and 2 ms over TCP. It decides whether reading across a gap or another request is quicker, and what "headgate plan" predicts.',
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
};

/** Keys of wires without transaction numbers. */
const unnumbered = {
  unit: Type.Optional(
    Type.Integer({
      default: DEFAULTS.unit,
      minimum: 1,
      maximum: 247,
      description: 'Unit on the line, for tags whose address names none.',
      examples: [DEFAULTS.unit],
    }),
  ),
  late_reply_ms: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 600_000,
      description:
        'How long after its time-out an answer may still come. The unit is asked nothing for so long, since nothing would tell a late answer from the right one. Default: timeout_ms.',
      examples: [2_000],
    }),
  ),
  turnaround_ms: milliseconds(
    DEFAULTS.turnaroundMs,
    0,
    10_000,
    'Pause after a write to all units (unit 0), which nobody answers.',
  ),
};

const baud_rate = Type.Integer({
  minimum: 50,
  maximum: 4_000_000,
  description: 'Bits per second on the line.',
  examples: [9_600],
});
const parity = Type.Optional(
  Type.Union([Type.Literal('none'), Type.Literal('even'), Type.Literal('odd')], {
    default: DEFAULTS.parity,
    description: 'Parity bit; the standard wants even, many devices are delivered with none.',
    examples: ['none'],
  }),
);
const stop_bits = Type.Optional(
  Type.Union([Type.Literal(1), Type.Literal(2)], {
    default: DEFAULTS.stopBits,
    description: 'Stop bits; the standard wants 2 where there is no parity, most devices 1.',
    examples: [DEFAULTS.stopBits],
  }),
);
const rtuDataBits = Type.Optional(
  Type.Literal(8, { default: DEFAULTS.rtuDataBits, description: 'Data bits; RTU has always 8.', examples: [8] }),
);
const asciiDataBits = Type.Optional(
  Type.Union([Type.Literal(7), Type.Literal(8)], {
    default: DEFAULTS.asciiDataBits,
    description: 'Data bits; the standard wants 7 for ASCII.',
    examples: [DEFAULTS.asciiDataBits],
  }),
);

/** Keys of a serial port of this machine. */
const serialPort = {
  path: Type.String({
    pattern: '^/[^\\0]+$',
    maxLength: 255,
    description:
      'The serial port. Names below /dev/serial/by-id stay the same when adapters are plugged in another order; /dev/ttyUSB0 does not.',
    examples: ['/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0'],
  }),
  baud_rate,
  parity,
  stop_bits,
  rs485: Type.Optional(
    Type.Object(
      {
        rts_while_sending: Type.Optional(
          Type.Union([Type.Literal('high'), Type.Literal('low')], {
            description:
              'Level of RTS that switches the transceiver to sending. Left out: adapter or kernel switch by themselves, as most do.',
            examples: ['high'],
          }),
        ),
        before_ms: milliseconds(0, 0, 1_000, 'Pause between switching to sending and the first byte.'),
        after_ms: milliseconds(0, 0, 1_000, 'Pause between the last byte and switching to listening.'),
        echo: Type.Optional(
          Type.Boolean({
            default: false,
            description: 'The adapter hears what it sends, as two-wire adapters without echo suppression do.',
            examples: [true],
          }),
        ),
      },
      { additionalProperties: false, description: 'What an RS-485 adapter needs that does not do all by itself.' },
    ),
  ),
};

/** The format of a line behind a TCP server, for those who know it: planning, pauses and predictions use it. */
const lineBehindServer = {
  baud_rate: Type.Optional(baud_rate),
  parity,
  stop_bits,
};

/** The keys of a device on a serial port, but for its data bits. */
const onSerialPort = { ...serialPort, ...unnumbered, ...common };

/** The keys of a device behind a serial device server. */
const behindServer = { host, port: portOfServer, connect_timeout_ms, ...lineBehindServer, ...unnumbered, ...common };

const options = (description: string) => ({ additionalProperties: false, description });

/** The whole device file of a Modbus TCP unit. */
export const modbusTcpConfigSchema = Type.Object(
  {
    name,
    driver: Type.Literal('modbus-tcp', { description: 'The kind of driver.' }),
    host,
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
    max_in_flight: Type.Optional(
      Type.Integer({
        default: DEFAULTS.maxInFlight,
        minimum: 1,
        maximum: 64,
        description:
          'Requests that may be under way at once on the connection, for devices and gateways that take more than one.',
        examples: [4],
      }),
    ),
    connect_timeout_ms,
    ...common,
  },
  options('A unit that speaks Modbus TCP.'),
);

/** The whole device file of a unit on a serial line in RTU. */
export const modbusRtuConfigSchema = Type.Object(
  {
    name,
    driver: Type.Literal('modbus-rtu', { description: 'The kind of driver.' }),
    ...onSerialPort,
    data_bits: rtuDataBits,
  },
  options('A unit on a serial line of this machine that speaks Modbus RTU.'),
);

/** The whole device file of a unit on a serial line in ASCII. */
export const modbusAsciiConfigSchema = Type.Object(
  {
    name,
    driver: Type.Literal('modbus-ascii', { description: 'The kind of driver.' }),
    ...onSerialPort,
    data_bits: asciiDataBits,
  },
  options('A unit on a serial line of this machine that speaks Modbus ASCII.'),
);

/** The whole device file of a unit behind a serial device server, in RTU. */
export const modbusRtuTcpConfigSchema = Type.Object(
  {
    name,
    driver: Type.Literal('modbus-rtu-tcp', { description: 'The kind of driver.' }),
    ...behindServer,
  },
  options('A unit behind a serial device server that passes the bytes of Modbus RTU through as they are.'),
);

/** The whole device file of a unit behind a serial device server, in ASCII. */
export const modbusAsciiTcpConfigSchema = Type.Object(
  {
    name,
    driver: Type.Literal('modbus-ascii-tcp', { description: 'The kind of driver.' }),
    ...behindServer,
  },
  options('A unit behind a serial device server that passes the bytes of Modbus ASCII through as they are.'),
);

/** A device file of kind `modbus-tcp` as validated; the driver fills what is left out from the defaults of the schema. */
export type ModbusTcpConfig = Static<typeof modbusTcpConfigSchema>;

/** Device files of serial lines, as validated. */
export type ModbusSerialConfig = Static<typeof modbusRtuConfigSchema> | Static<typeof modbusAsciiConfigSchema>;

/** Device files of serial lines behind a TCP server, as validated. */
type ModbusSerialTcpConfig = Static<typeof modbusRtuTcpConfigSchema> | Static<typeof modbusAsciiTcpConfigSchema>;

/** A device file of any Modbus kind. */
export type ModbusConfig = ModbusTcpConfig | ModbusSerialConfig | ModbusSerialTcpConfig;
