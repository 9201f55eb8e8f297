import { HeadgateError } from '../errors/headgate-error.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatTime, formatValue } from './format.ts';
import { printFacts, printJson, printTable, tinted } from './output.ts';

/** What the health service answers for an asset. */
export interface HealthView {
  readonly asset: string;
  readonly state: string;
  /** How much of the baseline is learnt, 0 to 1. */
  readonly learned: number;
  readonly score: number | null;
  readonly confidence: number;
  readonly zone: string | null;
  readonly regime: string | null;
  readonly contributors: readonly {
    readonly tag: string;
    readonly expected: number;
    readonly actual: number;
    readonly unit: string;
    readonly share: number;
  }[];
  readonly sensorFaults: readonly { readonly tag: string; readonly kind: string }[];
  readonly prediction: {
    readonly failure: { readonly p10: number; readonly p50: number; readonly p90: number } | null;
    readonly reason?: string | null;
  };
  readonly evidence: string | null;
  readonly case: { readonly id: string; readonly urgency?: string; readonly firstSeen: number } | null;
}

const BAR = 20;

/** `headgate health show [asset]`: score, why, and what is expected; without an asset, one line for each. */
export async function healthShow(context: CliContext, asset: string | undefined): Promise<number> {
  const daemon = await needDaemon(context);
  if (asset === undefined) {
    const views = (await daemon.serviceQuery('health', 'assets', null)) as readonly HealthView[];
    if (context.isJson) printJson(context, views);
    else if (views.length === 0) context.out('the health service watches no assets yet\n');
    else
      printTable(
        context,
        ['asset', 'score', '', 'state', 'zone', 'case'],
        views.map((view) => rowOf(context, view)),
      );
    return EXIT.ok.code;
  }
  const view = (await daemon.serviceQuery('health', 'asset', asset)) as HealthView | null;
  if (view === null) {
    throw new HeadgateError('CLI_NOT_FOUND', { what: 'watched asset', name: asset, hint: '', list: 'health show' });
  }
  if (context.isJson) printJson(context, view);
  else printView(context, view);
  return EXIT.ok.code;
}

function rowOf(context: CliContext, view: HealthView): string[] {
  return [
    view.asset,
    view.score === null ? '–' : view.score.toFixed(0),
    bar(context, view.score),
    stateOf(view),
    view.zone ?? '',
    caseOf(view),
  ];
}

function printView(context: CliContext, view: HealthView): void {
  const { failure } = view.prediction;
  printFacts(context, [
    ['asset', view.asset],
    ['score', view.score === null ? '–' : `${view.score.toFixed(1)} of 100 ${bar(context, view.score)}`],
    ['state', stateOf(view)],
    ['confidence', `${Math.round(view.confidence * 100)} %`],
    ['zone', view.zone ?? '–'],
    ['regime', view.regime ?? '–'],
    ['case', caseOf(view) || 'none'],
    [
      'failure',
      failure === null
        ? `no date: ${view.prediction.reason ?? 'not known'}`
        : `most likely ${formatTime(failure.p50)} (10 %: ${formatTime(failure.p10)}, 90 %: ${formatTime(failure.p90)})`,
    ],
    ...(view.evidence === null ? [] : [['evidence', view.evidence] as const]),
    ...view.sensorFaults.map(({ tag, kind }) => ['sensor', `${tag}: ${kind}`] as const),
  ]);
  if (view.contributors.length === 0) return;
  context.out('\n');
  const rows = view.contributors
    .slice(0, 5)
    .map(({ tag, expected, actual, unit, share }) => [
      tag,
      `${formatValue(expected)} ${unit}`.trim(),
      `${formatValue(actual)} ${unit}`.trim(),
      `${Math.round(share * 100)} %`,
    ]);
  printTable(context, ['contributor', 'expected', 'actual', 'share'], rows);
}

/** `learning, 43 %`, `scoring`, `idle`. */
export function stateOf(view: Pick<HealthView, 'state' | 'learned'>): string {
  return view.state === 'learning' ? `learning, ${Math.round(view.learned * 100)} %` : view.state;
}

function caseOf(view: HealthView): string {
  if (view.case === null) return '';
  const urgency = view.case.urgency === undefined ? 'open' : view.case.urgency;
  return `${urgency}, since ${formatTime(view.case.firstSeen)}`;
}

function bar(context: CliContext, score: number | null): string {
  if (score === null) return '';
  const filled = Math.max(0, Math.min(BAR, Math.round((score / 100) * BAR)));
  return tinted(
    context,
    score >= 80 ? 'good' : score >= 60 ? 'warn' : 'bad',
    '█'.repeat(filled) + '░'.repeat(BAR - filled),
  );
}
