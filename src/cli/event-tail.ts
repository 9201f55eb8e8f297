import { counted } from '../model/counted.ts';
import { statusName } from '../model/quality.ts';
import type { CloudEventJson } from '../system/control-client.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { checkAsset, checkEventType } from './event-select.ts';
import { EXIT } from './exit-code.table.ts';
import { formatTime, formatValue } from './format.ts';
import { oneLine, printJson } from './output.ts';

export interface EventTailOptions {
  readonly type?: string;
  readonly asset?: string;
  /** End after so many. */
  readonly count?: number;
}

const MAX_LINE = 400;
const MAX_SAMPLES = 8;

/** `headgate event tail`: committed events as they come; with --json one CloudEvent a line. Ends with the daemon or on SIGINT. */
export async function eventTail(context: CliContext, options: EventTailOptions): Promise<number> {
  checkAsset('event tail', options.asset);
  checkEventType('event tail', options.type);
  const daemon = await needDaemon(context);
  const filter = {
    ...(options.type === undefined ? {} : { type: options.type }),
    ...(options.asset === undefined ? {} : { asset: options.asset }),
  };
  const end = new AbortController();
  const signal = AbortSignal.any([context.stop, end.signal]);
  let left = options.count ?? Number.POSITIVE_INFINITY;
  for await (const line of daemon.tailEvents(filter, signal)) {
    if ('dropped' in line) {
      context.err(`… ${counted(line.dropped, 'event')} not shown: this reader is too slow\n`);
      continue;
    }
    if (context.isJson) printJson(context, line);
    else context.out(`${describeEvent(line)}\n`);
    if (--left <= 0) {
      end.abort();
      break;
    }
  }
  return EXIT.ok.code;
}

/** One line for people: time, asset, type, and what is in it. */
export function describeEvent(event: CloudEventJson): string {
  const time = formatTime(Date.parse(event.time)).slice(11);
  const type = event.type.replace(/^headgate\./, '').replace(/\.v1$/, '');
  const line = `${time} ${event.subject} ${type} ${describeData(event.data)}`;
  return oneLine(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line);
}

/** What is in an event, in one line. */
export function describeData(data: unknown): string {
  if (typeof data !== 'object' || data === null) return formatValue(data);
  if ('samples' in data && Array.isArray(data.samples)) {
    const samples: readonly { n: string; v: unknown; q: number }[] = data.samples;
    const shown = samples
      .slice(0, MAX_SAMPLES)
      .map(({ n, v, q }) => `${n}=${formatValue(v)}${q === 0 ? '' : ` (${statusName(q)})`}`);
    return samples.length > MAX_SAMPLES ? `${shown.join(' ')} … ${samples.length} in all` : shown.join(' ');
  }
  return Object.entries(data)
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'object' && value !== null ? JSON.stringify(value) : formatValue(value)}`,
    )
    .join(' ');
}
