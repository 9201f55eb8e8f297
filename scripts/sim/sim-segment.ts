import type { OpenSegment } from '../../src/journal/journal-disk.ts';
import type { StreamCount } from '../../src/journal/ledger.ts';
import type { NewRecord, StoredRecord } from '../../src/journal/record.ts';
import type { TimeRange } from '../../src/journal/segment-info.ts';
import { DamageError } from '../../src/journal/sqlite-failure.ts';
import type { EpochMs } from '../../src/model/time.ts';
import type { SequenceRange } from '../../src/ports/journal.ts';
import { type DiskWitness, diskError, type Row, type SegmentImage } from './segment-image.ts';
import type { SimDisk } from './sim-disk.ts';

/** An open segment of the simulated disk. */
export class SimSegment implements OpenSegment {
  readonly #disk: SimDisk;
  readonly #file: SegmentImage;
  readonly #witness: DiskWitness;
  #staged: Row[] | null = null;
  #deleted: SequenceRange | null = null;
  #isOpen = true;
  isBeingRead = false;
  readonly takesEvents = true;

  constructor(disk: SimDisk, file: SegmentImage, witness: DiskWitness) {
    this.#disk = disk;
    this.#file = file;
    this.#witness = witness;
  }

  begin(): void {
    this.#check();
    if (this.#staged !== null) throw diskError('SQLITE_ERROR');
    this.#staged = [];
  }

  insert(sequence: number, recorded: EpochMs, record: NewRecord): void {
    if (this.#staged === null) throw diskError('SQLITE_ERROR');
    if (this.#file.rows.some((row) => row.sequence === sequence)) throw diskError('SQLITE_CONSTRAINT_PRIMARYKEY');
    this.#staged.push({ sequence, recorded, record });
  }

  deleteRange(first: number, last: number): void {
    if (this.#staged === null) throw diskError('SQLITE_ERROR');
    this.#deleted = { first, last };
  }

  commit(): void {
    this.#check();
    const rows = this.#staged;
    const deleted = this.#deleted;
    if (rows === null) throw diskError('SQLITE_ERROR');
    this.#disk.need(rows.reduce((sum, { record }) => sum + record.payload.length + 64, 0));
    const apply = (isDurable: boolean) => {
      if (deleted !== null) {
        this.#witness.takenBack(this.#file.rows.filter((row) => isWithin(row.sequence, deleted)));
        this.#file.rows = this.#file.rows.filter((row) => !isWithin(row.sequence, deleted));
      }
      this.#file.append(rows, isDurable);
      this.#witness.stored(rows, isDurable);
      this.#witness.numbered(rows, this.#disk.reserved);
    };
    // An fsync that fails may leave the rows in the cache, where they look like stored ones.
    const isFailing = this.#disk.isCommitFailing;
    if (isFailing) apply(false);
    this.#disk.alter('commit', () => {
      if (!isFailing) apply(true);
    });
    this.#staged = null;
    this.#deleted = null;
  }

  rollback(): void {
    this.#staged = null;
    this.#deleted = null;
  }

  forgetReferences(): void {}

  *read(first: number, last: number): Generator<StoredRecord, void, void> {
    this.#check();
    this.#disk.look();
    this.isBeingRead = true;
    try {
      for (const row of this.#file.readable) {
        if (row.sequence < first || row.sequence > last) continue;
        this.#file.checkRow(row);
        const { lane, payload, list } = row.record;
        yield { sequence: row.sequence, lane, recorded: row.recorded, payload, list };
      }
    } finally {
      this.isBeingRead = false;
    }
  }

  select(): StoredRecord[] {
    throw new Error('no life searches');
  }

  times(first: number): TimeRange | null {
    const times = this.#file.rows.filter(({ sequence }) => sequence >= first).map(({ record }) => record.time);
    return times.length === 0 ? null : { low: Math.min(...times), high: Math.max(...times) };
  }

  count(first: number, last: number): number {
    this.#check();
    this.#disk.look();
    return this.#file.readable.reduce((sum, row) => (isWithin(row.sequence, { first, last }) ? sum + 1 : sum), 0);
  }

  types(): string[] {
    return [...new Set(this.#file.rows.map(({ record }) => record.stream.type))];
  }

  tally(first: number, last: number): StreamCount[] {
    this.#check();
    this.#disk.look();
    const counts = new Map<string, number>();
    for (const { sequence, record } of this.#file.readable) {
      if (!isWithin(sequence, { first, last })) continue;
      const { partitionKey: key } = record.stream;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return [...counts].map(([stream, count]) => ({ stream, count }));
  }

  bounds(): { first: number; last: number; recorded: EpochMs } {
    const { readable } = this.#file;
    const newest = readable.at(-1);
    return { first: readable[0]?.sequence ?? 0, last: newest?.sequence ?? 0, recorded: newest?.recorded ?? 0 };
  }

  checkStructure(): void {
    if (this.#file.rot === 'row-missing') throw new DamageError('a row is missing from an index');
  }

  seal(): void {
    this.#check();
    this.#disk.need(0);
    this.#disk.alter('seal', () => {
      this.#file.isSealed = true;
    });
    this.#isOpen = false;
  }

  close(): void {
    if (this.isBeingRead) throw diskError('SQLITE_BUSY');
    this.#isOpen = false;
  }

  abandon(): void {
    this.#isOpen = false;
  }

  #check(): void {
    if (!this.#isOpen) throw diskError('SQLITE_MISUSE');
  }
}

function isWithin(sequence: number, { first, last }: SequenceRange): boolean {
  return sequence >= first && sequence <= last;
}
