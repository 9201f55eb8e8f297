import { resolve } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
import { counted } from '../model/counted.ts';
import { TELEMETRY_TYPE } from '../model/event.ts';
import type { Millis } from '../model/time.ts';
import { type CliContext, usageError } from './cli-context.ts';
import { onlyTag } from './event-query.ts';
import { type EventSelectOptions, sayRange, searchOf } from './event-select.ts';
import { EXIT } from './exit-code.table.ts';
import type { ExportFormat } from './export-formats.table.ts';
import { createEventWriter } from './export-formats.ts';
import { formatBytes } from './format.ts';
import { printJson } from './output.ts';
import { OutputFile } from './output-file.ts';
import { withProgress } from './progress.ts';
import { withStoredEvents } from './stored-events.ts';

export interface EventExportOptions extends EventSelectOptions {
  readonly format: ExportFormat;
  readonly output: string;
  /** Replace an existing file. */
  readonly force?: boolean;
  /** Interval of a row of `csv-wide`. */
  readonly every?: Millis;
}

const EVERY_MS = 1000;

/** `headgate event export`: the stored events that match, as a file that is whole or not there. */
export async function eventExport(context: CliContext, options: EventExportOptions): Promise<number> {
  const { format, tag, force = false, every } = options;
  if (tag !== undefined && format === 'cbor') {
    throw usageError('event export', '--tag: cbor holds events as they are stored; use csv, jsonl or parquet');
  }
  if (options.output === '-') {
    throw usageError(
      'event export',
      '-o -: a file is needed, which is there as a whole or not at all; for a stream use event query --json',
    );
  }
  if (every !== undefined && format !== 'csv-wide') {
    throw usageError('event export', `--every is for --format csv-wide, not for ${format}`);
  }
  if (format === 'csv-wide') checkHasSamples(options);
  const request = searchOf('event export', format === 'csv-wide' ? { ...options, type: TELEMETRY_TYPE } : options);
  sayRange(context, options);
  const file = await OutputFile.create(resolve(options.output), force);
  let count = 0;
  try {
    await withProgress(context, `writing ${options.output}`, (report) =>
      withStoredEvents(context, request, async ({ journalId, pages }) => {
        const writer = await createEventWriter(format, journalId, Date.now, every ?? EVERY_MS);
        await file.write(writer.begin());
        for await (const found of pages) {
          const events = tag === undefined ? found.events : found.events.flatMap((event) => onlyTag(event, tag) ?? []);
          count += events.length;
          await file.write(await writer.add({ ...found, events }));
          report(`${Math.floor(found.progress * 100)} %, ${counted(count, 'event')}, ${formatBytes(file.bytes)}`);
        }
        for await (const piece of writer.end()) {
          await file.write(piece);
          report(`${counted(count, 'event')}, ${formatBytes(file.bytes)}`);
        }
      }),
    );
    if (context.stop.aborted) throw new HeadgateError('CLI_INTERRUPTED', { what: `the export to ${options.output}` });
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.finish();
  if (context.isJson) printJson(context, { file: options.output, format, events: count, bytes: file.bytes });
  else context.err(`${counted(count, 'event')}, ${formatBytes(file.bytes)} written to ${options.output}\n`);
  return EXIT.ok.code;
}

/** @throws CLI_USAGE a type of event that has no samples */
function checkHasSamples({ type }: EventExportOptions): void {
  if (type === undefined || type === TELEMETRY_TYPE) return;
  if (type.endsWith('*') && TELEMETRY_TYPE.startsWith(type.slice(0, -1))) return;
  throw usageError('event export', `--type ${type}: csv-wide holds samples, which are in ${TELEMETRY_TYPE} alone`);
}
