import { isIP } from 'node:net';
import Type, { type Static } from 'typebox';
import type { ValueProblem } from '../config/component-spec.ts';
import { isTopicFilter } from '../model/topic.ts';
import { SCRYPT_HASH_PATTERN } from './password.ts';

const filters = (description: string, examples: string[][]) =>
  Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { description, default: [], maxItems: 256, examples }),
  );

const access = {
  publish: filters('Topic filters that this client may publish to. Empty: none.', [['evt/v1/acme/#', 'line/+/state']]),
  subscribe: filters('Topic filters that this client may subscribe to, or narrower ones. Empty: none.', [['uns/v1/#']]),
};

const secretReference = Type.Union([
  Type.Object(
    {
      file: Type.String({
        minLength: 1,
        description: 'A file that holds the secret and that only its owner may read.',
      }),
    },
    { additionalProperties: false, description: 'The secret is in a file.' },
  ),
  Type.Object(
    {
      credential: Type.String({
        pattern: '^[A-Za-z0-9_.-]{1,128}$',
        description: 'Name of a systemd credential (`LoadCredential=`).',
      }),
    },
    { additionalProperties: false, description: 'The secret is a systemd credential.' },
  ),
]);

const user = Type.Object(
  {
    password: Type.Union([secretReference, Type.String({ pattern: SCRYPT_HASH_PATTERN.source })], {
      description: 'A reference to the password, or its scrypt hash; never the password itself.',
      examples: [{ credential: 'mqtt-hmi' }, { file: '/etc/headgate/secrets/hmi' }],
    }),
    ...access,
  },
  { additionalProperties: false, description: 'A client that signs in by name and password.' },
);

const tls = Type.Object(
  {
    cert_file: Type.String({ minLength: 1, description: 'Certificate chain, PEM.' }),
    key_file: Type.String({ minLength: 1, description: 'Private key, PEM.' }),
    client_ca_file: Type.Optional(
      Type.Union([Type.String({ minLength: 1 }), Type.Null()], {
        description: 'Authority, PEM: only clients with a certificate that it signed may connect.',
        default: null,
      }),
    ),
  },
  { additionalProperties: false, description: 'TLS 1.2 or newer on the listener.' },
);

