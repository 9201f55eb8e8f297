import { type Baseline, BaselineLearner, type BaselineSnapshot } from './baseline.ts';
import type { HealthAssetConfig, HealthSettings } from './config.ts';
import { limitOf, Mewma, type Statistic } from './mewma.ts';
import { type Regime, RegimeTracker, SETTLING, STANDSTILL } from './regime.ts';
import { ScoreFilter, scoreOf, WORST_SEVERITY } from './score.ts';
import { type SensorFault, SignalGate } from './signal-gate.ts';
import { type Prediction, Trend, type TrendSnapshot } from './trend.ts';
import { failureLimitOf, isoLimitsOf, worstZone, type Zone, zoneOf } from './zones.ts';

/** Below this score an asset is degraded, and a prediction is worth its while. */
export const DEGRADED_SCORE = 70;
/** The share of signals that must be trusted for a tick to be learnt from. */
const LEAST_TRUSTED = 0.5;

/** A signal's part in what is seen: expected and actual in its unit; the shares of all sum to at most 1. */
export interface Contributor {
  readonly tag: string;
  readonly expected: number;
  readonly actual: number;
  readonly share: number;
}

/** How an asset is after a tick. */
export interface Assessment {
  readonly time: number;
  readonly regime: Regime;
  /** `learning` until the regime's baseline is there; absolute limits work from the start. */
  readonly state: 'idle' | 'learning' | 'scoring';
  /** Share of the baseline learnt, 0 to 1. */
  readonly learned: number;
  /** 0 to 100; null before the first scored tick. */
  readonly score: number | null;
  /** 0 to 1: how much of what is needed to judge could be trusted. */
  readonly confidence: number;
  readonly zone: Zone;
  readonly contributors: readonly Contributor[];
  readonly sensorFaults: readonly SensorFault[];
  readonly prediction: Prediction;
}

/** Plain JSON: everything that must survive a restart. */
export interface AssetSnapshot {
  /** The tags that the baselines are of, in order; without it, whatever the configuration says. */
  readonly tags?: readonly string[];
  readonly regimes: Readonly<Record<string, BaselineSnapshot>>;
  readonly trend: TrendSnapshot;
  readonly score: number | null;
}

interface RegimeModel {
  readonly learner: BaselineLearner;
  readonly mewma: Mewma;
  limit: number;
}

/** The scoring of one asset. Pure but for its state: samples and times in, assessments out. */
export class AssetModel {
  readonly #config: HealthAssetConfig;
  readonly #settings: HealthSettings;
  readonly #gates: readonly SignalGate[];
  readonly #positions: ReadonlyMap<string, number>;
  readonly #isoLimits: readonly [number, number, number] | null;
  readonly #tracker: RegimeTracker;
  readonly #regimes = new Map<Regime, RegimeModel>();
  readonly #trend: Trend;
  readonly #filter: ScoreFilter;
  /** The signal that the prediction extrapolates, with its limit; null: the learnt statistic. */
  readonly #trendSignal: { readonly position: number; readonly limit: number } | null;
  #load: number | null = null;

  constructor(config: HealthAssetConfig, settings: HealthSettings, snapshot?: AssetSnapshot) {
    this.#config = config;
    this.#settings = settings;
    this.#gates = config.signals.map((signal) => new SignalGate(signal, settings.staleMs));
    this.#positions = new Map(config.signals.map(({ tag }, position) => [tag, position]));
    this.#isoLimits = isoLimitsOf(config);
    this.#tracker = new RegimeTracker(config.running, settings.settleTicks);
    this.#trend = new Trend(snapshot?.trend);
    this.#filter = new ScoreFilter(snapshot?.score ?? null);
    this.#trendSignal = trendSignalOf(config, this.#isoLimits);
    const tags = config.signals.map(({ tag }) => tag);
    const isOfThese = String(snapshot?.tags ?? tags) === String(tags);
    for (const [regime, baseline] of Object.entries(snapshot?.regimes ?? {})) {
      if (isOfThese && baseline.mean.length === tags.length) this.#regimes.set(regime, this.#regimeModel(baseline));
    }
  }

