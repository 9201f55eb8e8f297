import { counted } from '../model/counted.ts';
import type { StatusReport } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { DEVICE_HEAD, deviceRow } from './device-list.ts';
import { EXIT } from './exit-code.table.ts';
import { formatBytes, formatDuration } from './format.ts';
import { BLOCKED_TEXT } from './journal-status.ts';
import { oneLine, printFacts, printHeading, printJson, printTable } from './output.ts';
import { SERVICE_HEAD, serviceRow } from './service-list.ts';
import { SINK_HEAD, sinkRow } from './sink-list.ts';

const MAX_FAULTS = 20;

/** `headgate status`: how the daemon and all its parts are. */
export async function status(context: CliContext): Promise<number> {
  const report = await (await needDaemon(context)).status();
  if (context.isJson) printJson(context, report);
  else printStatus(context, report);
  return EXIT.ok.code;
}

function printStatus(context: CliContext, report: StatusReport): void {
  const { samples, broker, journal } = report;
  const address = broker.address === null ? 'not listening' : `${broker.address.host}:${broker.address.port}`;
  printFacts(context, [
    ['gateway', `${report.gateway}, Headgate ${report.version} on Node.js ${report.nodeVersion}, pid ${report.pid}`],
    ['up', formatDuration(report.uptimeMs)],
    ['load', `${report.cpuCores.toFixed(2)} cores, ${report.rssMb} MB`],
    ['samples', `${samples.read} read, ${samples.reported} reported, ${samples.refused} refused`],
    ['broker', `${address}, ${counted(broker.clients, 'client')}, ${counted(broker.delivered, 'message')} delivered`],
    [
      'journal',
      `${counted(journal.lastSequence, 'event')} accepted, ${formatBytes(journal.bytes)} of ${formatBytes(journal.quotaBytes)}, ${formatBytes(journal.freeDiskBytes)} of disk free, ${counted(journal.gaps.length, 'gap')}`,
    ],
    ...(journal.blocked === null
      ? []
      : [['ALARM', `nothing is accepted: ${BLOCKED_TEXT[journal.blocked]}`] as [string, string]]),
  ]);
  printHeading(context, 'Devices');
  if (report.devices.length === 0) context.out('none\n');
  else
    printTable(
      context,
      DEVICE_HEAD,
      report.devices.map((row) => deviceRow(context, row)),
    );
  const wires = new Map(
    report.devices.flatMap(({ stats }) => (stats?.wire === undefined ? [] : [[stats.wire.wire, stats.wire]])),
  );
  if (wires.size > 0) {
    printHeading(context, 'Wires');
    const share = (value: number | null) => (value === null ? '–' : `${(value * 100).toFixed(1)} %`);
    const rows = [...wires.values()].map(({ wire, predicted, utilisation, basis }) => [
      wire,
      share(predicted),
      share(utilisation),
      basis,
    ]);
    printTable(context, ['wire', 'predicted', 'used', 'predicted from'], rows);
  }
  printHeading(context, 'Sinks');
  if (report.sinks.length === 0) context.out('none: events are kept, and leave by retention alone\n');
  else
    printTable(
      context,
      SINK_HEAD,
      report.sinks.map((sink) => sinkRow(context, sink)),
    );
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
