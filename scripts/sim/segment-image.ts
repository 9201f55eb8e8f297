import type { SegmentIdentity } from '../../src/journal/journal-disk.ts';
import type { NewRecord } from '../../src/journal/record.ts';
import { DamageError } from '../../src/journal/sqlite-failure.ts';
import type { EpochMs } from '../../src/model/time.ts';
import type { Dice } from './virtual-time.ts';

const PAGE_BYTES = 2048;
const HEAD_PAGES = 6;
const ROW_BYTES = 48;

/** A stored event. */
export interface Row {
  readonly sequence: number;
  readonly recorded: EpochMs;
  readonly record: NewRecord;
}

/** Sees what the disk does, for the invariants. */
export interface DiskWitness {
  /** Rows are on the disk. @param isDurable false: in the cache alone, after an error */
  stored(rows: readonly Row[], isDurable: boolean): void;
  /** Rows were written while the ledger had the numbers up to `reserved` for reserved. */
  numbered(rows: readonly Row[], reserved: number): void;
  /** Rows of a rejected group were taken out again before anybody heard of them. */
  takenBack(rows: readonly Row[]): void;
  /** A segment's file was unlinked. @param isUnsaid there was no room for the ledger that should say so first */
  removed(file: SegmentImage, isUnsaid: boolean): void;
}

/** How a file is damaged. `row`: one row; `row-missing`: one is passed over without a word; `header`: it cannot be opened; `short`: cut. */
export type Rot = 'row' | 'row-missing' | 'header' | 'short';

/** The process has ended in the middle of something: nothing that follows in it happens. */
export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

/** An error as SQLite or the operating system reports it. */
export function diskError(code: string): Error {
  return Object.assign(new Error(`simulated ${code}`), { code });
}

/** One segment's file. */
export class SegmentImage {
  readonly identity: SegmentIdentity;
  rows: Row[] = [];
  /** Rows that only the cache has. */
  #unsynced: Row[] = [];
  rot: Rot | null = null;
  isHalfCreated = false;
  /** The process has compared its hash and keeps it open. */
  isOpen = false;
  isSealed = false;

  constructor(identity: SegmentIdentity) {
    this.identity = identity;
  }

  get bytes(): number {
    const content = this.rows.reduce((sum, { record }) => sum + record.payload.length + ROW_BYTES, 0);
    const whole = (HEAD_PAGES + Math.ceil(content / PAGE_BYTES)) * PAGE_BYTES;
    return this.rot === 'short' ? whole - PAGE_BYTES : whole;
  }

  /** Stands for the hash of the file. */
  get fingerprint(): string {
    const sum = this.rows.reduce((total, { sequence, record }) => total + sequence * 31 + record.payload.length, 7);
    return `${this.identity.lane}-${this.identity.first}-${this.rows.length}-${sum}-${this.rot ?? 'sound'}`;
  }

  /** Rows as they can be read: one may be passed over. */
  get readable(): readonly Row[] {
    if (this.rot !== 'row-missing') return this.rows;
    const hidden = Math.floor(this.rows.length / 2);
    return this.rows.filter((_, i) => i !== hidden);
  }

  /** @throws DamageError when this row is not as it was written */
  checkRow(row: Row): void {
    const isBad = this.rot === 'row' && row === this.rows[Math.floor(this.rows.length / 2)];
    if (isBad) throw new DamageError(`checksum of event ${row.sequence} is wrong`);
  }

  /** @throws DamageError, SQLITE_NOTADB when it cannot be opened */
  checkHeader(): void {
    if (this.isHalfCreated) throw new DamageError('half-created');
    if (this.rot === 'header') throw diskError('SQLITE_NOTADB');
    if (this.rot === 'short') throw diskError('SQLITE_CORRUPT');
  }

  append(rows: readonly Row[], isDurable: boolean): void {
    this.rows.push(...rows);
    if (!isDurable) this.#unsynced.push(...rows);
  }

  get unsyncedCount(): number {
    return this.#unsynced.length;
  }

  /** What the cache alone has is written anew. */
  syncAll(): readonly Row[] {
    const rows = this.#unsynced;
    this.#unsynced = [];
    return rows;
  }

  /** A power cut: of what was never synced any beginning may be there. @returns what is, and so is durable */
  dropUnsynced(dice: Dice): readonly Row[] {
    const rows = this.syncAll();
    const kept = dice.whole(0, rows.length);
    const lost = new Set(rows.slice(kept));
    this.rows = this.rows.filter((row) => !lost.has(row));
    return rows.slice(0, kept);
  }
}
