import { toCloudEventJson } from '../model/cloud-event.ts';
import type { HeadgateEvent } from '../model/event.ts';
import { isTelemetry } from '../model/event.ts';
import { narrowReport } from '../model/telemetry.ts';
import type { CliContext } from './cli-context.ts';
import { type EventSelectOptions, sayRange, searchOf } from './event-select.ts';
import { describeEvent } from './event-tail.ts';
import { EXIT } from './exit-code.table.ts';
import { formatTime } from './format.ts';
import { withProgress } from './progress.ts';
import { withStoredEvents } from './stored-events.ts';

export interface EventQueryOptions extends EventSelectOptions {
  /** End after so many. */
  readonly limit?: number;
}

/** `headgate event query`: the stored events that match, oldest first; with --json one CloudEvent a line. */
export async function eventQuery(context: CliContext, options: EventQueryOptions): Promise<number> {
  const { tag, limit = Number.POSITIVE_INFINITY } = options;
  const request = searchOf('event query', options);
  sayRange(context, options);
  const shown = await withProgress(context, 'searching', (report) =>
    withStoredEvents(context, request, async ({ pages }) => {
      let count = 0;
      for await (const { events, progress } of pages) {
        let text = '';
        for (const found of events) {
          const event = tag === undefined ? found : onlyTag(found, tag);
          if (event === null || count >= limit) continue;
          count++;
          text += `${context.isJson ? toCloudEventJson(event) : describeStored(event)}\n`;
        }
        if (text !== '') {
          context.out(text);
          await context.drained();
        }
        if (count >= limit) break;
        report(`${Math.floor(progress * 100)} %, ${count} found`);
      }
      return count;
    }),
  );
  if (shown === 0 && !context.isJson) {
    context.err('no events\n');
    await sayUnknownType(context, options);
  }
  return EXIT.ok.code;
}

/** A type that is neither known nor stored is probably written wrongly. */
async function sayUnknownType(context: CliContext, options: EventSelectOptions): Promise<void> {
  const { type, asset, tag, from, to, lane } = options;
  if (type === undefined) return;
  const { knownEventTypes, meansAny, nearestType } = await import('./event-types.ts');
  const known = await knownEventTypes();
  if (meansAny(type, known)) return;
  const isNarrowed = [asset, tag, from, to, lane].some((option) => option !== undefined);
  if ((isNarrowed && (await isStored(context, type))) || context.stop.aborted) return;
  const near = nearestType(type, known);
  const hint = near === null ? '' : `; did you mean ${near}?`;
  context.err(`no event has the type ${type}, and no part of Headgate makes such${hint}\n`);
}

function isStored(context: CliContext, type: string): Promise<boolean> {
  return withStoredEvents(context, { where: { type } }, async ({ pages }) => {
    for await (const { events } of pages) if (events.length > 0) return true;
    return false;
  });
}

/** One line for people, with date and milliseconds. */
function describeStored(event: HeadgateEvent): string {
  const json = JSON.parse(toCloudEventJson(event)) as Parameters<typeof describeEvent>[0];
  const line = describeEvent(json);
  const ms = String(Math.floor(event.time) % 1000).padStart(3, '0');
  return `${formatTime(event.time)}.${ms}${line.slice(line.indexOf(' '))}`;
}

/** A report cut down to the samples of one tag; null when it has none, or is no report. */
export function onlyTag(event: HeadgateEvent, tag: string): HeadgateEvent | null {
  if (!isTelemetry(event)) return null;
  const data = narrowReport(event.data, tag);
  return data === null ? null : { ...event, data };
}
