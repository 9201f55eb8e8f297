import Type, { type Static } from 'typebox';
import type { ComponentSpec, ValueProblem } from '../../config/component-spec.ts';
import { isAssetPath, isSegment } from '../../model/asset.ts';
import type { StateRule } from './derive.ts';
import type { EquipmentState } from './equipment-state.ts';

const StateValues = (meaning: string, example: readonly (number | string)[]) =>
  Type.Optional(
    Type.Array(Type.Union([Type.Number(), Type.String(), Type.Boolean()]), {
      description: `Values of state_tag that mean ${meaning}.`,
      default: [],
      examples: [example],
    }),
  );

const AssetSchema = Type.Object(
  {
    asset: Type.String({
      description: 'Path of the asset, as in the tag table. All tags named here belong to it.',
      examples: ['acme/hamburg/press-shop/line-3/press-7'],
    }),
    state_tag: Type.Optional(
      Type.String({ description: 'Tag that holds the state as a number or a text.', examples: ['StateCurrent'] }),
    ),
    preset: Type.Optional(
      Type.Literal('packml', {
        description: 'Meaning of the values of state_tag: packml for the PackML states 1 to 17 (ISA-TR88.00.02).',
      }),
    ),
    states: Type.Optional(
      Type.Object(
        {
          running: StateValues('running', [2, 3]),
          idle: StateValues('idle', [1]),
          fault: StateValues('fault', [9]),
          unknown: StateValues('unknown', [0]),
        },
        {
          description: 'Meaning of the values of state_tag; before the preset. Values that are not listed are unknown.',
          additionalProperties: false,
        },
      ),
    ),
    running_tag: Type.Optional(
      Type.String({
        description:
          'Instead of state_tag: a tag that shows whether the asset runs, such as a current, a speed or a run signal.',
        examples: ['motor_current'],
      }),
    ),
    running_above: Type.Optional(
      Type.Number({
        description:
          "Running while running_tag is above this, in the tag's unit; without it, while it is true or not zero.",
        examples: [4.5],
      }),
    ),
    hysteresis: Type.Optional(
      Type.Number({
        description: 'Once running, it stays so until running_tag is below running_above by more than this.',
        minimum: 0,
        default: 0,
        examples: [0.5],
      }),
    ),
    fault_tag: Type.Optional(
      Type.String({
        description: 'Tag that is true or not zero while the asset has a fault; outranks the others.',
        examples: ['fault_word'],
      }),
    ),
    fault_bit: Type.Optional(
      Type.Integer({
        description: 'Bit of fault_tag that says fault, 0 the least significant; without it, any value but zero.',
        minimum: 0,
        maximum: 63,
        examples: [3],
      }),
    ),
    min_dwell_ms: Type.Optional(
      Type.Integer({
        description:
          'How long running or idle must last before it is reported. Fault and unknown are reported at once.',
        minimum: 0,
        maximum: 86_400_000,
        default: 0,
        examples: [2000],
      }),
    ),
  },
  { additionalProperties: false },
);
type AssetConfig = Static<typeof AssetSchema>;

const TAG_KEYS = ['state_tag', 'running_tag', 'fault_tag'] as const;

/** Configuration of `equipment-state`. */
export const EquipmentStateSchema = Type.Object(
  {
    assets: Type.Array(AssetSchema, {
      description: 'The assets whose state is watched, and the tags that tell it.',
      maxItems: 10_000,
    }),
  },
  { additionalProperties: false },
);
export type EquipmentStateConfig = Static<typeof EquipmentStateSchema>;

/** `equipment-state` as configuration knows it. */
export const EQUIPMENT_STATE_SPEC: ComponentSpec = {
  kind: 'equipment-state',
  summary: 'Running, idle, fault or unknown for each asset, from a state tag or a threshold; reports each change.',
  schema: EquipmentStateSchema,
  check: (config) => {
    const { assets } = config as EquipmentStateConfig;
    const seen = new Set<string>();
    return assets.flatMap((entry, i) => {
      const problems = checkAsset(entry).map((problem) => ({ ...problem, field: `assets.${i}.${problem.field}` }));
      if (seen.has(entry.asset)) {
        problems.push({ field: `assets.${i}.asset`, found: entry.asset, expected: 'an asset that is listed once' });
      }
      seen.add(entry.asset);
      return problems;
    });
  },
  tagsUsed: (config) =>
    (config as EquipmentStateConfig).assets.flatMap((entry, i) =>
      TAG_KEYS.flatMap((key) => {
        const tag = entry[key];
        return tag === undefined ? [] : [{ field: `assets.${i}.${key}`, asset: entry.asset, tag }];
      }),
    ),
};

/** The rule of one asset. */
export function ruleOf(entry: AssetConfig): StateRule {
  const states: { value: string | number | boolean; state: EquipmentState }[] = [];
  for (const state of ['running', 'idle', 'fault', 'unknown'] as const) {
    for (const value of entry.states?.[state] ?? []) states.push({ value, state });
  }
  return {
    stateTag: entry.state_tag ?? null,
    usesPackml: entry.preset === 'packml',
    states,
    runningTag: entry.running_tag ?? null,
    runningAbove: entry.running_above ?? null,
    hysteresis: entry.hysteresis ?? 0,
    faultTag: entry.fault_tag ?? null,
    faultBit: entry.fault_bit ?? null,
    minDwellMs: entry.min_dwell_ms ?? 0,
  };
}

function checkAsset(entry: AssetConfig): ValueProblem[] {
  const problems: ValueProblem[] = [];
  const say = (field: string, found: unknown, expected: string) =>
    problems.push({ field, found: found === undefined ? 'nothing' : String(found), expected });
  if (!isAssetPath(entry.asset)) say('asset', entry.asset, 'an asset path such as acme/hamburg/press-shop/press-7');
  for (const field of TAG_KEYS) {
    const tag = entry[field];
    if (tag !== undefined && !isSegment(tag)) say(field, tag, 'a tag name: 1 to 64 letters, digits, _ or -');
  }
  if (entry.state_tag === undefined && entry.running_tag === undefined) {
    say('state_tag', undefined, 'state_tag or running_tag, the tag that tells the state');
  }
  if (entry.state_tag !== undefined && entry.running_tag !== undefined) {
    say('running_tag', entry.running_tag, 'either state_tag or running_tag, not both');
  }
  if (entry.state_tag !== undefined && entry.preset === undefined && entry.states === undefined) {
    say('states', undefined, 'preset: packml, or states with the values that mean running, idle and fault');
  }
  for (const field of ['preset', 'states'] as const) {
    if (entry[field] !== undefined && entry.state_tag === undefined) say(field, 'a value', 'state_tag beside it');
  }
  if (entry.running_above !== undefined && entry.running_tag === undefined) {
    say('running_above', entry.running_above, 'running_tag beside it');
  }
  if (entry.fault_bit !== undefined && entry.fault_tag === undefined) {
    say('fault_bit', entry.fault_bit, 'fault_tag beside it');
  }
  return problems;
}
