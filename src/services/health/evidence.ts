import type { Assessment, Contributor } from './asset-model.ts';
import type { MaintenanceRequired } from './contracts.ts';
import type { CaseNews } from './maintenance-case.ts';

const MOST_CONTRIBUTORS = 3;
/** Version of the scoring: a change of method that changes scores raises it. */
const MODEL_VERSION = 'mewma-t2/1';

/** What is seen, in words: evidence, never a verdict. */
export function evidenceOf(assessment: Assessment, unitOf: (tag: string) => string): string {
  const [first] = assessment.contributors;
  const deviation =
    first === undefined
      ? ''
      : `there is evidence of ${directionOf(first)} ${first.tag}: ${shown(first, unitOf(first.tag))}`;
  const zone = assessment.zone === 'A' ? '' : `absolute limits put it in zone ${assessment.zone}`;
  return [deviation, zone].filter((part) => part !== '').join('; ') || 'the score has fallen';
}

/** The event's data for news of an open case. */
export function maintenanceRequiredOf(
  { kind, state }: CaseNews,
  assessment: Assessment,
  unitOf: (tag: string) => string,
): MaintenanceRequired {
  const { failure, reason } = assessment.prediction;
  return {
    caseId: state.id,
    status: kind === 'opened' ? 'opened' : 'updated',
    urgency: state.urgency,
    score: rounded(assessment.score ?? 0, 1),
    confidence: rounded(assessment.confidence, 2),
    predictedFailure:
      failure === null
        ? null
        : { p10: Math.round(failure.p10), p50: Math.round(failure.p50), p90: Math.round(failure.p90) },
    noDateReason: reason,
    topContributors: assessment.contributors.slice(0, MOST_CONTRIBUTORS).map((contributor) => ({
      tag: contributor.tag,
      expected: rounded(contributor.expected, 4),
      actual: rounded(contributor.actual, 4),
      unit: unitOf(contributor.tag),
      share: rounded(contributor.share, 3),
    })),
    regime: assessment.regime,
    firstSeen: state.firstSeen,
    evidence: evidenceOf(assessment, unitOf),
    modelVersion: MODEL_VERSION,
  };
}

/** `value` with at most so many decimals. */
export function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

function directionOf({ expected, actual }: Contributor): string {
  return actual > expected ? 'raised' : 'lowered';
}

function shown({ expected, actual }: Contributor, unit: string): string {
  const withUnit = (value: number) => `${rounded(value, 2)}${unit === '' ? '' : ` ${unit}`}`;
  return `${withUnit(actual)} where ${withUnit(expected)} is expected`;
}
