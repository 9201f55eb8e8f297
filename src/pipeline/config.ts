import Type, { type Static } from 'typebox';

/** `pipeline` in gateway.yaml. */
export const pipelineConfigSchema = Type.Object(
  {
    max_silence_ms: Type.Optional(
      Type.Integer({
        description:
          'A tag that has not changed is reported again after this time, so that a receiver can tell quiet from lost.',
        default: 60_000,
        minimum: 1_000,
        maximum: 86_400_000,
      }),
    ),
  },
  { description: 'From readings to events.', additionalProperties: false },
);

export type PipelineConfig = Static<typeof pipelineConfigSchema>;
