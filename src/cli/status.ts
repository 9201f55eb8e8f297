import type { StatusReport } from '../ports/control.ts';
import type { SinkHold } from '../ports/sink.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { DEVICE_HEAD, deviceRow } from './device-list.ts';
import { EXIT } from './exit-code.table.ts';
import { formatBytes, formatDuration, formatTime } from './format.ts';
import { oneLine, printFacts, printHeading, printJson, printTable, tinted } from './output.ts';
import { SERVICE_HEAD, serviceRow } from './service-list.ts';

const MAX_FAULTS = 20;

/** `headgate status`: how the daemon and all its parts are. */
export async function status(context: CliContext): Promise<number> {
  const report = await (await needDaemon(context)).status();
  if (context.isJson) printJson(context, report);
  else printStatus(context, report);
  return EXIT.ok.code;
}

/** What a schedule or a cap holds back, for people. */
function heldText({ what, by, until }: SinkHold): string {
  return until === null ? `${what} held by ${by}` : `${what} held by ${by} until ${formatTime(until)}`;
}

function printStatus(context: CliContext, report: StatusReport): void {
  const { samples, broker, journal } = report;
  const address = broker.address === null ? 'not listening' : `${broker.address.host}:${broker.address.port}`;
  printFacts(context, [
    ['gateway', `${report.gateway}, Headgate ${report.version} on Node.js ${report.nodeVersion}, pid ${report.pid}`],
    ['up', formatDuration(report.uptimeMs)],
    ['load', `${report.cpuCores.toFixed(2)} cores, ${report.rssMb} MB`],
    ['samples', `${samples.read} read, ${samples.reported} reported, ${samples.refused} refused`],
    ['broker', `${address}, ${broker.clients} clients, ${broker.delivered} messages delivered`],
    [
      'journal',
      `${journal.lastSequence} events accepted, ${formatBytes(journal.bytes)} of ${formatBytes(journal.quotaBytes)}, ${formatBytes(journal.freeDiskBytes)} of disk free, ${journal.gaps.length} gaps`,
    ],
  ]);
  printHeading(context, 'Devices');
  if (report.devices.length === 0) context.out('none\n');
  else
    printTable(
      context,
      DEVICE_HEAD,
      report.devices.map((row) => deviceRow(context, row)),
    );
  printHeading(context, 'Sinks');
  if (report.sinks.length === 0) context.out('none: events are kept, and leave by retention alone\n');
  else {
    const rows = report.sinks.map((sink) => [
      sink.name,
      sink.kind,
      tinted(context, sink.link === 'up' ? 'good' : 'bad', sink.link),
      String(sink.settled),
      String(sink.waiting),
      String(sink.inFlight),
      formatBytes(sink.sentBytes),
      [sink.reason ?? '', ...sink.held.map(heldText)].filter((text) => text !== '').join('; '),
    ]);
    printTable(context, ['name', 'kind', 'link', 'settled', 'waiting', 'in flight', 'sent', 'remarks'], rows);
  }
  printHeading(context, 'Services');
  if (report.services.length === 0) context.out('none\n');
  else
    printTable(
      context,
      SERVICE_HEAD,
      report.services.map((row) => serviceRow(context, row)),
    );
  if (report.tagFaults.length === 0) return;
  printHeading(context, `Tags that their devices refuse: ${report.tagFaults.length}`);
  for (const { device, tag, reason } of report.tagFaults.slice(0, MAX_FAULTS)) {
    context.out(`${device} ${tag}: ${oneLine(reason)}\n`);
  }
  if (report.tagFaults.length > MAX_FAULTS) context.out(`… all of them with --json\n`);
}
