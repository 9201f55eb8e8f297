import Type, { type Static } from 'typebox';

const epochMs = (description: string) => Type.Number({ description: `${description}, epoch ms` });

const contributorSchema = Type.Object({
  tag: Type.String(),
  expected: Type.Number({ description: 'Level of the baseline.' }),
  actual: Type.Number(),
  unit: Type.String(),
  share: Type.Number({ description: 'Part in the deviation, 0 to 1.' }),
});

const predictedFailureSchema = Type.Union([
  Type.Object({
    p10: epochMs('10 % by then'),
    p50: epochMs('as likely before as after'),
    p90: epochMs('90 % by then'),
  }),
  Type.Null(),
]);

/** Data of `headgate.maintenance-required.v1`: a case was opened, or there is news of it. */
export const maintenanceRequiredSchema = Type.Object({
  caseId: Type.String({ description: 'The same for all news of one case.' }),
  status: Type.Union([Type.Literal('opened'), Type.Literal('updated')]),
  urgency: Type.Union([Type.Literal('immediate'), Type.Literal('soon'), Type.Literal('planned')]),
  score: Type.Number({ description: '0 (worst) to 100' }),
  confidence: Type.Number({ description: '0 to 1' }),
  predictedFailure: predictedFailureSchema,
  noDateReason: Type.Union([Type.String(), Type.Null()], { description: 'Why there is no date.' }),
  topContributors: Type.Array(contributorSchema),
  regime: Type.String(),
  firstSeen: epochMs('when the case was opened'),
  evidence: Type.String({ description: 'What is seen, in words.' }),
  modelVersion: Type.String(),
});

/** Data of `headgate.maintenance-cleared.v1`: the asset has been healthy long enough. */
export const maintenanceClearedSchema = Type.Object({
  caseId: Type.String(),
  firstSeen: epochMs('when the case was opened'),
  score: Type.Number(),
});

/** Data of `headgate.health-score-changed.v1`. */
export const healthScoreSchema = Type.Object({
  score: Type.Number(),
  confidence: Type.Number(),
  state: Type.Union([Type.Literal('idle'), Type.Literal('learning'), Type.Literal('scoring')]),
  zone: Type.String({ description: 'Worst zone by absolute limits, A to D.' }),
  regime: Type.String(),
  sensorFaults: Type.Array(Type.Object({ tag: Type.String(), kind: Type.String() })),
});

export type MaintenanceRequired = Static<typeof maintenanceRequiredSchema>;
export type HealthScoreChanged = Static<typeof healthScoreSchema>;
