import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ReadingBatch } from '../model/reading.ts';
import type { TagDefinition } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import { encodeCell, encodeHeader, recordedType } from './series-csv.ts';

/** Text that waits for the disk, at most, per series; beyond it readings are dropped and counted. */
const MAX_PENDING_BYTES = 16 * 1024 * 1024;
const FLUSH_CHARS = 64 * 1024;

/**
 * Streams the readings of one scan group into a compressed series file: a row for each source time of a batch, a column for
 * each tag. Rows come in the order of the batches; the reader orders them by time.
 */
export class SeriesWriter {
  readonly #tags: readonly TagDefinition[];
  readonly #startedAt: EpochMs;
  readonly #gzip = createGzip({ level: 9 });
  readonly #file: Writable;
  readonly #done: Promise<void>;
  #failure: Error | null = null;
  #text: string;
  readings = 0;
  dropped = 0;

  constructor(path: string, tags: readonly TagDefinition[], startedAt: EpochMs) {
    this.#tags = tags;
    this.#startedAt = startedAt;
    this.#file = createWriteStream(path, { flags: 'wx' });
    this.#gzip.on('error', (error) => {
      this.#failure = error;
    });
    this.#file.on('error', (error) => {
      this.#failure = error;
      this.#gzip.destroy();
    });
    this.#done = finished(this.#gzip.pipe(this.#file));
    this.#done.catch((error: Error) => {
      this.#failure = error;
    });
    this.#text = encodeHeader(tags);
  }

  /**
   * Append the readings of a batch; never blocks.
   * @param columnOf position in this series of a position in the batch's group; -1: not recorded
   * @returns readings that were dropped because the disk does not follow
   */
  append(batch: ReadingBatch, columnOf: ArrayLike<number>): number {
    if (this.#failure !== null || this.#gzip.writableLength > MAX_PENDING_BYTES) {
      this.dropped += batch.count;
      return batch.count;
    }
    const byTime = new Map<EpochMs, number[]>();
    for (let position = 0; position < batch.count; position++) {
      const time = typeof batch.times === 'number' ? batch.times : (batch.times[position] ?? 0);
      const row = byTime.get(time);
      if (row === undefined) byTime.set(time, [position]);
      else row.push(position);
    }
    for (const [time, positions] of [...byTime].sort((a, b) => a[0] - b[0]))
      this.#row(time, positions, batch, columnOf);
    if (this.#text.length >= FLUSH_CHARS) this.#flush();
    return 0;
  }

  /** Finish the file. @throws the file system's error */
  async end(): Promise<void> {
    if (this.#failure === null) this.#flush();
    this.#gzip.end();
    await this.#done.catch(() => undefined);
    if (this.#failure !== null) throw this.#failure;
  }

  #row(time: EpochMs, positions: readonly number[], batch: ReadingBatch, columnOf: ArrayLike<number>): void {
    let cells: string[] = [];
    const write = () => {
      const at = Math.round(time - this.#startedAt);
      // A sparse array joins to empty cells; trailing ones are left out.
      if (cells.length > 0) this.#text += `${at},${cells.join(',')}\n`;
      cells = [];
    };
    for (const position of positions) {
      const index = batch.indexes === null ? position : (batch.indexes[position] ?? -1);
      const column = columnOf[index] ?? -1;
      const tag = this.#tags[column];
      if (tag === undefined) continue;
      // Two readings of a tag with one source time (its status changed): two rows.
      if (cells[column] !== undefined) write();
      const status = typeof batch.statuses === 'number' ? batch.statuses : (batch.statuses[position] ?? 0);
      cells[column] = encodeCell(batch.values[position] ?? null, status >>> 0, recordedType(tag));
      this.readings++;
    }
    write();
  }

  #flush(): void {
    this.#gzip.write(this.#text);
    this.#text = '';
  }
}
