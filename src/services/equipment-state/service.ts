import Type from 'typebox';
import type { HeadgateEvent } from '../../model/event.ts';
import { isTelemetry } from '../../model/event.ts';
import type { Reading } from '../../model/reading.ts';
import type { TagList } from '../../model/telemetry.ts';
import { telemetryTopic } from '../../model/topic.ts';
import type { ServiceContext, ServiceModule } from '../../ports/service.ts';
import { type EquipmentStateConfig, EquipmentStateSchema, ruleOf } from './config.ts';
import { type Inputs, judge, type Memory, NOTHING_KNOWN, remember, ripen, type StateRule, sideOf } from './derive.ts';

/** Type of the events that say that an asset's state changed. */
export const STATE_CHANGED_TYPE = 'headgate.equipment-state-changed.v1';

const StateName = Type.Union([
  Type.Literal('running'),
  Type.Literal('idle'),
  Type.Literal('fault'),
  Type.Literal('unknown'),
]);

/** Contract of its data. */
const StateChangedSchema = Type.Object(
  {
    state: StateName,
    previous: StateName,
    reason: Type.String({ description: 'Why, in words: the tag and its value, or the quality.' }),
    since: Type.Number({ description: 'When the state began: source time, ms since 1970.' }),
    durationMs: Type.Union([Type.Number({ minimum: 0 }), Type.Null()], {
      description: 'How long the previous state lasted; null when it is the first known one.',
    }),
    evidence: Type.Union([
      Type.Object({
        tag: Type.String(),
        value: Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]),
      }),
      Type.Null(),
    ]),
  },
  { additionalProperties: false },
);

/** One row of the answer to the query `states`. */
export interface StateRow {
  readonly asset: string;
  readonly state: Memory['state'];
  readonly reason: string;
  /** Source time; null before the first known state. */
  readonly since: number | null;
  readonly evidence: { readonly tag: string; readonly value: string | number | boolean | null } | null;
}

const ROLES = ['state', 'running', 'fault'] as const;
type Role = (typeof ROLES)[number];

/** As kept in the service's store. */
interface StoredAsset {
  readonly memory: Memory;
  readonly inputs: Inputs;
  /** The tags that the inputs came from. */
  readonly tags?: Readonly<Record<Role, string | null>>;
}

const TICK_MS = 250;
const NO_ROLES: readonly Role[] = [];

class WatchedAsset {
  readonly asset: string;
  readonly rule: StateRule;
  readonly #context: ServiceContext;
  #memory: Memory;
  #inputs: Inputs;
  /** Which inputs each tag of a list is, by position in the list; a status word may be state and fault. */
  readonly #roles = new Map<string, readonly (readonly Role[])[]>();

  constructor(asset: string, rule: StateRule, context: ServiceContext) {
    this.asset = asset;
    this.rule = rule;
    this.#context = context;
    const stored = context.state.get<StoredAsset>(asset);
    this.#memory = stored?.memory ?? NOTHING_KNOWN;
    const tags = this.#tags();
    // A reading of another tag, which had the role before the configuration changed, says nothing.
    const kept = (role: Role) =>
      stored === undefined || (stored.tags ?? tags)[role] !== tags[role] ? null : stored.inputs[role];
    this.#inputs = { state: kept('state'), running: kept('running'), fault: kept('fault') };
  }

