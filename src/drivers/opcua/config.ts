import Type, { type Static } from 'typebox';

const SECURITY_POLICIES = ['Aes256_Sha256_RsaPss', 'Aes128_Sha256_RsaOaep', 'Basic256Sha256', 'None'] as const;
const SECURITY_MODES = ['SignAndEncrypt', 'Sign', 'None'] as const;

const secretReference = (what: string) =>
  Type.Union(
    [
      Type.Object(
        { file: Type.String({ minLength: 1, description: `File that holds the ${what}, and nothing else.` }) },
        { additionalProperties: false },
      ),
      Type.Object(
        { credential: Type.String({ minLength: 1, description: `systemd credential that holds the ${what}.` }) },
        { additionalProperties: false },
      ),
    ],
    { description: `Where the ${what} is found: a file or a systemd credential, never the value itself.` },
  );

const security = Type.Object(
  {
    policy: Type.Optional(
      Type.Enum([...SECURITY_POLICIES], {
        default: 'Aes256_Sha256_RsaPss',
        description: 'Security policy of the secure channel. `None` sends everything in clear and must be written out.',
        examples: ['Basic256Sha256'],
      }),
    ),
    mode: Type.Optional(
      Type.Enum([...SECURITY_MODES], {
        default: 'SignAndEncrypt',
        description: 'Whether messages are signed and encrypted, only signed, or neither (with policy `None` only).',
        examples: ['SignAndEncrypt'],
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'How the connection is secured.' },
);

const trust = Type.Object(
  {
    server: Type.Optional(
      Type.Enum(['folder', 'pinned', 'on_first_use'], {
        default: 'folder',
        description:
          'Which server certificate is believed: one in `pki/trusted` of the data directory (`folder`), the one in `file` ' +
          '(`pinned`), or the first one ever seen at this endpoint (`on_first_use`).',
        examples: ['pinned'],
      }),
    ),
    file: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The certificate of the server, PEM or DER, for `server: pinned`.',
        examples: ['/etc/headgate/certs/press-7.pem'],
      }),
    ),
  },
  { additionalProperties: false, default: {}, description: 'Trust in the certificate of the server.' },
);

const user = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, description: 'User name.', examples: ['headgate'] })),
    password: Type.Optional(secretReference('password')),
    certificate: Type.Optional(
      Type.String({ minLength: 1, description: 'User certificate (PEM or DER) in place of name and password.' }),
    ),
    private_key: Type.Optional(secretReference('private key (PEM) of the user certificate')),
  },
  {
    additionalProperties: false,
    description: 'Who signs in: name and password, or certificate and private key. Left out: anonymous.',
  },
);

const milliseconds = (defaultMs: number, minimum: number, maximum: number, description: string) =>
  Type.Optional(Type.Integer({ default: defaultMs, minimum, maximum, description, examples: [defaultMs] }));

