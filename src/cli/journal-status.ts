import { join } from 'node:path';
import type { JournalStatus } from '../ports/journal.ts';
import type { CliContext } from './cli-context.ts';
import { needConfiguration } from './configuration.ts';
import { askDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatBytes, formatTime } from './format.ts';
import { printFacts, printHeading, printJson, printTable } from './output.ts';

const MAX_GAPS = 20;

/** Why the journal accepts nothing, for people. */
export const BLOCKED_TEXT = {
  quota: 'the quota is used up by events that may not be dropped',
  disk: 'the disk is full',
  readonly: 'the file system is read-only',
} as const;

/** `headgate journal status`: what is stored, what waits for whom; from the files themselves while no daemon runs. */
export async function journalStatus(context: CliContext): Promise<number> {
  const status = (await askDaemon(context, (daemon) => daemon.journalStatus())) ?? (await offlineStatus(context));
  if (context.isJson) printJson(context, status);
  else printJournal(context, status);
  return EXIT.ok.code;
}

async function offlineStatus(context: CliContext): Promise<JournalStatus> {
  const { inspectJournal } = await import('../journal/inspect.ts');
  return inspectJournal(await journalDirectory(context));
}

/** Where the journal of the configuration lies. */
export async function journalDirectory(context: CliContext): Promise<string> {
  return join((await needConfiguration(context)).gateway.gateway.data_dir, 'journal');
}

function printJournal(context: CliContext, status: JournalStatus): void {
  const quota = status.quotaBytes === 0 ? '' : ` of ${formatBytes(status.quotaBytes)}`;
  printFacts(context, [
    ['journal', status.journalId],
    ['last sequence', String(status.lastSequence)],
    ['stored', `${formatBytes(status.bytes)}${quota}, ${formatBytes(status.freeDiskBytes)} of disk free`],
    ...(status.blocked === null
      ? []
      : [['ALARM', `nothing is accepted: ${BLOCKED_TEXT[status.blocked]}`] as [string, string]]),
  ]);
  printHeading(context, 'Lanes');
  const lanes = Object.entries(status.lanes).map(([lane, { segments, events, bytes }]) => [
    lane,
    String(segments),
    String(events),
    formatBytes(bytes),
  ]);
  printTable(context, ['lane', 'segments', 'events', 'size'], lanes);
  printHeading(context, 'Ledger');
  if (status.ledger.length === 0) context.out('no consumers\n');
  else {
    const rows = status.ledger.map((row) => [
      row.consumer,
      String(row.received),
      String(row.settled),
      String(row.waiting),
      String(row.gaps),
      row.received === row.settled + row.waiting + row.gaps ? 'yes' : 'NO',
    ]);
    printTable(context, ['consumer', 'received', 'settled', 'waiting', 'gaps', 'adds up'], rows);
  }
  if (status.gaps.length === 0) return;
  printHeading(context, `Gaps: ${status.gaps.length}`);
  const gaps = status.gaps
    .slice(-MAX_GAPS)
    .map((gap) => [formatTime(gap.at), gap.lane, `${gap.first}–${gap.last}`, String(gap.count), gap.reason]);
  printTable(context, ['at', 'lane', 'range', 'events', 'reason'], gaps);
}
