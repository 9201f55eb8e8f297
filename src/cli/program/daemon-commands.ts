import { type Command, Option } from 'commander';
import { EXPORT_FORMATS } from '../export-formats.table.ts';
import { collect, durationOption, numberOption, wholeOption } from '../option-parsers.ts';
import { parseMoment } from '../time-option.ts';
import type { Does } from './does.ts';

/** Moments of one command line, all by the same clock. */
function momentOption(): (text: string) => number {
  const now = Date.now();
  return (text) => parseMoment(text, now);
}

/** Options that choose stored events. */
function selecting(command: Command): Command {
  return selectingFrom(command).option('--to <time>', 'source time until, exclusive', momentOption());
}

function selectingFrom(command: Command): Command {
  return command
    .option('--asset <path>', 'only events of this asset and below')
    .option('--type <type>', 'event type, or a prefix ending in *, such as headgate.maintenance*')
    .option(
      '--from <time>',
      'source time from: 2026-11-25T10:30, 10:30, -2h, today, yesterday; local unless Z or +01:00',
      momentOption(),
    )
    .option('--tag <name>', 'only samples of this tag')
    .option('--lane <lane>', 'critical, normal or bulk; may be repeated', collect);
}

/** The commands about what the daemon keeps and runs. */
export function addDaemonCommands(program: Command, does: Does): void {
  program
    .command('explain')
    .argument('<tag>', 'asset/name, or the name alone where it is unique')
    .description('a live tag step by step: bytes, registers, order, raw, scaled, quality, rule, event, sinks')
    .action((tag: string) => does(async (context) => (await import('../explain.ts')).explain(context, tag)));
  const event = program.command('event').description('events');
  event
    .command('tail')
    .option('--type <type>', 'event type, or a prefix ending in *, such as headgate.maintenance*')
    .option('--asset <path>', 'only events of this asset and below')
    .option('-n, --count <number>', 'end after so many', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('show events as they are committed')
    .action((options) => does(async (context) => (await import('../event-tail.ts')).eventTail(context, options)));
  selecting(event.command('query'))
    .option('-n, --limit <number>', 'end after so many', wholeOption(1, Number.MAX_SAFE_INTEGER, 'a count'))
    .description('show stored events, oldest first; also while the daemon is down')
    .action((options) => does(async (context) => (await import('../event-query.ts')).eventQuery(context, options)));
  selecting(event.command('export'))
    .addOption(new Option('--format <format>', 'format of the file').choices(EXPORT_FORMATS).makeOptionMandatory())
    .requiredOption('-o, --output <file>', 'file to write; it is there as a whole or not at all')
    .option('--every <duration>', 'csv-wide: the time that a row stands for (default: 1s)', durationOption)
    .option('--force', 'replace an existing file')
    .description('write stored events to a file; also while the daemon is down')
    .action((options) => does(async (context) => (await import('../event-export.ts')).eventExport(context, options)));
  selectingFrom(event.command('replay'))
    .requiredOption(
      '--to <name>',
      'a sink or a service (sink:<name>, service:<name> where both have it); once more: source time until',
      collect,
    )
    .option('--rate <number>', 'events a second, at most', numberOption(0.1, 100_000, 'a rate'), 1000)
    .option('--keep-effects', 'to a service: keep what its handlers set and publish (default: discard it)')
    .description('deliver stored events once more to one sink or service, marked as a replay')
    .action((options) => does(async (context) => (await import('../event-replay.ts')).eventReplay(context, options)));
  const moment = momentOption();
  event
    .command('timeline')
    .argument('<asset>', 'asset path; what lies below it is included')
    .option('--from <time>', 'source time from, as in event query', moment)
    .option('--to <time>', 'source time until, exclusive', moment)
    .option('-n, --limit <number>', 'most happenings to list', wholeOption(1, 1_000_000, 'a count'), 2000)
    .description('what happened on one asset: states, cases, commands, gaps, quality, extremes of its tags')
    .action((asset: string, options) =>
      does(async (context) => (await import('../event-timeline.ts')).eventTimeline(context, asset, options)),
    );
  const journal = program.command('journal').description('the durable journal');
  journal
    .command('status')
    .description('what is stored, and what waits for whom')
    .action(() => does(async (context) => (await import('../journal-status.ts')).journalStatus(context)));
  journal
    .command('ledger')
    .option('--stream <name>', 'only streams whose name begins so, such as acme/hamburg/line-3')
    .description('received = settled + waiting + gaps, for each consumer and stream; also while the daemon is down')
    .action((options) =>
      does(async (context) => (await import('../journal-ledger.ts')).journalLedger(context, options)),
    );
  journal
    .command('verify')
    .description('read every stored event and prove the ledger')
    .action(() => does(async (context) => (await import('../journal-verify.ts')).journalVerify(context)));
  const sink = program.command('sink').description('destinations');
  sink
    .command('list')
    .description('destinations, how they stand, and what is kept for removed ones')
    .action(() => does(async (context) => (await import('../sink-list.ts')).sinkList(context)));
  sink
    .command('forget')
    .argument('<name>', 'name of a sink that is no longer configured')
    .option('--yes', 'do it')
    .description('let go what waits for a removed sink')
    .action((name: string, options) =>
      does(async (context) => (await import('../sink-forget.ts')).sinkForget(context, name, options)),
    );
  program
    .command('service')
    .description('services')
    .command('list')
    .description('services of the running daemon')
    .action(() => does(async (context) => (await import('../service-list.ts')).serviceList(context)));
  program
    .command('health')
    .description('health of equipment')
    .command('show')
    .argument('[asset]', 'asset path; default: one line for each asset')
    .description('score, reasons, maintenance case and predicted failure')
    .action((asset?: string) =>
      does(async (context) => (await import('../health-show.ts')).healthShow(context, asset)),
    );
}