  /** Take a sample of the asset; tags that are no signal are passed over. @returns whether it is one */
  take(tag: string, time: number, value: number | null, status: number): boolean {
    if (tag === this.#config.running?.tag) this.#load = status >>> 31 === 1 ? null : value;
    const position = this.#positions.get(tag);
    if (position === undefined) return false;
    this.#gates[position]?.take(time, value, status);
    return true;
  }

  /** Close a tick. */
  tick(time: number): Assessment {
    const closed = this.#gates.map((gate) => gate.close(time));
    const regime = this.#tracker.step(this.#load);
    const sensorFaults = this.#config.signals.flatMap(({ tag }, i): SensorFault[] => {
      const value = closed[i];
      return typeof value === 'string' ? [{ tag, kind: value }] : [];
    });
    const values = Float64Array.from(closed, (value) => (typeof value === 'number' ? value : Number.NaN));
    const trusted = 1 - sensorFaults.length / closed.length;
    const idle = { time, regime, sensorFaults, contributors: [], zone: 'A' as const, score: this.#filter.value };
    if (regime === STANDSTILL || regime === SETTLING) {
      for (const model of this.#regimes.values()) model.mewma.reset();
      const prediction = { failure: null, reason: 'the asset is not running steadily' };
      return { ...idle, state: 'idle', learned: this.#learned(regime), confidence: 0, prediction };
    }
    return this.#assess({ time, regime, values, sensorFaults, trusted });
  }

  /** Everything worth keeping over a restart. */
  snapshot(): AssetSnapshot {
    return {
      tags: this.#config.signals.map(({ tag }) => tag),
      regimes: Object.fromEntries([...this.#regimes].map(([regime, { learner }]) => [regime, learner.snapshot()])),
      trend: this.#trend.snapshot(),
      score: this.#filter.value,
    };
  }

  #assess(tick: {
    time: number;
    regime: Regime;
    values: Float64Array;
    sensorFaults: readonly SensorFault[];
    trusted: number;
  }): Assessment {
    const { time, regime, values, sensorFaults, trusted } = tick;
    const model = this.#modelOf(regime);
    const { baseline } = model.learner;
    const zones = this.#config.signals.map((signal, i) => zoneOf(signal, this.#isoLimits, values[i] as number));
    const zone = worstZone(zones);
    // A signal that cannot be trusted is left out; with most of them gone there is nothing to learn.
    const isClean = trusted >= LEAST_TRUSTED && zone <= 'B';
    const statistic = baseline === null ? null : model.mewma.step(baseline, filledIn(values, baseline));
    const isLearning = model.learner.progress < 1;
    if (isLearning && isClean) {
      if (statistic === null) model.learner.learn(values);
      else model.learner.calibrate(statistic.value);
      if (model.learner.progress >= 1) model.limit = limitOf(values.length, model.learner.calibration);
    }
    if (baseline !== null && isClean) model.learner.catchUp(values);
    const severity = statistic === null || isLearning ? 0 : statistic.value / model.limit;
    const score = this.#filter.step(scoreOf(severity, 1, zone));
    this.#addToTrend(time, values, severity);
    return {
      time,
      regime,
      state: isLearning ? 'learning' : 'scoring',
      learned: model.learner.progress,
      score,
      confidence: judgedShare(values, baseline) * (isLearning ? 0.5 * model.learner.progress : 1),
      zone,
      contributors: this.#contributors(values, baseline, isLearning ? null : statistic),
      sensorFaults,
      prediction: this.#predict(time, score),
    };
  }

  #addToTrend(time: number, values: Float64Array, severity: number): void {
    const signal = this.#trendSignal;
    if (signal === null) {
      this.#trend.add(time, Math.log(Math.max(1, severity)));
      return;
    }
    const value = values[signal.position] as number;
    if (value > 0) this.#trend.add(time, Math.log(value));
  }

  #predict(time: number, score: number): Prediction {
    if (score > DEGRADED_SCORE) return { failure: null, reason: 'not degraded' };
    const limit = this.#trendSignal === null ? Math.log(WORST_SEVERITY) : Math.log(this.#trendSignal.limit);
    return this.#trend.predict(time, { limit, horizonMs: this.#settings.horizonMs });
  }

  #contributors(values: Float64Array, baseline: Baseline | null, statistic: Statistic | null): Contributor[] {
    if (baseline === null || statistic === null) return [];
    const positive = statistic.contributions.map((part) => Math.max(0, part));
    const total = positive.reduce((sum, part) => sum + part, 0);
    return this.#config.signals
      .map(({ tag }, i) => ({
        tag,
        expected: baseline.mean[i] as number,
        actual: values[i] as number,
        share: total > 0 ? (positive[i] as number) / total : 0,
      }))
      .filter(({ actual, share }) => share > 0 && !Number.isNaN(actual))
      .sort((a, b) => b.share - a.share);
  }

  #learned(regime: Regime): number {
    const known = this.#regimes.get(regime) ?? [...this.#regimes.values()][0];
    return known?.learner.progress ?? 0;
  }

  #modelOf(regime: Regime): RegimeModel {
    const known = this.#regimes.get(regime);
    if (known !== undefined) return known;
    const made = this.#regimeModel();
    this.#regimes.set(regime, made);
    return made;
  }

  #regimeModel(snapshot?: BaselineSnapshot): RegimeModel {
    const size = this.#config.signals.length;
    const learner = new BaselineLearner(size, this.#settings.learnTicks, snapshot);
    return { learner, mewma: new Mewma(size), limit: limitOf(size, learner.calibration) };
  }
}

/** A signal that cannot be trusted, or is not known yet, is taken to be as expected: it says nothing either way. */
function filledIn(values: Float64Array, baseline: Baseline): Float64Array {
  return values.map((value, i) => (isJudged(value, i, baseline) ? value : (baseline.mean[i] as number)));
}

function isJudged(value: number, signal: number, baseline: Baseline | null): boolean {
  return !Number.isNaN(value) && baseline?.isKnown[signal] !== false;
}

function judgedShare(values: Float64Array, baseline: Baseline | null): number {
  return values.filter((value, i) => isJudged(value, i, baseline)).length / values.length;
}

function trendSignalOf(config: HealthAssetConfig, isoLimits: readonly [number, number, number] | null) {
  const candidates = config.signals.flatMap((signal, position) => {
    const limit = failureLimitOf(signal, isoLimits);
    return limit === null || limit <= 0 ? [] : [{ position, limit, isVibration: signal.role === 'vibration_velocity' }];
  });
  return candidates.find(({ isVibration }) => isVibration) ?? candidates[0] ?? null;
}
