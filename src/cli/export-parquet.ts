import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { statusName } from '../model/quality.ts';
import type { EventWriter } from './event-writer.ts';
import { type SampleRow, sampleRows } from './sample-rows.ts';
import type { FoundEvents } from './stored-events.ts';

/** Rows that are held in memory and written together. */
const GROUP_ROWS = 50_000;

type ColumnType = 'TIMESTAMP' | 'STRING' | 'DOUBLE' | 'INT64';

/** How each type stands in the file. Source: Parquet LogicalTypes.md. */
const ELEMENTS: Readonly<Record<ColumnType, Omit<SchemaElement, 'name'>>> = {
  TIMESTAMP: { type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' } },
  STRING: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  DOUBLE: { type: 'DOUBLE' },
  INT64: { type: 'INT64' },
};

/** Name, type and content of each column. */
const COLUMNS: readonly (readonly [name: string, type: ColumnType, of: (row: SampleRow) => unknown])[] = [
  ['time', 'TIMESTAMP', ({ time }) => new Date(time)],
  ['asset', 'STRING', ({ asset }) => asset],
  ['tag', 'STRING', ({ tag }) => tag],
  ['value', 'DOUBLE', ({ value }) => value],
  ['text', 'STRING', ({ text }) => text],
  ['unit', 'STRING', ({ unit }) => unit],
  ['quality', 'STRING', ({ status }) => (status === null ? null : statusName(status))],
  ['status', 'INT64', ({ status }) => (status === null ? null : BigInt(status))],
  ['recorded', 'TIMESTAMP', ({ event }) => new Date(event.recordedtime)],
  ['sequence', 'INT64', ({ event }) => BigInt(event.sequence)],
  ['id', 'STRING', ({ event }) => event.id],
  ['type', 'STRING', ({ event }) => event.type],
];

const SCHEMA: SchemaElement[] = [
  { name: 'root', num_children: COLUMNS.length },
  ...COLUMNS.map(([name, type]): SchemaElement => ({ ...ELEMENTS[type], name, repetition_type: 'OPTIONAL' })),
];

/** Samples as a Parquet file: one row each, Snappy, in row groups. */
export class ParquetSamples implements EventWriter {
  readonly #bytes = new ByteWriter();
  readonly #writer = new ParquetWriter({ writer: this.#bytes, schema: SCHEMA, createdBy: 'headgate' });
  #rows: SampleRow[] = [];

  begin(): Uint8Array {
    return this.#take();
  }

  async add({ events }: FoundEvents): Promise<Uint8Array> {
    for (const event of events) this.#rows.push(...sampleRows(event));
    if (this.#rows.length >= GROUP_ROWS) await this.#writeGroup();
    return this.#take();
  }

  async *end(): AsyncGenerator<Uint8Array, void, void> {
    if (this.#rows.length > 0) await this.#writeGroup();
    await this.#writer.finish();
    yield this.#take();
  }

  async #writeGroup(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    const columnData = COLUMNS.map(([name, , of]) => ({ name, data: rows.map(of) }));
    await this.#writer.write({ columnData, rowGroupSize: rows.length });
  }

  /** What was written since; offsets in the file go on counting. */
  #take(): Uint8Array {
    const { buffer, index } = this.#bytes;
    const taken = new Uint8Array(buffer.slice(0, index));
    this.#bytes.index = 0;
    return taken;
  }
}
