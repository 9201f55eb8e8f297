import { toCloudEventJson } from '../model/cloud-event.ts';
import { csvLine } from '../model/csv-line.ts';
import { statusName } from '../model/quality.ts';
import { type Millis, toRfc3339 } from '../model/time.ts';
import { BatchEncoder } from '../sinks/batch-encoder.ts';
import type { EventWriter } from './event-writer.ts';
import type { ExportFormat } from './export-formats.table.ts';
import { type SampleRow, sampleRows } from './sample-rows.ts';
import type { FoundEvents } from './stored-events.ts';

/** The columns of the CSV; times in UTC. */
const COLUMNS = [
  'time',
  'asset',
  'tag',
  'value',
  'text',
  'unit',
  'quality',
  'status',
  'recorded',
  'sequence',
  'id',
  'type',
];

/**
 * The writer of a format. `jsonl`: one CloudEvent a line. `csv`: one sample a row. `csv-wide`: one interval a row, one tag a column. `cbor`: a CBOR sequence (RFC 8742) of Headgate's own batches, with
 * the stored bytes as they are. `parquet`: one sample a row, in row groups.
 */
export async function createEventWriter(
  format: ExportFormat,
  journalId: string,
  now: () => number,
  everyMs: Millis,
): Promise<EventWriter> {
  switch (format) {
    case 'jsonl':
      return text('', ({ events }) => events.map((event) => `${toCloudEventJson(event)}\n`).join(''));
    case 'csv':
      return text(`${csvLine(COLUMNS)}\r\n`, ({ events }) =>
        events.flatMap((event) => [...sampleRows(event)].map(sampleLine)).join(''),
      );
    case 'csv-wide': {
      // Loaded only when asked for.
      const { WideSamples } = await import('./export-wide.ts');
      return new WideSamples(everyMs);
    }
    case 'cbor':
      return batches(journalId, now);
    case 'parquet': {
      const { ParquetSamples } = await import('./export-parquet.ts');
      return new ParquetSamples();
    }
  }
}

function text(head: string, encode: (found: FoundEvents) => string): EventWriter {
  return { begin: () => head, add: async (found) => encode(found), end: nothingMore };
}

async function* nothingMore(): AsyncGenerator<string> {}

function batches(journalId: string, now: () => number): EventWriter {
  const encoder = new BatchEncoder({ journalId, gateway: '', sink: null, encoding: 'cbor', compression: 'none' });
  return {
    begin: () => '',
    add: async ({ stored }) =>
      stored.length === 0 ? '' : encoder.encode({ events: stored, historical: true, coverage: null }, now()),
    end: nothingMore,
  };
}

function sampleLine({ time, asset, tag, value, text, unit, status, event }: SampleRow): string {
  const { recordedtime, sequence, id, type } = event;
  return `${csvLine([
    toRfc3339(time),
    asset,
    tag,
    value === null ? '' : String(value),
    text ?? '',
    unit,
    status === null ? '' : statusName(status),
    status === null ? '' : String(status),
    toRfc3339(recordedtime),
    String(sequence),
    id,
    type,
  ])}\r\n`;
}
