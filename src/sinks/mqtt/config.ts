import Type, { type Static } from 'typebox';
import { sharingKeys } from '../sharing-config.ts';

const secret = (description: string) =>
  Type.Union(
    [
      Type.Object(
        { file: Type.String({ description: 'Path of a file that holds the secret.', minLength: 1 }) },
        { additionalProperties: false },
      ),
      Type.Object(
        { credential: Type.String({ description: 'Name of a systemd credential (LoadCredential=).', minLength: 1 }) },
        { additionalProperties: false },
      ),
    ],
    { description, examples: [{ file: '/etc/headgate/secrets/upstream' }, { credential: 'upstream' }] },
  );

const milliseconds = (description: string, value: number, minimum: number, maximum: number) =>
  Type.Optional(Type.Integer({ description, default: value, minimum, maximum }));

/** An MQTT sink as it stands in `gateway.yaml`. */
export const mqttSinkSchema = Type.Object(
  {
    name: Type.String({
      description: 'Name of the sink. Its place in the journal belongs to this name: other settings may change freely.',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      examples: ['upstream'],
    }),
    kind: Type.Literal('mqtt', { description: 'An MQTT broker.' }),
    url: Type.String({
      description:
        'Address of the broker: `mqtt://` (port 1883) or `mqtts://` (TLS, port 8883). No user or password in it.',
      pattern: '^mqtts?://[^\\s/@]+/?$',
      examples: ['mqtts://broker.example.com:8883'],
    }),
    protocol: Type.Optional(
      Type.Union([Type.Literal('3.1.1'), Type.Literal('5')], {
        description:
          'MQTT version. 3.1.1 works with every broker; 5 adds refusals, their reasons and a content type. With 3.1.1 a broker has no way to refuse a message: one that its access rules drop counts as settled.',
        default: '3.1.1',
      }),
    ),
    client_id: Type.Optional(
      Type.String({
        description: 'MQTT client id; unique at the broker. Left out: `headgate-<gateway>-<name>`.',
        minLength: 1,
        maxLength: 256,
      }),
    ),
    username: Type.Optional(Type.String({ description: 'User name at the broker.', minLength: 1 })),
    password: Type.Optional(secret('Password at the broker, by reference; read at each connection.')),
    tls: Type.Optional(
      Type.Object(
        {
          ca: Type.Optional(
            Type.String({ description: 'File with the certificates to trust (PEM) instead of the usual authorities.' }),
          ),
          cert: Type.Optional(Type.String({ description: 'File with the client certificate (PEM).' })),
          key: Type.Optional(secret('Private key of the client certificate (PEM), by reference.')),
          server_name: Type.Optional(
            Type.String({
              description: 'Name that the broker certificate must carry, if it is not the host of the url.',
            }),
          ),
          reject_unauthorized: Type.Optional(
            Type.Boolean({
              description: 'Refuse a broker whose certificate is not trusted. Turn off for a test at most.',
              default: true,
            }),
          ),
        },
        { additionalProperties: false, description: 'TLS settings, for `mqtts://`.' },
      ),
    ),
    topic: Type.Optional(
      Type.String({
        description:
          'Prefix of all topics: batches go to `<topic>/batch/v1`, single events to `<topic>/<bus topic>`. Left out: `headgate/<gateway>`.',
        pattern: '^[^+#\\u0000/$][^+#\\u0000]*[^+#\\u0000/]$|^[^+#\\u0000/$]$',
        maxLength: 1024,
        examples: ['plants/hamburg/headgate'],
      }),
    ),
    format: Type.Optional(
      Type.Union([Type.Literal('batches'), Type.Literal('events')], {
        description:
          'batches: many events in a message, the least bytes. events: each event a message of its own, CloudEvents structured JSON; those of type headgate.coverage.v1 only tell what is not to be waited for.',
        default: 'batches',
      }),
    ),
    encoding: Type.Optional(
      Type.Union([Type.Literal('cbor'), Type.Literal('json')], {
        description: 'Encoding of batches.',
        default: 'cbor',
      }),
    ),
    compression: Type.Optional(
      Type.Union([Type.Literal('zstd'), Type.Literal('gzip'), Type.Literal('none')], {
        description: 'Compression of batches.',
        default: 'zstd',
      }),
    ),
    qos: Type.Optional(Type.Literal(1, { description: 'Always 1: a message counts only when confirmed.', default: 1 })),
    max_in_flight: Type.Optional(
      Type.Integer({
        description: 'Batches on the way without confirmation. More fill a link with a long round trip.',
        default: 16,
        minimum: 1,
        maximum: 32,
      }),
    ),
    max_message_bytes: Type.Optional(
      Type.Integer({
        description:
          'The largest message that the broker takes (AWS IoT Core: 131072). A larger batch is split; a single event that is larger is passed over and reported. Left out: no limit.',
        minimum: 1024,
        maximum: 268_435_455,
        examples: [131_072],
      }),
    ),
    batch: Type.Optional(
      Type.Object(
        {
          max_events: Type.Optional(
            Type.Integer({ description: 'Events in a batch at most.', default: 1000, minimum: 1, maximum: 10_000 }),
          ),
          max_bytes: Type.Optional(
            Type.Integer({
              description: 'Bytes of events in a batch at most, before compression; a lone larger event still goes.',
              default: 262_144,
              minimum: 1024,
              maximum: 16_777_216,
            }),
          ),
          linger_ms: milliseconds('How long a batch that is not full waits for more events.', 1000, 0, 60_000),
        },
        { additionalProperties: false, description: 'When a batch is sent.', default: {} },
      ),
    ),
    ...sharingKeys,
    keepalive_s: Type.Optional(
      Type.Integer({
        description: 'Seconds of silence after which the link is probed.',
        default: 15,
        minimum: 1,
        maximum: 3600,
      }),
    ),
    connect_timeout_ms: milliseconds('Deadline for connecting, login included.', 10_000, 100, 300_000),
    ack_timeout_ms: milliseconds(
      'Deadline for the confirmation of a message; then the link is dropped.',
      20_000,
      100,
      600_000,
    ),
    reconnect: Type.Optional(
      Type.Object(
        {
          min_ms: milliseconds('Shortest wait before connecting again.', 500, 10, 60_000),
          max_ms: milliseconds('Longest wait, reached by doubling.', 30_000, 10, 3_600_000),
        },
        { additionalProperties: false, description: 'Waits between attempts; the waits vary by chance.', default: {} },
      ),
    ),
    start_at: Type.Optional(
      Type.Union([Type.Literal('beginning'), Type.Literal('now')], {
        description: 'Where a sink with a new name starts: at the oldest event still stored, or at the next one.',
        default: 'beginning',
      }),
    ),
  },
  { additionalProperties: false, description: 'Sends all events to an MQTT broker.' },
);

export type MqttSinkConfig = Static<typeof mqttSinkSchema>;