  /** Samples of the same source time count together, so that a scan is judged as a whole. */
  take(event: HeadgateEvent): Promise<void> | undefined {
    if (!isTelemetry(event)) return undefined;
    const report = event.data;
    const roles = this.#rolesIn(report.list);
    if (roles.length === 0) return undefined;
    let publishing: Promise<void> | undefined;
    let time = 0;
    let fresh: Partial<Record<Role, Reading>> | null = null;
    for (let position = 0; position < report.size; position++) {
      const own = roles[report.tagIndex(position)] ?? NO_ROLES;
      if (own.length === 0) continue;
      const sampleTime = report.time(position);
      const pending = fresh;
      if (pending !== null && (sampleTime !== time || own.some((role) => pending[role] !== undefined))) {
        publishing = both(publishing, this.#apply(pending, time, event));
        fresh = null;
      }
      fresh ??= {};
      const reading = { value: report.value(position), status: report.status(position), time: sampleTime };
      for (const role of own) fresh[role] = reading;
      time = sampleTime;
    }
    return fresh === null ? publishing : both(publishing, this.#apply(fresh, time, event));
  }

  /** Time has passed. */
  tick(now: number): Promise<void> | undefined {
    const next = ripen(this.#memory, now, this.rule.minDwellMs);
    return next === this.#memory ? undefined : this.#become(next, this.#inputs);
  }

  row(): StateRow {
    const { state, reason, since, evidence } = this.#memory;
    return {
      asset: this.asset,
      state,
      reason,
      since,
      evidence: evidence && { ...evidence, value: jsonValue(evidence.value) },
    };
  }

  #apply(fresh: Partial<Inputs>, time: number, event: HeadgateEvent): Promise<void> | undefined {
    const inputs = { ...this.#inputs, ...fresh };
    const isAbove = sideOf(this.rule, inputs.running, this.#memory.isAbove);
    const verdict = judge(this.rule, inputs, isAbove);
    const next = remember(this.#memory, verdict, time, event.recordedtime, this.rule.minDwellMs);
    return this.#become(next.isAbove === isAbove ? next : { ...next, isAbove }, inputs, event);
  }

  #become(memory: Memory, inputs: Inputs, cause?: HeadgateEvent): Promise<void> | undefined {
    const before = this.#memory;
    const knownBefore = this.#inputs;
    this.#memory = memory;
    this.#inputs = inputs;
    const isChanged = memory.state !== before.state;
    const isNewInput = ROLES.some((name) => (inputs[name] === null) !== (knownBefore[name] === null));
    const isWorthKeeping =
      isChanged || isNewInput || memory.isAbove !== before.isAbove || memory.candidate !== before.candidate;
    if (!isWorthKeeping) return undefined;
    this.#context.state.set(this.asset, { memory, inputs, tags: this.#tags() } satisfies StoredAsset);
    if (!isChanged) return undefined;
    const since = memory.since ?? 0;
    return this.#context.publish({
      type: STATE_CHANGED_TYPE,
      subject: this.asset,
      time: since,
      lane: 'normal',
      data: {
        state: memory.state,
        previous: before.state,
        reason: memory.reason,
        since,
        durationMs: before.since === null ? null : Math.max(0, since - before.since),
        evidence: memory.evidence && { ...memory.evidence, value: jsonValue(memory.evidence.value) },
      },
      ...(cause === undefined ? {} : { cause }),
    });
  }

  #tags(): Readonly<Record<Role, string | null>> {
    const { stateTag, runningTag, faultTag } = this.rule;
    return { state: stateTag, running: runningTag, fault: faultTag };
  }

  #rolesIn(list: TagList): readonly (readonly Role[])[] {
    let roles = this.#roles.get(list.id);
    if (roles === undefined) {
      const tags = this.#tags();
      const all = list.names.map((name) => {
        const own = ROLES.filter((role) => tags[role] === name);
        return own.length === 0 ? NO_ROLES : own;
      });
      roles = all.some((own) => own.length > 0) ? all : [];
      if (this.#roles.size >= 100) this.#roles.clear();
      this.#roles.set(list.id, roles);
    }
    return roles;
  }
}

function both(first: Promise<void> | undefined, second: Promise<void> | undefined): Promise<void> | undefined {
  return first === undefined || second === undefined ? (first ?? second) : first.then(() => second);
}

function jsonValue(value: Reading['value']): string | number | boolean | null {
  return typeof value === 'bigint' ? value.toString() : value;
}

function topicsOf(config: EquipmentStateConfig): string[] {
  return config.assets.map(({ asset }) => telemetryTopic(asset, '+'));
}

/** Running, idle, fault or unknown for each configured asset; answers `states` with a StateRow for each. */
const equipmentState: ServiceModule<EquipmentStateConfig> = {
  manifest: {
    name: 'equipment-state',
    version: '1.0.0',
    description: 'Says for each asset whether it runs, idles, has a fault, or is unknown, and reports each change.',
    consumes: ['uns/v1/#'],
    produces: { [STATE_CHANGED_TYPE]: StateChangedSchema },
    isolation: 'shared',
  },
  configSchema: EquipmentStateSchema,
  filtersFor: topicsOf,
  start(context) {
    const assets = context.config.assets.map((entry) => new WatchedAsset(entry.asset, ruleOf(entry), context));
    const configured = new Set(assets.map(({ asset }) => asset));
    for (const key of context.state.keys()) if (!configured.has(key)) context.state.delete(key);
    for (const watched of assets) {
      context.subscribe(telemetryTopic(watched.asset, '+'), 'durable', (event) => watched.take(event));
    }
    if (assets.some(({ rule }) => rule.minDwellMs > 0)) {
      context.every(TICK_MS, async () => {
        for (const watched of assets) await watched.tick(context.clock.now());
      });
    }
    context.answer('states', () => assets.map((watched) => watched.row()));
  },
};

export default equipmentState;
