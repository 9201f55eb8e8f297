import type { StreamLedger, StreamLedgerRow } from '../ports/journal.ts';
import type { CliContext } from './cli-context.ts';
import { askDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { journalDirectory } from './journal-status.ts';
import { printHeading, printJson, printTable } from './output.ts';
import { withProgress } from './progress.ts';

export interface JournalLedgerOptions {
  /** Only streams whose name begins so. */
  readonly stream?: string;
}

/**
 * `headgate journal ledger`: received = settled + waiting + gaps for each consumer and stream, from the files while no daemon runs. Exit 1 when it
 * does not add up.
 */
export async function journalLedger(context: CliContext, options: JournalLedgerOptions): Promise<number> {
  const ledger = await withProgress(context, 'adding up the ledger', async () => {
    return (await askDaemon(context, (daemon) => daemon.journalLedger())) ?? offlineLedger(context);
  });
  const shown = only(ledger, options.stream);
  const holds = shown.rows.every(addsUp);
  if (context.isJson) printJson(context, { ...shown, holds });
  else printLedger(context, shown);
  return holds ? EXIT.ok.code : EXIT.failed.code;
}

async function offlineLedger(context: CliContext): Promise<StreamLedger> {
  const { inspectStreams } = await import('../journal/inspect.ts');
  return inspectStreams(await journalDirectory(context));
}

function only({ streams, rows }: StreamLedger, prefix: string | undefined): StreamLedger {
  if (prefix === undefined) return { streams, rows };
  return {
    streams: streams.filter(({ stream }) => stream.startsWith(prefix)),
    rows: rows.filter(({ stream }) => stream?.startsWith(prefix)),
  };
}

/** The parts cannot be less than nothing, and make up the whole. */
function addsUp({ received, settled, waiting, gaps }: StreamLedgerRow): boolean {
  return settled >= 0 && waiting >= 0 && gaps >= 0 && received === settled + waiting + gaps;
}

function printLedger(context: CliContext, { streams, rows }: StreamLedger): void {
  printHeading(context, 'Streams');
  if (streams.length === 0) context.out('no events\n');
  else {
    const cells = streams.map((row) => [nameOf(row.stream), String(row.stored), String(row.removed)]);
    printTable(context, ['stream', 'stored', 'gone'], cells);
  }
  printHeading(context, 'Ledger');
  if (rows.length === 0) {
    context.out('no consumers\n');
    return;
  }
  const cells = rows.map((row) => [
    row.consumer,
    nameOf(row.stream),
    ...[row.received, row.settled, row.waiting, row.gaps].map(String),
    addsUp(row) ? 'yes' : 'NO',
  ]);
  printTable(context, ['consumer', 'stream', 'received', 'settled', 'waiting', 'gaps', 'adds up'], cells);
}

function nameOf(stream: string | null): string {
  if (stream === null) return '(of damaged segments)';
  return stream === '' ? '(further streams)' : stream;
}
