import { userInfo } from 'node:os';
import { HeadgateError } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { printJson } from './output.ts';

/**
 * `headgate sink forget`: let the backlog of a sink go that is no longer configured. Says what would go, and does it with --yes.
 */
export async function sinkForget(context: CliContext, name: string, options: { readonly yes?: true }): Promise<number> {
  const daemon = await needDaemon(context);
  const { sinks } = await daemon.status();
  const sink = sinks.find((row) => row.name === name);
  if (sink === undefined) throw new HeadgateError('SINK_UNKNOWN', { sink: name });
  if (sink.kind !== null) throw new HeadgateError('SINK_CONFIGURED', { sink: name });
  if (options.yes !== true) {
    if (context.isJson) printJson(context, { sink: name, waiting: sink.waiting, isForgotten: false });
    else context.out(`waiting for ${name}: ${counted(sink.waiting, 'event')} that would be let go; do it with --yes\n`);
    return EXIT.failed.code;
  }
  const forgotten = await daemon.forgetSink(name, userInfo().username);
  if (context.isJson) printJson(context, { sink: name, waiting: forgotten.events, isForgotten: true });
  else context.out(`${name} is forgotten, and ${counted(forgotten.events, 'event')} let go\n`);
  return EXIT.ok.code;
}
