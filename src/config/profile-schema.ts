import Type, { type Static, type TObject } from 'typebox';
import { TAG_COLUMNS } from './tag-columns.table.ts';

const cell = Type.Union([Type.String({ maxLength: 1_000 }), Type.Number(), Type.Boolean()]);

/** Columns of the tag table that a profile fills: all but those that the user decides. */
const columns = Object.fromEntries(
  TAG_COLUMNS.filter(({ name }) => name !== 'device' && name !== 'asset').map(({ name, description }) => [
    name,
    Type.Optional({ ...cell, description }),
  ]),
);
const { name: _name, address: _address, ...shared } = columns;

/** A file of `config/profiles`: what a kind of device holds where. Facts with their sources, no text of anybody else's. */
export const profileSchema: TObject = Type.Object(
  {
    name: Type.String({
      pattern: '^[a-z0-9-]{1,40}$',
      description: 'What `headgate device add --profile` takes; the name of the file.',
      examples: ['eastron-sdm630'],
    }),
    title: Type.String({ minLength: 1, maxLength: 80, description: 'For people.', examples: ['Eastron SDM630 meter'] }),
    vendor: Type.String({ minLength: 1, maxLength: 60, description: 'Who makes it.', examples: ['Eastron'] }),
    models: Type.Array(Type.String({ minLength: 1, maxLength: 60 }), {
      minItems: 1,
      description: 'Models that it holds for.',
      examples: [['SDM630-Modbus V2']],
    }),
    kind: Type.Enum(['meter', 'inverter', 'drive', 'gateway'], { description: 'What it is.', examples: ['meter'] }),
    confidence: Type.Enum(['high', 'medium', 'low'], {
      description:
        'How sure the addresses are. high: from the vendor, or from code in wide use that cites the vendor; medium: one such source, or one that is silent on something; low: not compared with anything.',
      examples: ['high'],
    }),
    sources: Type.Array(Type.String({ minLength: 1, maxLength: 400 }), {
      minItems: 1,
      description: 'Where the facts are from.',
      examples: [['Register map V1.2 of the vendor, page 7']],
    }),
    notes: Type.Optional(Type.String({ maxLength: 1_000, description: 'What the user should know.', examples: ['…'] })),
    device: Type.Optional(
      Type.Record(Type.String(), cell, {
        description: 'Keys of the device file that this kind of device wants.',
        examples: [{ max_registers: 80 }],
      }),
    ),
    defaults: Type.Optional(
      Type.Object(shared, {
        additionalProperties: false,
        description: 'Columns that all tags have, unless they say otherwise.',
        examples: [{ type: 'float32' }],
      }),
    ),
    tags: Type.Array(
      Type.Object(
        { ...columns, name: Type.String({ minLength: 1 }), address: Type.String({ minLength: 1 }) },
        { additionalProperties: false },
      ),
      {
        minItems: 1,
        description: 'The tags, by the columns of the tag table.',
        examples: [[{ name: 'voltage', address: 'IR:0' }]],
      },
    ),
  },
  { additionalProperties: false, description: 'A device profile.' },
);

/** A profile as it stands in its file. */
export interface Profile {
  readonly name: string;
  readonly title: string;
  readonly vendor: string;
  readonly models: readonly string[];
  readonly kind: 'meter' | 'inverter' | 'drive' | 'gateway';
  readonly confidence: 'high' | 'medium' | 'low';
  readonly sources: readonly string[];
  readonly notes?: string;
  readonly device?: Readonly<Record<string, Static<typeof cell>>>;
  readonly defaults?: Readonly<Record<string, Static<typeof cell>>>;
  readonly tags: readonly Readonly<Record<string, Static<typeof cell>>>[];
}
