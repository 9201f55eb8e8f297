import { counted } from '../model/counted.ts';
import type { TagExplanation } from '../ports/control.ts';
import type { CliContext } from './cli-context.ts';
import { needDaemon } from './daemon.ts';
import { EXIT } from './exit-code.table.ts';
import { formatQuality, formatReading, formatTime, formatValue } from './format.ts';
import { printFacts, printJson, tinted } from './output.ts';

/** `headgate explain TAG`: a live tag step by step, from the bytes on the wire to the sinks. */
export async function explain(context: CliContext, reference: string): Promise<number> {
  const found = await (await needDaemon(context)).explainTag(reference);
  if (context.isJson) printJson(context, found);
  else print(context, found);
  return found.scaled.isGood ? EXIT.ok.code : EXIT.failed.code;
}

function print(context: CliContext, found: TagExplanation): void {
  const { definition, read, raw, scaling, scaled, rule, lastReported, topic, event, sinks } = found;
  const sinkText = ({ link, isSettled, confirmedTime }: TagExplanation['sinks'][number]) => {
    if (isSettled === null) return `link ${link}`;
    if (!isSettled) return `does not have it yet, link ${link}`;
    return `has it, confirmed${confirmedTime === null ? '' : ` at ${formatTime(confirmedTime)}`}, link ${link}`;
  };
  printFacts(context, [
    ['tag', `${found.tag} of ${found.device}, every ${definition.scanMs} ms`],
    ...read.map(({ what, shows }) => [what, shows] as const),
    ['raw', `${formatValue(raw.value)} at ${formatTime(raw.time)}`],
    ['scaling', scaling],
    ['value', formatReading({ value: scaled.value }, definition.unit)],
    ['quality', tinted(context, scaled.isGood ? 'good' : 'bad', scaled.quality)],
    ['rule', rule],
    [
      'last report',
      lastReported === null
        ? 'none yet'
        : `${formatReading(lastReported, definition.unit)} ${formatQuality(lastReported.status)}, read at ${formatTime(lastReported.time)}`,
    ],
    ['topic', topic],
    [
      'event',
      event === null
        ? 'not among the newest: "event tail" or "event query" shows others'
        : `${event.id} ${event.type}, lane ${event.lane}, ${counted(event.samples, 'sample')}, accepted at ${formatTime(event.recordedtime)}`,
    ],
    ...sinks.map((sink) => [`sink ${sink.name}`, sinkText(sink)] as const),
    ...(sinks.length === 0 ? [['sinks', 'none'] as const] : []),
  ]);
}
