import { userInfo } from 'node:os';
import { HeadgateError } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import type { ReplayProgress } from '../ports/control.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { type EventSelectOptions, sayRange, searchOf } from './event-select.ts';
import { EXIT } from './exit-code.table.ts';
import { printFacts, printJson } from './output.ts';
import { withProgress } from './progress.ts';
import { parseMoment } from './time-option.ts';

export interface EventReplayOptions extends Omit<EventSelectOptions, 'to'> {
  /** The target's name, and perhaps a time: which is which, their form tells. */
  readonly to: readonly string[];
  /** Events a second, at most. */
  readonly rate: number;
  /** Of a service: keep what its handlers do. */
  readonly keepEffects?: boolean;
}

/**
 * `headgate event replay`: deliver stored events once more to one sink or service, marked as a replay; Ctrl+C cancels. Exit 1 when it was
 * cancelled or a service failed on events.
 */
export async function eventReplay(context: CliContext, options: EventReplayOptions): Promise<number> {
  const { to, rate: eventsPerSecond, keepEffects: isKept = false, ...selection } = options;
  const { target, until } = endsOf(to);
  if (options.from === undefined) {
    throw usageError('event replay', '--from is needed; a replay of everything is asked for by --from 1970-01-01');
  }
  const select = { ...selection, ...(until === undefined ? {} : { to: until }) };
  const search = searchOf('event replay', select);
  sayRange(context, select);
  const daemon = await needDaemon(context);
  const by = `cli:${userInfo().username}`;
  const last = await withProgress(context, `replaying to ${target}`, async (report) => {
    let latest: ReplayProgress | null = null;
    const request = { ...search, to: target, eventsPerSecond, isKept, by };
    for await (const so of daemon.replayEvents(request, context.stop)) {
      latest = so;
      report(
        `${Math.floor((so.through / Math.max(1, so.until)) * 100)} %, ${so.taken} of ${counted(so.found, 'event')} taken`,
      );
    }
    return latest;
  });
  if (last === null) throw new HeadgateError('CLI_INTERRUPTED', { what: `the replay to ${target}` });
  const isCancelled = context.stop.aborted;
  if (context.isJson) printJson(context, { ...last, isCancelled });
  else printOutcome(context, last, isKept, isCancelled);
  return isCancelled || last.failed > 0 ? EXIT.failed.code : EXIT.ok.code;
}

/** @throws CLI_USAGE no target, or two */
function endsOf(words: readonly string[]): { readonly target: string; readonly until: number | undefined } {
  const now = Date.now();
  const moments = words.map((word) => momentOf(word, now));
  const targets = words.filter((_, i) => moments[i] === null);
  const times = moments.filter((moment) => moment !== null);
  const [target] = targets;
  if (target === undefined || targets.length > 1 || times.length > 1) {
    throw usageError('event replay', '--to names one sink or service, and --to once more may give a time');
  }
  return { target, until: times[0] };
}

function momentOf(word: string, now: number): number | null {
  try {
    return parseMoment(word, now);
  } catch {
    return null;
  }
}

function printOutcome(context: CliContext, so: ReplayProgress, isKept: boolean, isCancelled: boolean): void {
  printFacts(context, [
    ['run', so.run],
    ['found', `${counted(so.found, 'event')}${isCancelled ? ', then cancelled' : ''}`],
    ['taken', String(so.taken)],
    ...(so.failed === 0 ? [] : [['failed', `${so.failed}: ${so.lastError ?? ''}`] as const]),
    ...(so.published === 0 ? [] : [['published', `${so.published}${isKept ? '' : ', discarded'}`] as const]),
  ]);
}
