import type { MaintenanceRequired } from '../../services/health/contracts.ts';
import { type HealthView, stateOf } from '../health-show.ts';

/** A maintenance case as the far end last heard of it. */
export interface DemoCase extends MaintenanceRequired {
  readonly asset: string;
}

/** What the demo ends with; all counts in events but samplesRead. */
export interface DemoResult {
  readonly fixture: string;
  readonly speed: number;
  readonly durationSeconds: number;
  readonly samplesRead: number;
  readonly eventsAccepted: number;
  readonly eventsForwarded: number;
  readonly eventsWaiting: number;
  readonly gaps: number;
  /** Events at the receiver after dropping repeats. */
  readonly received: number;
  readonly repeatsDropped: number;
  readonly lost: number;
  readonly duplicatesAfterDedupe: number;
  readonly orderViolations: number;
  readonly wanCutSeconds: number;
  /** From the moment the WAN was back until nothing of the backlog waited. */
  readonly drainSeconds: number;
  readonly cases: readonly DemoCase[];
  /** How the watched assets were in the end. */
  readonly assets: readonly DemoAsset[];
}

/** An asset as the health service saw it last. */
type DemoAsset = Pick<HealthView, 'asset' | 'state' | 'learned' | 'score' | 'confidence' | 'sensorFaults'>;

/** The result for people. */
export function demoSummary(result: DemoResult): string {
  const rows: readonly (readonly [string, string | number, string])[] = [
    ['samples read', result.samplesRead, 'from the equipment, over OPC UA and Modbus TCP'],
    ['events accepted', result.eventsAccepted, 'committed to the journal'],
    ['events forwarded', result.eventsForwarded, 'acknowledged by the upstream broker'],
    ['events waiting', result.eventsWaiting, ''],
    ['gaps', result.gaps, 'events dropped by policy'],
    ['received', result.received, `at the far end, after dropping ${result.repeatsDropped} repeats by id`],
    ['duplicates', result.duplicatesAfterDedupe, 'after dropping repeats'],
    ['lost', result.lost, ''],
  ];
  const ledger = rows.map(([name, count, note]) =>
    `  ${name.padEnd(17)}${String(count).padStart(9)}  ${note}`.trimEnd(),
  );
  const wan = `  The WAN was cut for ${result.wanCutSeconds} s; the backlog was through ${result.drainSeconds} s after it was back.`;
  const cases = result.cases.length === 0 ? ['  No maintenance case.'] : result.cases.flatMap(caseLines);
  const health = result.assets.map(assetLine);
  return ['', 'Ledger', ...ledger, wan, '', 'Maintenance', ...health, ...cases, ''].join('\n');
}

const DOING: Readonly<Record<string, (asset: DemoAsset) => string>> = {
  learning: (asset) => `, still ${stateOf(asset)} of what is usual`,
  scoring: () => ', against what it learnt as usual',
  idle: () => ', at rest',
};

function assetLine(asset: DemoAsset): string {
  const score = asset.score === null ? 'no score yet' : `health ${Math.round(asset.score)} of 100`;
  const faults = asset.sensorFaults.map(({ tag, kind }) => `${tag} ${kind.replaceAll('_', ' ')}`).join(', ');
  const distrust = faults === '' ? '' : `; not to be trusted: ${faults}`;
  return `  ${asset.asset}: ${score}${DOING[asset.state]?.(asset) ?? ''}${distrust}`;
}

function caseLines(found: DemoCase): string[] {
  const { predictedFailure: failure, noDateReason } = found;
  const when =
    failure === null
      ? `no date, because: ${noDateReason}`
      : `between ${clockTime(failure.p10)} and ${clockTime(failure.p90)}, most likely about ${clockTime(failure.p50)}`;
  return [
    `  ${found.asset}: ${found.urgency}, score ${found.score} (confidence ${found.confidence})`,
    `    ${found.evidence}`,
    ...found.topContributors.map(
      ({ tag, expected, actual, unit, share }) =>
        `    ${Math.round(share * 100)} % ${tag}: ${withUnit(actual, unit)}, expected ${withUnit(expected, unit)}`,
    ),
    `    expected to reach its limit: ${when}`,
  ];
}

function withUnit(value: number, unit: string): string {
  return `${value} ${unit}`.trim();
}

function clockTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(11, 19)} UTC`;
}
