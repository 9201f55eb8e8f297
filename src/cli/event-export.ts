import { resolve } from 'node:path';
import { HeadgateError } from '../errors/headgate-error.ts';
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
}

/** `headgate event export`: the stored events that match, as a file that is whole or not there. */
export async function eventExport(context: CliContext, options: EventExportOptions): Promise<number> {
  const { format, tag, force = false } = options;
  if (tag !== undefined && format === 'cbor') {
    throw usageError('event export', '--tag: cbor holds events as they are stored; use csv, jsonl or parquet');
  }
  const request = searchOf('event export', options);
  sayRange(context, options);
  const file = await OutputFile.create(resolve(options.output), force);
  let count = 0;
  try {
    await withProgress(context, `writing ${options.output}`, (report) =>
      withStoredEvents(context, request, async ({ journalId, pages }) => {
        const writer = await createEventWriter(format, journalId, Date.now);
        await file.write(writer.begin());
        for await (const found of pages) {
          const events = tag === undefined ? found.events : found.events.flatMap((event) => onlyTag(event, tag) ?? []);
          count += events.length;
          await file.write(await writer.add({ ...found, events }));
          report(`${Math.floor(found.progress * 100)} %, ${count} events, ${formatBytes(file.bytes)}`);
        }
        await file.write(await writer.end());
      }),
    );
    if (context.stop.aborted) throw new HeadgateError('CLI_INTERRUPTED', { what: `the export to ${options.output}` });
  } catch (error) {
    await file.discard();
    throw error;
  }
  await file.finish();
  if (context.isJson) printJson(context, { file: options.output, format, events: count, bytes: file.bytes });
  else context.err(`${count} events, ${formatBytes(file.bytes)} written to ${options.output}\n`);
  return EXIT.ok.code;
}
