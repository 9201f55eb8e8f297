import Type, { type Static } from 'typebox';
import type { ValueProblem } from '../../config/component-spec.ts';
import { isTopicFilter } from '../../model/topic.ts';

const interlock = Type.Object(
  {
    tag: Type.String({
      minLength: 3,
      description: 'Tag that is read from its device right before the write; it must be Good.',
      examples: ['acme/hamburg/line-3/pump-1/guard_closed'],
    }),
    equals: Type.Optional(
      Type.Union([Type.Boolean(), Type.Number(), Type.String()], { description: 'It must have this value.' }),
    ),
    min: Type.Optional(Type.Number({ description: 'It must be at least this.' })),
    max: Type.Optional(Type.Number({ description: 'It must be at most this.' })),
  },
  { additionalProperties: false, description: 'Write only while another tag allows it.' },
);

const rule = Type.Object(
  {
    tags: Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), {
      minItems: 1,
      maxItems: 1000,
      description: 'Tags that may be written, as <asset>/<name>; `+` stands for one level, `#` for all below.',
      examples: [['acme/hamburg/line-3/pump-1/speed_setpoint']],
    }),
    actors: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
      minItems: 1,
      maxItems: 100,
      description: 'Who may: mqtt:<broker user>, cli:<system user>; `mqtt:*` and `cli:*` for all of a kind.',
      examples: [['mqtt:hmi', 'cli:*']],
    }),
    min: Type.Optional(Type.Number({ description: 'Smallest value, after scaling.', examples: [0] })),
    max: Type.Optional(Type.Number({ description: 'Largest value, after scaling.', examples: [1500] })),
    min_interval_ms: Type.Optional(
      Type.Integer({
        default: 1_000,
        minimum: 0,
        maximum: 86_400_000,
        description: 'A tag is written at most once in this time.',
      }),
    ),
    interlock: Type.Optional(interlock),
  },
  { additionalProperties: false, description: 'The first rule that names the tag and the actor decides.' },
);

/** `commands` in gateway.yaml: who may write what. Nothing is allowed that is not named here. */
export const commandsConfigSchema = Type.Object(
  {
    rules: Type.Optional(
      Type.Array(rule, { default: [], maxItems: 1000, description: 'What may be written. Empty: nothing.' }),
    ),
    max_ttl_ms: Type.Optional(
      Type.Integer({
        default: 60_000,
        minimum: 100,
        maximum: 3_600_000,
        description: 'A command may say that it expires at most so far ahead; it is refused otherwise.',
      }),
    ),
  },
  { additionalProperties: false, description: 'Writing to equipment, on commands from MQTT or the command line.' },
);

export type CommandsConfig = Static<typeof commandsConfigSchema>;
export type CommandRule = Static<typeof rule>;
export type Interlock = Static<typeof interlock>;

/** Rules beyond the schema: filters that mean something, bounds the right way round, an interlock that asks for something. */
export function checkCommands(config: CommandsConfig): ValueProblem[] {
  const problems: ValueProblem[] = [];
  for (const [i, { tags, actors, min, max, interlock: lock }] of (config.rules ?? []).entries()) {
    const at = (field: string) => `rules.${i}.${field}`;
    for (const [j, filter] of tags.entries()) {
      if (isTopicFilter(filter) && filter.includes('/')) continue;
      const expected = 'a tag such as acme/hamburg/pump-1/speed_setpoint, or acme/hamburg/+/speed_setpoint';
      problems.push({ field: at(`tags.${j}`), found: filter, expected });
    }
    for (const [j, actor] of actors.entries()) {
      if (/^(mqtt|cli):.+$/.test(actor)) continue;
      problems.push({ field: at(`actors.${j}`), found: actor, expected: 'mqtt:<user>, cli:<user>, mqtt:* or cli:*' });
    }
    if (min !== undefined && max !== undefined && min > max) {
      problems.push({ field: at('min'), found: String(min), expected: `at most max, which is ${max}` });
    }
    if (lock !== undefined && lock.equals === undefined && lock.min === undefined && lock.max === undefined) {
      problems.push({ field: at('interlock'), found: 'a tag alone', expected: 'equals, min or max beside the tag' });
    }
  }
  return problems;
}
