import Type, { type Static } from 'typebox';

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LOG_FORMATS = ['auto', 'journald', 'text', 'json'] as const;

/** `gateway` in gateway.yaml. */
const gatewaySectionSchema = Type.Object(
  {
    name: Type.String({
      description: 'Name of this gateway: part of event sources, client ids and topics. Changing it makes new streams.',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      examples: ['press-shop-gateway'],
    }),
    asset: Type.String({
      description: 'Asset path of the gateway itself: where its own events (gaps, device states) are filed.',
      pattern: '^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,15}$',
      examples: ['acme/hamburg/press-shop'],
    }),
    data_dir: Type.Optional(
      Type.String({
        description:
          'Directory for the journal and all else that is kept. Default: $STATE_DIRECTORY, else /var/lib/headgate.',
        minLength: 1,
        examples: ['/var/lib/headgate'],
      }),
    ),
    socket: Type.Optional(
      Type.String({
        description:
          'Unix socket that the command line talks to. Default: headgate.sock in $RUNTIME_DIRECTORY, else in data_dir.',
        minLength: 1,
        maxLength: 100,
        examples: ['/run/headgate/headgate.sock'],
      }),
    ),
  },
  { description: 'Who this gateway is.', additionalProperties: false },
);

/** `log` in gateway.yaml. */
const logSectionSchema = Type.Object(
  {
    level: Type.Optional(
      Type.Union(
        LOG_LEVELS.map((level) => Type.Literal(level)),
        { description: 'The least severe line that is written.', default: 'info' },
      ),
    ),
    format: Type.Optional(
      Type.Union(
        LOG_FORMATS.map((format) => Type.Literal(format)),
        { description: 'auto: journald under systemd, else text.', default: 'auto' },
      ),
    ),
  },
  { description: 'The log, on standard error.', additionalProperties: false, default: {} },
);

/**
 * gateway.yaml without what belongs to components: their sections (journal, broker, pipeline), each sink by its kind and each service by its
 * name are checked against their own schemas.
 */
export const gatewaySchema = Type.Object(
  {
    gateway: gatewaySectionSchema,
    log: Type.Optional(logSectionSchema),
    journal: Type.Optional(Type.Unknown({ description: 'The durable log of events.' })),
    broker: Type.Optional(Type.Unknown({ description: 'The local MQTT broker.' })),
    pipeline: Type.Optional(Type.Unknown({ description: 'From readings to events.' })),
    commands: Type.Optional(Type.Unknown({ description: 'Writing to equipment.' })),
    sinks: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }), Type.Unknown(), {
        description: 'Destinations by name; a destination keeps its place in the journal under this name.',
        default: {},
      }),
    ),
    services: Type.Optional(
      Type.Record(Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$' }), Type.Unknown(), {
        description: 'Services by name; one that is not listed does not run.',
        default: {},
      }),
    ),
  },
  { description: 'gateway.yaml', additionalProperties: false },
);

type Sections = Static<typeof gatewaySchema>;

/** gateway.yaml, validated, with every default; sections of components as their own schemas gave them. */
export interface GatewayConfig {
  readonly gateway: Static<typeof gatewaySectionSchema> & { readonly data_dir: string };
  readonly log: Required<Static<typeof logSectionSchema>>;
  readonly journal: Sections['journal'];
  readonly broker: Sections['broker'];
  readonly pipeline: Sections['pipeline'];
  readonly commands: Sections['commands'];
}