/** `broker` in gateway.yaml: the local MQTT broker. Nothing is allowed that is not named here. */
export const brokerConfigSchema = Type.Object(
  {
    enabled: Type.Optional(
      Type.Boolean({
        description: 'Listen for MQTT clients. The bus inside the gateway works without it.',
        default: true,
      }),
    ),
    listen: Type.Optional(
      Type.Object(
        {
          host: Type.Optional(
            Type.String({
              description: 'Address to listen on. Any other than this machine needs TLS and users.',
              default: '127.0.0.1',
              examples: ['127.0.0.1', '0.0.0.0'],
            }),
          ),
          port: Type.Optional(Type.Integer({ description: 'TCP port.', default: 1883, minimum: 0, maximum: 65_535 })),
          tls: Type.Optional(
            Type.Union([tls, Type.Null()], { description: 'Certificate and key; null for none.', default: null }),
          ),
        },
        { additionalProperties: false, description: 'Where clients connect.', default: {} },
      ),
    ),
    max_clients: Type.Optional(
      Type.Integer({
        description: 'Clients connected at once; one more is told that the server is unavailable.',
        default: 100,
        minimum: 1,
        maximum: 10_000,
      }),
    ),
    max_packet_bytes: Type.Optional(
      Type.Integer({
        description: 'Largest MQTT packet that a client may send; a larger one ends its connection.',
        default: 262_144,
        minimum: 1_024,
        maximum: 1_000_000,
      }),
    ),
    max_buffer_bytes: Type.Optional(
      Type.Integer({
        description:
          'Bytes kept for one client that reads too slowly; beyond it messages for this client are dropped and counted.',
        default: 1_048_576,
        minimum: 65_536,
        maximum: 67_108_864,
      }),
    ),
    max_subscriptions: Type.Optional(
      Type.Integer({ description: 'Subscriptions of one client.', default: 10_000, minimum: 1, maximum: 100_000 }),
    ),
    max_queued: Type.Optional(
      Type.Integer({
        description:
          'Messages kept in memory for one absent client with a persistent session; the oldest are dropped and counted.',
        default: 1_000,
        minimum: 0,
        maximum: 100_000,
      }),
    ),
    max_retained: Type.Optional(
      Type.Integer({
        description: 'Retained messages of clients; kept on disk. One more is delivered but not retained.',
        default: 1_000,
        minimum: 0,
        maximum: 100_000,
      }),
    ),
    max_retained_bytes: Type.Optional(
      Type.Integer({
        description: 'Bytes of all retained messages of clients together.',
        default: 4_194_304,
        minimum: 0,
        maximum: 268_435_456,
      }),
    ),
    connect_timeout_ms: Type.Optional(
      Type.Integer({
        description: 'Time from the TCP connection until the client has signed in.',
        default: 5_000,
        minimum: 100,
        maximum: 60_000,
      }),
    ),
    drain_timeout_ms: Type.Optional(
      Type.Integer({
        description: 'A client that takes no byte for this time is disconnected.',
        default: 2_000,
        minimum: 100,
        maximum: 2_000,
      }),
    ),
    on_refused: Type.Optional(
      Type.Union([Type.Literal('disconnect'), Type.Literal('drop')], {
        description:
          'A publish that cannot be accepted: `disconnect` ends the connection of a QoS 1 or 2 publisher, since MQTT 3.1.1 has no other way to say no; `drop` acknowledges it all the same. QoS 0 is always dropped. All are counted.',
        default: 'disconnect',
      }),
    ),
    users: Type.Optional(
      Type.Record(Type.String({ pattern: '^[^\\x00-\\x1f]{1,128}$' }), user, {
        description: 'Clients by user name.',
        default: {},
      }),
    ),
    anonymous: Type.Optional(
      Type.Union([Type.Object(access, { additionalProperties: false }), Type.Null()], {
        description: 'What a client without a user name may do; null: it may not connect.',
        default: null,
      }),
    ),
  },
  { description: 'The local MQTT broker.', additionalProperties: false },
);

/** A configuration as written has defaults left out; as used, the loader has filled them in. */
type Filled<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]-?: Filled<Exclude<T[K], undefined>> }
    : T;

export type BrokerConfig = Filled<Static<typeof brokerConfigSchema>>;

/** True for an address that only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Rules beyond the schema: no open door by oversight, and filters that mean something. */
export function checkBroker(config: BrokerConfig): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const { host, tls: listenTls } = config.listen;
  if (config.enabled && !isLoopback(host)) {
    if (listenTls === null) {
      problems.push({
        field: 'listen.tls',
        found: 'null',
        expected: `cert_file and key_file, because ${host} is reached from other machines; or listen.host: 127.0.0.1`,
      });
    }
    if (Object.keys(config.users).length === 0) {
      problems.push({
        field: 'users',
        found: '{}',
        expected: `at least one user, because ${host} is reached from other machines; or listen.host: 127.0.0.1`,
      });
    }
  }
  const check = (field: string, list: readonly string[]) => {
    for (const [i, filter] of list.entries()) {
      if (isTopicFilter(filter) && !filter.startsWith('$')) continue;
      const expected = 'a topic filter such as uns/v1/#, line/+/state (# last and alone, + alone in its level, no $)';
      problems.push({ field: `${field}.${i}`, found: filter, expected });
    }
  };
  for (const [name, { publish, subscribe }] of Object.entries(config.users)) {
    check(`users.${name}.publish`, publish);
    check(`users.${name}.subscribe`, subscribe);
  }
  if (config.anonymous !== null) {
    check('anonymous.publish', config.anonymous.publish);
    check('anonymous.subscribe', config.anonymous.subscribe);
  }
  return problems;
}
