import Type, { type Static } from 'typebox';
import type { ComponentSpec, ValueProblem } from '../../config/component-spec.ts';

const signalSchema = Type.Object(
  {
    tag: Type.String({ description: 'Tag name, on this asset.', examples: ['vibration_de'], minLength: 1 }),
    role: Type.Optional(
      Type.Union([Type.Literal('vibration_velocity'), Type.Literal('process')], {
        description: 'vibration_velocity: RMS 10–1000 Hz in mm/s, judged by ISO 10816-3 too.',
        default: 'process',
      }),
    ),
    range_low: Type.Optional(Type.Number({ description: 'Below this the sensor is taken to be faulty.' })),
    range_high: Type.Optional(Type.Number({ description: 'Above this the sensor is taken to be faulty.' })),
    high_warning: Type.Optional(
      Type.Number({ description: 'Absolute limit: at or above it the score is at most 60.' }),
    ),
    high_alarm: Type.Optional(Type.Number({ description: 'Absolute limit: at or above it the score is at most 30.' })),
    low_warning: Type.Optional(Type.Number({ description: 'Absolute limit: at or below it the score is at most 60.' })),
    low_alarm: Type.Optional(Type.Number({ description: 'Absolute limit: at or below it the score is at most 30.' })),
  },
  { additionalProperties: false },
);

const assetSchema = Type.Object(
  {
    asset: Type.String({ description: 'Asset path.', examples: ['acme/hamburg/utilities/pump-1'], minLength: 1 }),
    signals: Type.Array(signalSchema, {
      description: 'What tells how the asset is; at most 32.',
      minItems: 1,
      maxItems: 32,
    }),
    machine: Type.Optional(
      Type.Object(
        {
          group: Type.Union([Type.Literal(1), Type.Literal(2)], {
            description: 'ISO 10816-3 machine group: 1 above 300 kW, 2 from 15 to 300 kW.',
          }),
          mount: Type.Union([Type.Literal('rigid'), Type.Literal('flexible')], { description: 'How it stands.' }),
        },
        {
          description: 'Needed for vibration_velocity signals to be judged by ISO 10816-3.',
          additionalProperties: false,
        },
      ),
    ),
    running: Type.Optional(
      Type.Object(
        {
          tag: Type.String({ description: 'A speed, load or current of this asset.', minLength: 1 }),
          above: Type.Number({ description: 'The asset runs while the tag is above this.' }),
          levels: Type.Optional(
            Type.Array(Type.Number(), {
              description: 'Borders between operating regimes, ascending; each regime has its own baseline.',
              default: [],
              maxItems: 7,
            }),
          ),
        },
        {
          description: 'When it runs; standstill and transitions are left out. Without it, it always runs.',
          additionalProperties: false,
        },
      ),
    ),
  },
  { additionalProperties: false },
);

/** `services.health` in gateway.yaml. */
export const healthConfigSchema = Type.Object(
  {
    tick_ms: Type.Optional(
      Type.Integer({ description: 'How often an asset is judged.', default: 10_000, minimum: 50, maximum: 60_000 }),
    ),
    learn_ticks: Type.Optional(
      Type.Integer({
        description: 'Clean ticks in a regime that make its baseline.',
        default: 360,
        minimum: 30,
        maximum: 100_000,
      }),
    ),
    settle_ticks: Type.Optional(
      Type.Integer({
        description: 'Ticks left out after a start or a change of regime.',
        default: 3,
        minimum: 0,
        maximum: 1_000,
      }),
    ),
    stale_ms: Type.Optional(
      Type.Integer({
        description: 'A signal without news for this long is a sensor fault.',
        default: 180_000,
        minimum: 100,
      }),
    ),
    horizon_h: Type.Optional(
      Type.Number({
        description: 'A failure predicted further away than this gets no date.',
        default: 2_160,
        exclusiveMinimum: 0,
      }),
    ),
    assets: Type.Array(assetSchema, { description: 'Which assets are scored.', maxItems: 1_000 }),
  },
  { description: 'Health scores and maintenance cases.', additionalProperties: false },
);

export type HealthConfig = Static<typeof healthConfigSchema>;
export type HealthAssetConfig = HealthConfig['assets'][number];
export type SignalConfig = HealthAssetConfig['signals'][number];

/** The settings of the scoring itself, with every default filled in. */
export interface HealthSettings {
  readonly tickMs: number;
  readonly learnTicks: number;
  readonly settleTicks: number;
  readonly staleMs: number;
  readonly horizonMs: number;
}

/** Settings of a validated configuration. */
export function settingsOf(config: HealthConfig): HealthSettings {
  return {
    tickMs: config.tick_ms ?? 10_000,
    learnTicks: config.learn_ticks ?? 360,
    settleTicks: config.settle_ticks ?? 3,
    staleMs: config.stale_ms ?? 180_000,
    horizonMs: (config.horizon_h ?? 2_160) * 3_600_000,
  };
}

/** What configuration knows of the service. */
export const HEALTH_SPEC: ComponentSpec = {
  kind: 'health',
  summary: 'Health scores and maintenance cases of assets',
  schema: healthConfigSchema,
  check: (config) => checkHealth(config as HealthConfig),
  tagsUsed: (config) =>
    (config as HealthConfig).assets.flatMap(({ asset, signals, running }, i) => [
      ...(running === undefined ? [] : [{ field: `assets.${i}.running.tag`, asset, tag: running.tag }]),
      ...signals.map(({ tag }, at) => ({ field: `assets.${i}.signals.${at}.tag`, asset, tag })),
    ]),
};

function checkHealth({ assets }: HealthConfig): readonly ValueProblem[] {
  return assets.flatMap((asset, i) => {
    const field = `assets.${i}`;
    const problems: ValueProblem[] = [];
    if (assets.findIndex((other) => other.asset === asset.asset) !== i) {
      problems.push({ field: `${field}.asset`, found: asset.asset, expected: 'each asset once' });
    }
    const tags = asset.signals.map(({ tag }) => tag);
    const repeated = tags.find((tag, at) => tags.indexOf(tag) !== at);
    if (repeated !== undefined)
      problems.push({ field: `${field}.signals`, found: repeated, expected: 'each tag once' });
    if (asset.machine === undefined && asset.signals.some(({ role }) => role === 'vibration_velocity')) {
      const expected =
        'the machine, for example { group: 2, mount: rigid }, so that ISO 10816-3 can judge its vibration';
      problems.push({ field: `${field}.machine`, found: 'nothing', expected });
    }
    const levels = asset.running?.levels ?? [];
    if (levels.some((level, at) => at > 0 && level <= (levels[at - 1] ?? level))) {
      problems.push({ field: `${field}.running.levels`, found: levels.join(', '), expected: 'ascending numbers' });
    }
    return problems;
  });
}
