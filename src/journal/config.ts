import Type, { type Static } from 'typebox';

const days = (lane: string) =>
  Type.Optional(
    Type.Number({
      description: `Days after which ${lane} events are dropped, settled or not. 0: no limit by age.`,
      default: 0,
      minimum: 0,
      examples: [30],
    }),
  );

/** The `journal` section of `gateway.yaml`: capacity, retention and commit. */
export const journalConfigSchema = Type.Object(
  {
    quota_mb: Type.Optional(
      Type.Number({
        description:
          'Most disk space that the journal takes, in MB. Beyond it, settled events go first, then the oldest bulk, then the oldest normal events, never critical ones.',
        default: 2048,
        minimum: 1,
        examples: [20480],
      }),
    ),
    max_age_days: Type.Optional(
      Type.Object(
        { critical: days('critical'), normal: days('normal'), bulk: days('bulk') },
        {
          description: 'Retention by age for each lane.',
          default: {},
          additionalProperties: false,
          examples: [{ bulk: 14 }],
        },
      ),
    ),
    retention: Type.Optional(
      Type.Array(
        Type.Object(
          {
            lane: Type.Optional(
              Type.Union([Type.Literal('critical'), Type.Literal('normal'), Type.Literal('bulk')], {
                description: 'Only events of this lane. Default: every lane.',
                examples: ['normal'],
              }),
            ),
            type: Type.Optional(
              Type.String({
                description:
                  'Only events of this type, or of types with this prefix when it ends in *. Default: every type.',
                pattern: '^[a-z0-9.-]+\\*?$',
                examples: ['headgate.health-score-changed.v1'],
              }),
            ),
            max_age_days: Type.Optional(
              Type.Number({
                description:
                  'Days after which they may go, settled or not; 0: never by age. A segment file goes when all that is in it may.',
                minimum: 0,
                examples: [30],
              }),
            ),
            max_mb: Type.Optional(
              Type.Number({
                description:
                  'Most disk space of the lanes that the rule is for, each, in MB; the oldest go. Not for critical events, nor in a rule with a type.',
                minimum: 1,
                examples: [512],
              }),
            ),
          },
          { additionalProperties: false },
        ),
        {
          description:
            'Retention by lane and type, within the quota. The most special rule counts: type and lane, type, lane, then max_age_days.',
          default: [],
          examples: [[{ type: 'headgate.maintenance*', max_age_days: 0 }]],
        },
      ),
    ),
    min_free_disk_mb: Type.Optional(
      Type.Number({
        description:
          'Disk space to leave free for others, in MB; at most a sixteenth of the file system. Below it, the journal drops as if its quota were used up, then rejects.',
        default: 64,
        minimum: 0,
        examples: [512],
      }),
    ),
    segment_mb: Type.Optional(
      Type.Number({
        description: 'Size at which a segment file is sealed, in MB; at most an eighth of the quota.',
        default: 16,
        minimum: 0.0625,
        maximum: 1024,
        examples: [64],
      }),
    ),
    segment_age_h: Type.Optional(
      Type.Number({
        description: 'Age at which a segment file is sealed, in hours.',
        default: 24,
        minimum: 0.001,
        examples: [1],
      }),
    ),
    retain_settled_h: Type.Optional(
      Type.Number({
        description: 'Hours to keep events that every consumer has settled, for queries and replay; within the quota.',
        default: 24,
        minimum: 0,
        examples: [168],
      }),
    ),
    queue_events: Type.Optional(
      Type.Integer({
        description: 'Most events that wait for a commit; beyond it events are rejected and counted.',
        default: 200_000,
        minimum: 1,
        examples: [50_000],
      }),
    ),
    queue_mb: Type.Optional(
      Type.Number({
        description: 'Most encoded bytes that wait for a commit, in MB; beyond it events are rejected and counted.',
        default: 32,
        minimum: 0.001,
        examples: [8],
      }),
    ),
    commit_linger_ms: Type.Optional(
      Type.Number({
        description:
          'Least time between two commits, in ms: more events share one fsync. After a pause longer than this the next commit starts at once.',
        default: 10,
        minimum: 0,
        maximum: 1000,
        examples: [50],
      }),
    ),
    commit_timeout_ms: Type.Optional(
      Type.Integer({
        description: 'Longest time that the disk may take for one commit before the journal counts as failed, in ms.',
        default: 60_000,
        minimum: 1000,
        examples: [30_000],
      }),
    ),
    thinning: Type.Optional(
      Type.Object(
        {
          window_ms: Type.Optional(
            Type.Integer({
              description: 'Length of a window by source time, in ms.',
              default: 60_000,
              minimum: 1000,
              maximum: 86_400_000,
              examples: [300_000],
            }),
          ),
        },
        {
          description:
            'When given: before telemetry in the lane bulk is dropped for the quota, minimum, maximum, mean and last value of each tag and window are kept as events of type headgate.telemetry.thinned.v1.',
          additionalProperties: false,
          examples: [{ window_ms: 60_000 }],
        },
      ),
    ),
    ballast_mb: Type.Optional(
      Type.Number({
        description:
          'Size of a file that is deleted when the disk is full, since SQLite needs room even to delete; at most a thirty-second of the file system. 0: none.',
        default: 8,
        minimum: 0,
        maximum: 1024,
        examples: [16],
      }),
    ),
  },
  {
    description: 'The durable journal: capacity, retention and commits.',
    default: {},
    additionalProperties: false,
    examples: [{ quota_mb: 20_480, max_age_days: { bulk: 14 } }],
  },
);

/** The section as written: everything optional. */
export type JournalConfig = Static<typeof journalConfigSchema>;
