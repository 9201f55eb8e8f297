import { type HeadgateEvent, isTelemetry } from '../../model/event.ts';
import type { ServiceContext, ServiceModule } from '../../ports/service.ts';
import { type Assessment, AssetModel, type AssetSnapshot } from './asset-model.ts';
import { type HealthAssetConfig, type HealthConfig, healthConfigSchema, settingsOf } from './config.ts';
import {
  type HealthScoreChanged,
  healthScoreSchema,
  maintenanceClearedSchema,
  maintenanceRequiredSchema,
} from './contracts.ts';
import { evidenceOf, maintenanceRequiredOf, rounded } from './evidence.ts';
import { CaseKeeper, type CaseState } from './maintenance-case.ts';

const SCORE_CHANGED = 'headgate.health-score-changed.v1';
const MAINTENANCE_REQUIRED = 'headgate.maintenance-required.v1';
const MAINTENANCE_CLEARED = 'headgate.maintenance-cleared.v1';
/** A score is news when it moved so far. */
const SCORE_STEP = 5;
/** What a restart may forget at most; cases are saved at once. */
const SAVE_EVERY_MS = 30_000;

/** One scored asset: its model, its case, and what was last told of it. */
interface WatchedAsset {
  readonly config: HealthAssetConfig;
  readonly model: AssetModel;
  readonly keeper: CaseKeeper;
  readonly units: Map<string, string>;
  assessment: Assessment | null;
  toldScore: HealthScoreChanged | null;
  /** The event that last brought samples: what a case follows from. */
  lastEvent: HeadgateEvent | null;
}

interface SavedAsset {
  readonly model: AssetSnapshot;
  readonly openCase: CaseState | null;
}

/** Scores assets from their telemetry and raises maintenance cases. */
const service: ServiceModule<HealthConfig> = {
  manifest: {
    name: 'health',
    version: '0.1.0',
    description: 'Health scores and maintenance cases from telemetry: learnt baselines and absolute limits.',
    consumes: ['uns/v1/#'],
    produces: {
      [SCORE_CHANGED]: healthScoreSchema,
      [MAINTENANCE_REQUIRED]: maintenanceRequiredSchema,
      [MAINTENANCE_CLEARED]: maintenanceClearedSchema,
    },
    isolation: 'shared',
  },
  configSchema: healthConfigSchema,
  filtersFor: (config) => config.assets.map(({ asset }) => `uns/v1/${asset}/_telemetry_v1/+`),
  start: startHealth,
};

function startHealth(context: ServiceContext<HealthConfig>): void {
  const settings = settingsOf(context.config);
  const assets = new Map<string, WatchedAsset>();
  for (const config of context.config.assets) {
    const saved = context.state.get<SavedAsset>(config.asset);
    assets.set(config.asset, {
      config,
      model: new AssetModel(config, settings, saved?.model),
      keeper: new CaseKeeper(config.asset, saved?.openCase ?? null),
      units: new Map(),
      assessment: null,
      toldScore: null,
      lastEvent: null,
    });
    context.subscribe(`uns/v1/${config.asset}/_telemetry_v1/+`, 'live', (event) => takeSamples(assets, event));
  }
  context.every(settings.tickMs, async () => {
    const now = context.clock.now();
    for (const asset of assets.values()) await tick(context, asset, now);
  });
  context.every(SAVE_EVERY_MS, () => {
    for (const asset of assets.values()) save(context, asset);
  });
  context.answer('assets', () => [...assets.values()].map(viewOf));
  context.answer('asset', (path) => {
    const asset = assets.get(String(path));
    return asset === undefined ? null : viewOf(asset);
  });
}

function save(context: ServiceContext<HealthConfig>, { config, model, keeper }: WatchedAsset): void {
  context.state.set(config.asset, { model: model.snapshot(), openCase: keeper.open } satisfies SavedAsset);
}

function takeSamples(assets: ReadonlyMap<string, WatchedAsset>, event: HeadgateEvent): void {
  const asset = assets.get(event.subject);
  if (asset === undefined || !isTelemetry(event)) return;
  asset.lastEvent = event;
  const report = event.data;
  for (let position = 0; position < report.size; position++) {
    const value = report.value(position);
    const name = report.name(position);
    const isSignal = asset.model.take(name, report.time(position), numberOf(value), report.status(position));
    if (isSignal && !asset.units.has(name)) {
      asset.units.set(name, report.list.units[report.tagIndex(position)] ?? '');
    }
  }
}

async function tick(context: ServiceContext<HealthConfig>, asset: WatchedAsset, now: number): Promise<void> {
  const assessment = asset.model.tick(now);
  asset.assessment = assessment;
  const news = asset.keeper.step(assessment);
  const subject = asset.config.asset;
  const cause = asset.lastEvent === null ? {} : { cause: asset.lastEvent };
  if (news !== null) save(context, asset);
  if (news?.kind === 'closed') {
    const data = { caseId: news.state.id, firstSeen: news.state.firstSeen, score: rounded(assessment.score ?? 0, 1) };
    await context.publish({ type: MAINTENANCE_CLEARED, subject, data, time: now, lane: 'normal', ...cause });
  } else if (news !== null) {
    const data = maintenanceRequiredOf(news, assessment, (tag) => asset.units.get(tag) ?? '');
    await context.publish({ type: MAINTENANCE_REQUIRED, subject, data, time: now, lane: 'critical', ...cause });
  }
  const score = scoreDataOf(assessment);
  if (score === null || !isScoreNews(asset.toldScore, score)) return;
  asset.toldScore = score;
  await context.publish({ type: SCORE_CHANGED, subject, data: score, time: now, lane: 'normal', ...cause });
}

function scoreDataOf(assessment: Assessment): HealthScoreChanged | null {
  const { score, confidence, state, zone, regime, sensorFaults } = assessment;
  if (score === null) return null;
  return {
    score: rounded(score, 1),
    confidence: rounded(confidence, 2),
    state,
    zone,
    regime,
    sensorFaults: [...sensorFaults],
  };
}

function isScoreNews(told: HealthScoreChanged | null, score: HealthScoreChanged): boolean {
  if (told === null) return true;
  const faultsOf = ({ sensorFaults }: HealthScoreChanged) =>
    sensorFaults.map(({ tag, kind }) => `${tag} ${kind}`).join();
  return (
    Math.abs(told.score - score.score) >= SCORE_STEP || told.zone !== score.zone || faultsOf(told) !== faultsOf(score)
  );
}

/** What `health show` prints; plain JSON. */
function viewOf({ config, assessment, keeper, units }: WatchedAsset) {
  const unitOf = (tag: string) => units.get(tag) ?? '';
  return {
    asset: config.asset,
    state: assessment?.state ?? 'waiting',
    learned: rounded(assessment?.learned ?? 0, 3),
    score: assessment?.score == null ? null : rounded(assessment.score, 1),
    confidence: rounded(assessment?.confidence ?? 0, 2),
    zone: assessment?.zone ?? null,
    regime: assessment?.regime ?? null,
    contributors: (assessment?.contributors ?? []).map((contributor) => ({
      ...contributor,
      unit: unitOf(contributor.tag),
    })),
    sensorFaults: assessment?.sensorFaults ?? [],
    prediction: assessment?.prediction ?? { failure: null, reason: 'nothing scored yet' },
    evidence: assessment === null ? null : evidenceOf(assessment, unitOf),
    case: keeper.open,
  };
}

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'boolean' ? Number(value) : null;
}

export default service;
