import type { SinkRow } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatBytes, formatTime } from './format.ts';
import { printJson, printTable, tinted } from './output.ts';

export const SINK_HEAD = ['name', 'kind', 'link', 'settled', 'waiting', 'backlog', 'in flight', 'sent', 'remarks'];

/** `headgate sink list`: destinations, and those that are no longer configured but have a backlog. */
export async function sinkList(context: CliContext): Promise<number> {
  const { sinks } = await (await needDaemon(context)).status();
  if (context.isJson) printJson(context, sinks);
  else if (sinks.length === 0) context.out('no sinks\n');
  else
    printTable(
      context,
      SINK_HEAD,
      sinks.map((sink) => sinkRow(context, sink)),
    );
  return EXIT.ok.code;
}

/** A line of the table. */
export function sinkRow(context: CliContext, sink: SinkRow): string[] {
  const held = sink.held.map(({ what, by, until }) =>
    until === null ? `${what} held by ${by}` : `${what} held by ${by} until ${formatTime(until)}`,
  );
  return [
    sink.name,
    sink.kind ?? '–',
    sink.kind === null ? 'removed' : tinted(context, sink.link === 'up' ? 'good' : 'bad', sink.link),
    String(sink.settled),
    String(sink.waiting),
    String(sink.backlog),
    String(sink.inFlight),
    formatBytes(sink.sentBytes),
    [...(sink.reason === null ? [] : [sink.reason]), ...held].join('; '),
  ];
}
