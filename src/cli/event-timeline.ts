import { counted } from '../model/counted.ts';
import type { HeadgateEvent } from '../model/event.ts';
import { DEVICE_STATE_TYPE, GAP_TYPE } from '../model/event.ts';
import type { EventSelection } from '../ports/journal.ts';
import { AssetTimeline, type Happening, type TimelineReport } from './asset-timeline.ts';
import type { CliContext } from './cli-context.ts';
import { type EventSelectOptions, sayRange, searchOf } from './event-select.ts';
import { describeData } from './event-tail.ts';
import { EXIT } from './exit-code.table.ts';
import { formatDuration, formatTime, formatValue } from './format.ts';
import { printFacts, printHeading, printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';
import { withStoredEvents } from './stored-events.ts';

export type EventTimelineOptions = Pick<EventSelectOptions, 'from' | 'to'> & {
  /** Most happenings to list. */
  readonly limit: number;
};

const MAX_DETAIL = 120;

/** `headgate event timeline`: what happened on one asset and below it between two times, in one table, and what its tags did. */
export async function eventTimeline(
  context: CliContext,
  asset: string,
  options: EventTimelineOptions,
): Promise<number> {
  const { where = {} } = searchOf('event timeline', { ...options, asset });
  sayRange(context, options);
  const timeline = new AssetTimeline(options.limit);
  await withProgress(context, `reading the history of ${asset}`, async (report) => {
    await read(context, { ...where }, (event) => timeline.add(event), report);
    // What concerns it without being of it: these have the gateway's own asset.
    const { asset: _asset, ...times } = where;
    for (const type of [GAP_TYPE, DEVICE_STATE_TYPE]) {
      await read(context, { ...times, type }, (event) => timeline.addGeneral(event), report);
    }
  });
  const result = timeline.report();
  if (context.isJson) printJson(context, { asset: where.asset, from: where.from, to: where.to, ...result });
  else printTimeline(context, result);
  return EXIT.ok.code;
}

function read(
  context: CliContext,
  where: EventSelection,
  use: (event: HeadgateEvent) => void,
  report: (detail: string) => void,
): Promise<void> {
  return withStoredEvents(context, { where }, async ({ pages }) => {
    for await (const { events, progress } of pages) {
      for (const event of events) use(event);
      report(`${Math.floor(progress * 100)} %`);
    }
  });
}

function printTimeline(context: CliContext, { happenings, more, tags, reports, samples }: TimelineReport): void {
  printFacts(context, [
    ['telemetry', `${counted(samples, 'sample')} of ${counted(tags.length, 'tag')} in ${counted(reports, 'report')}`],
  ]);
  printHeading(context, `What happened: ${happenings.length + more}`);
  if (happenings.length === 0) context.out('nothing but telemetry\n');
  else {
    const rows = happenings.map((one) => [timeOf(one.time), one.asset, shortType(one.type), detailOf(one)]);
    printTable(context, ['time', 'asset', 'what', 'detail'], rows);
  }
  if (more > 0) context.out(`… ${more} more: narrow the time, or raise --limit\n`);
  if (tags.length === 0) return;
  printHeading(context, 'Tags');
  const rows = tags.map((tag) => [
    tag.asset,
    tag.tag,
    tag.unit,
    String(tag.samples),
    tag.bad === 0 ? '' : String(tag.bad),
    formatValue(tag.min),
    formatValue(tag.mean),
    formatValue(tag.max),
    tag.maxAt === null ? '' : timeOf(tag.maxAt),
    formatValue(tag.last),
    String(tag.changes),
    formatDuration(tag.longestSilenceMs),
  ]);
  const head = ['asset', 'tag', 'unit', 'samples', 'bad', 'min', 'mean', 'max', 'max at', 'last', 'changes', 'silent'];
  printTable(context, head, rows);
}

function detailOf({ kind, data }: Happening): string {
  if (kind === 'quality') {
    const { tag, from, to } = data as { tag: string; from: string; to: string };
    return `${tag} ${from} → ${to}`;
  }
  const text = describeData(data);
  return text.length > MAX_DETAIL ? `${text.slice(0, MAX_DETAIL - 1)}…` : text;
}

function shortType(type: string): string {
  return type.replace(/^headgate\./, '').replace(/\.v1$/, '');
}

function timeOf(time: number): string {
  return `${formatTime(time)}.${String(Math.floor(time) % 1000).padStart(3, '0')}`;
}
