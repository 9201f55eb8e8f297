import type { ServiceRow } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatTime } from './format.ts';
import { printJson, printTable, tinted } from './output.ts';

export const SERVICE_HEAD = [
  'service',
  'version',
  'state',
  'since',
  'restarts',
  'handled',
  'published',
  'dropped',
  'errors',
  'last error',
];

/** A service in tables. */
export function serviceRow(context: CliContext, row: ServiceRow): string[] {
  const level = row.state === 'running' ? 'good' : row.state === 'failed' || row.state === 'stopped' ? 'bad' : 'warn';
  return [
    row.name,
    row.version,
    tinted(context, level, row.state),
    formatTime(row.since),
    String(row.restarts),
    String(row.handled),
    String(row.published),
    String(row.dropped),
    String(row.errors),
    row.lastError ?? '',
  ];
}

/** `headgate service list`: the services of the running daemon. */
export async function serviceList(context: CliContext): Promise<number> {
  const services = await (await needDaemon(context)).services();
  if (context.isJson) printJson(context, services);
  else if (services.length === 0) context.out('no services; list one under "services" in gateway.yaml\n');
  else
    printTable(
      context,
      SERVICE_HEAD,
      services.map((row) => serviceRow(context, row)),
    );
  return EXIT.ok.code;
}
