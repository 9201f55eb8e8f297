import { HeadgateError } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import type { LedgerRow } from '../ports/journal.ts';
import type { CliContext } from './cli-context.ts';
import { askDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { journalDirectory } from './journal-status.ts';
import { printJson, printTable, tinted } from './output.ts';
import { withProgress } from './progress.ts';

interface VerifyReport {
  readonly segments: number;
  readonly events: number;
  readonly problems: readonly { readonly segment: string; readonly problem: string }[];
  readonly ledger: readonly LedgerRow[];
  readonly holds: boolean;
}

/** `headgate journal verify`: read every stored event and prove the ledger; exit 1 when it does not hold. */
export async function journalVerify(context: CliContext): Promise<number> {
  const report = await withProgress(context, 'verifying the journal', async (progress) => {
    const answer = await askDaemon(context, (daemon) => daemon.journalVerify());
    return answer === null ? verifyOffline(context, progress) : reportOf(answer);
  });
  if (context.isJson) printJson(context, report);
  else printReport(context, report);
  return report.holds ? EXIT.ok.code : EXIT.failed.code;
}

async function verifyOffline(context: CliContext, progress: (detail: string) => void): Promise<VerifyReport> {
  const { verifyJournal } = await import('../journal/inspect.ts');
  return verifyJournal(await journalDirectory(context), {
    onProgress: (done, of) => progress(`${done} of ${counted(of, 'segment')}`),
  });
}

function reportOf(answer: unknown): VerifyReport {
  if (typeof answer === 'object' && answer !== null && 'holds' in answer) return answer as VerifyReport;
  throw new HeadgateError('CONTROL_FAILED', { reason: 'the answer is no verify report' });
}

function printReport(context: CliContext, report: VerifyReport): void {
  for (const { segment, problem } of report.problems)
    context.out(`${tinted(context, 'bad', 'problem')} ${segment}: ${problem}\n`);
  if (report.ledger.length > 0) {
    const rows = report.ledger.map((row) =>
      [row.consumer, row.received, row.settled, row.waiting, row.gaps].map(String),
    );
    printTable(context, ['consumer', 'received', 'settled', 'waiting', 'gaps'], rows);
  }
  const read = `${counted(report.events, 'event')} in ${counted(report.segments, 'segment')} read`;
  context.out(
    report.holds
      ? `${tinted(context, 'good', 'holds')}: ${read}, received = settled + waiting + gaps for every consumer\n`
      : `${tinted(context, 'bad', 'does not hold')}: ${read}, ${counted(report.problems.length, 'problem')}\n`,
  );
}
