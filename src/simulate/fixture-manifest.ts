import Type, { type Static } from 'typebox';

/** The only format that this build reads and writes; a change that old readers cannot read gets another number. */
export const FIXTURE_FORMAT = 'headgate-fixture/1';

const Segment = (description: string) => Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description });

const FixtureDevice = Type.Object(
  {
    name: Segment('Device name, as in the tag table.'),
    protocol: Type.Union([Type.Literal('opcua'), Type.Literal('modbus-tcp')], {
      description: 'What the device was read by and is served as.',
    }),
    what: Type.Optional(Type.String({ description: 'What the equipment is, and where its register map comes from.' })),
    port: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description:
          'Preferred port when served; 0 or absent: any. Modbus devices with the same port share one server, each as a unit.',
      }),
    ),
    unit: Type.Optional(Type.Integer({ minimum: 0, maximum: 255, description: 'Modbus unit id. Default 1.' })),
    zero_gap: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description:
          'Modbus: reserved registers between two tags, up to so many, are read as 0; without it reading them is refused.',
      }),
    ),
    namespaces: Type.Optional(
      Type.Array(Type.String(), { description: 'OPC UA namespace URIs of the server, from index 1 on.' }),
    ),
    identity: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: 'What the device says of itself: vendor, product, version.',
      }),
    ),
    config: Type.Optional(
      Type.String({ description: 'Device file that it was read with, relative to the folder: devices/pump-1.yaml.' }),
    ),
  },
  { additionalProperties: false },
);

const FixtureSeries = Type.Object(
  {
    device: Segment('Device name.'),
    period_ms: Type.Number({ exclusiveMinimum: 0, description: 'Period of the scan group.' }),
    file: Type.String({ description: 'File relative to the folder: series/pump-1_1000ms.csv.gz.' }),
    readings: Type.Integer({ minimum: 0, description: 'How many readings the file holds.' }),
  },
  { additionalProperties: false },
);

/** `fixture.yaml`: what the folder holds and how it came to be. */
export const FixtureManifestSchema = Type.Object(
  {
    format: Type.Literal(FIXTURE_FORMAT),
    name: Segment('Name of the fixture.'),
    description: Type.String({ description: 'What the line is and what happens in the recording.' }),
    recorded: Type.Object(
      {
        at: Type.String({ description: 'Source time at which the recording begins, RFC 3339.' }),
        duration_ms: Type.Number({ exclusiveMinimum: 0, description: 'Recorded line time.' }),
        source: Type.String({
          description: 'Where the values come from, plainly: real equipment, or which model, and what read it.',
        }),
        through_drivers: Type.Boolean({
          description: 'True: real drivers read it over real connections. False: written directly, with ideal quality.',
        }),
        speed: Type.Optional(
          Type.Number({
            exclusiveMinimum: 0,
            description: 'Line time per wall time while it was recorded. Default 1.',
          }),
        ),
        licence: Type.Optional(Type.String({ description: 'Licence of the data.' })),
      },
      { additionalProperties: false },
    ),
    devices: Type.Array(FixtureDevice, { minItems: 1 }),
    series: Type.Array(FixtureSeries, { minItems: 1 }),
  },
  { additionalProperties: false },
);

export type FixtureManifest = Static<typeof FixtureManifestSchema>;
export type FixtureDevice = Static<typeof FixtureDevice>;