/** The whole device file of an OPC UA server. */
export const opcuaConfigSchema = Type.Object(
  {
    name: Type.String({ description: 'Name of the device, as tag tables refer to it.', examples: ['press-7'] }),
    driver: Type.Literal('opcua', { description: 'The kind of driver.' }),
    endpoint: Type.String({
      pattern: '^opc\\.tcp://[^\\s]+$',
      description: 'Endpoint URL of the server.',
      examples: ['opc.tcp://192.168.0.10:4840'],
    }),
    mode: Type.Optional(
      Type.Enum(['subscribe', 'poll'], {
        default: 'subscribe',
        description:
          'Whether the server reports changes (one subscription per scan period) or tags are read every period.',
        examples: ['poll'],
      }),
    ),
    security: Type.Optional(security),
    trust: Type.Optional(trust),
    user: Type.Optional(user),
    connect_timeout_ms: milliseconds(10_000, 500, 120_000, 'Deadline for each step of connecting.'),
    request_timeout_ms: milliseconds(10_000, 500, 120_000, 'Deadline for each request on an open connection.'),
    reconnect_min_ms: milliseconds(
      1_000,
      100,
      600_000,
      'Pause before the second attempt to connect; it doubles after that.',
    ),
    reconnect_max_ms: milliseconds(30_000, 1_000, 3_600_000, 'Longest pause between attempts to connect.'),
    heartbeat_timeout_ms: milliseconds(
      5_000,
      1_000,
      600_000,
      'Silence of the server after which the connection is rebuilt, even if it looks connected; at least three publishing intervals.',
    ),
    faulty_tag_retry_ms: milliseconds(
      60_000,
      1_000,
      86_400_000,
      'How often tags that the server refuses are tried again.',
    ),
    sampling_factor: Type.Optional(
      Type.Number({
        default: 1,
        minimum: 0,
        maximum: 1,
        description:
          'Sampling interval as a share of the scan period; below 1 the server samples faster than it reports (see queue_size).',
        examples: [0.1],
      }),
    ),
    queue_size: Type.Optional(
      Type.Integer({
        default: 1,
        minimum: 1,
        maximum: 10_000,
        description: 'Samples that the server keeps for each tag between two reports; the oldest is dropped when full.',
        examples: [10],
      }),
    ),
    max_notifications_per_publish: Type.Optional(
      Type.Integer({
        default: 10_000,
        minimum: 0,
        maximum: 1_000_000,
        description: 'Most values in one report of the server; 0: as many as it likes.',
        examples: [10_000],
      }),
    ),
    max_items_per_call: Type.Optional(
      Type.Integer({
        default: 1_000,
        minimum: 1,
        maximum: 100_000,
        description: 'Most tags in one request; a lower limit announced by the server is kept too.',
        examples: [1_000],
      }),
    ),
  },
  { additionalProperties: false, description: 'An OPC UA server.' },
);

/** A device file of kind `opcua` as validated; the driver fills what is left out from the defaults of the schema. */
export type OpcuaConfig = Static<typeof opcuaConfigSchema>;

/** A secret by reference. */
export type SecretReference = { readonly file: string } | { readonly credential: string };

/** The settings with every default filled in. */
export interface OpcuaSettings {
  readonly endpoint: string;
  readonly mode: 'subscribe' | 'poll';
  readonly policy: (typeof SECURITY_POLICIES)[number];
  readonly securityMode: (typeof SECURITY_MODES)[number];
  readonly trust: { readonly server: 'folder' | 'pinned' | 'on_first_use'; readonly file: string | null };
  readonly user: NonNullable<OpcuaConfig['user']> | null;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly faultyTagRetryMs: number;
  readonly samplingFactor: number;
  readonly queueSize: number;
  readonly maxNotificationsPerPublish: number;
  readonly maxItemsPerCall: number;
}

/** Fill what a device file leaves out, so that the driver also works on files that no loader has completed. */
export function settingsOf(config: OpcuaConfig): OpcuaSettings {
  return {
    endpoint: config.endpoint,
    mode: config.mode ?? 'subscribe',
    policy: config.security?.policy ?? 'Aes256_Sha256_RsaPss',
    securityMode: config.security?.mode ?? 'SignAndEncrypt',
    trust: { server: config.trust?.server ?? 'folder', file: config.trust?.file ?? null },
    user: isAnonymous(config.user) ? null : (config.user ?? null),
    connectTimeoutMs: config.connect_timeout_ms ?? 10_000,
    requestTimeoutMs: config.request_timeout_ms ?? 10_000,
    reconnectMinMs: config.reconnect_min_ms ?? 1_000,
    reconnectMaxMs: Math.max(config.reconnect_max_ms ?? 30_000, config.reconnect_min_ms ?? 1_000),
    heartbeatTimeoutMs: config.heartbeat_timeout_ms ?? 5_000,
    faultyTagRetryMs: config.faulty_tag_retry_ms ?? 60_000,
    samplingFactor: config.sampling_factor ?? 1,
    queueSize: config.queue_size ?? 1,
    maxNotificationsPerPublish: config.max_notifications_per_publish ?? 10_000,
    maxItemsPerCall: config.max_items_per_call ?? 1_000,
  };
}

function isAnonymous(given: OpcuaConfig['user']): boolean {
  return given === undefined || Object.values(given).every((value) => value === undefined);
}
