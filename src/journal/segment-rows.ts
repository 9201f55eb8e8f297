import { crc32 } from 'node:zlib';
import type Database from 'better-sqlite3';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import type { StreamCount } from './ledger.ts';
import type { StoredRecord } from './record.ts';
import type { SegmentEvents } from './segment-events.ts';
import type { TimeRange } from './segment-info.ts';
import type { SegmentReferences } from './segment-references.ts';
import type { SelectBounds } from './select-step.ts';
import { DamageError } from './sqlite-failure.ts';

interface EventRow {
  readonly sequence: number;
  readonly recorded: number;
  readonly stream: number;
  readonly list: number;
  readonly checksum: number;
  readonly payload: Buffer;
}

type Bindings = Record<string, string | number>;

const COLUMNS = 'sequence, recorded, stream, list, checksum, payload';

/**
 * The events of a segment of format 1: `event(sequence, recorded, stream, time, list, checksum, payload)`, a row for each. Journals of installed
 * gateways have them until they are pruned; none is written any more.
 */
export class SegmentRows implements SegmentEvents {
  readonly #db: Database.Database;
  readonly #lane: Lane;
  readonly #references: SegmentReferences;
  readonly #range: Database.Statement<[number, number], EventRow>;
  readonly #selections = new Map<string, Database.Statement<[Bindings], EventRow>>();

  constructor(db: Database.Database, lane: Lane, references: SegmentReferences) {
    this.#db = db;
    this.#lane = lane;
    this.#references = references;
    this.#range = db.prepare(`SELECT ${COLUMNS} FROM event WHERE sequence BETWEEN ? AND ? ORDER BY sequence`);
  }

  *read(first: number, last: number): Generator<StoredRecord, void, void> {
    for (const row of this.#range.iterate(first, last)) yield this.#record(row);
  }

  select({ first, last }: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    const bindings: Bindings = { first, last };
    const terms = ['sequence BETWEEN :first AND :last'];
    const bind = (name: string, value: string | number | undefined, term: string) => {
      if (value === undefined) return;
      bindings[name] = value;
      terms.push(term);
    };
    bind('from', where.from, 'time >= :from');
    bind('to', where.to, 'time < :to');
    const streams = this.#references.streamsOf(where);
    if (streams !== null) bind('streams', JSON.stringify(streams), 'stream IN (SELECT value FROM json_each(:streams))');
    const lists = this.#references.listsOf(where);
    if (lists !== null) bind('lists', JSON.stringify(lists), 'list IN (SELECT value FROM json_each(:lists))');
    const found: StoredRecord[] = [];
    let bytes = 0;
    for (const row of this.#selection(terms.join(' AND ')).iterate(bindings)) {
      const record = this.#record(row);
      found.push(record);
      bytes += record.payload.length;
      if (found.length > bounds.maxEvents || bytes > bounds.maxBytes) break;
    }
    return found;
  }

  times(first: number): TimeRange | null {
    const row = this.#db
      .prepare<[number], { low: number | null; high: number | null }>(
        'SELECT min(time) AS low, max(time) AS high FROM event WHERE sequence >= ?',
      )
      .get(first);
    return row === undefined || row.low === null || row.high === null ? null : { low: row.low, high: row.high };
  }

  count(first: number, last: number): number {
    return (
      this.#db
        .prepare<[number, number], { count: number }>(
          'SELECT count(*) AS count FROM event WHERE sequence BETWEEN ? AND ?',
        )
        .get(first, last)?.count ?? 0
    );
  }

  tally(first: number, last: number): StreamCount[] {
    return this.#db
      .prepare<[number, number], StreamCount>(
        `SELECT partition_key AS stream, sum(n) AS count
         FROM (SELECT stream AS id, count(*) AS n FROM event WHERE sequence BETWEEN ? AND ? GROUP BY stream)
         JOIN stream USING (id) GROUP BY partition_key`,
      )
      .all(first, last);
  }

  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs } {
    const row = this.#db
      .prepare<[], { first: number | null; last: number | null }>(
        'SELECT min(sequence) AS first, max(sequence) AS last FROM event',
      )
      .get();
    const last = row?.last ?? 0;
    const recorded = this.#db
      .prepare<[number], { recorded: number }>('SELECT recorded FROM event WHERE sequence = ?')
      .get(last)?.recorded;
    return { first: row?.first ?? 0, last, recorded: recorded ?? 0 };
  }

  #selection(terms: string): Database.Statement<[Bindings], EventRow> {
    let statement = this.#selections.get(terms);
    if (statement === undefined) {
      statement = this.#db.prepare<[Bindings], EventRow>(
        `SELECT ${COLUMNS} FROM event WHERE ${terms} ORDER BY sequence`,
      );
      this.#selections.set(terms, statement);
    }
    return statement;
  }

  #record(row: EventRow): StoredRecord {
    const { sequence, recorded, list } = row;
    const payload = row.payload as Uint8Array;
    if (!(payload instanceof Uint8Array) || row.checksum !== rowChecksum(row)) {
      throw new DamageError(`checksum of event ${sequence} is wrong`);
    }
    return { sequence, lane: this.#lane, recorded, payload, list: this.#references.list(list) };
  }
}

/** Over the payload, started from what identifies the row; a signed 32-bit integer. */
function rowChecksum({ sequence, recorded, stream, list, payload }: EventRow): number {
  const low = sequence ^ Math.imul(Math.floor(sequence / 0x1_0000_0000), 0x9e37_79b1);
  const when = recorded ^ Math.imul(Math.floor(recorded / 0x1_0000_0000), 0x85eb_ca6b);
  const start = Math.imul(low ^ Math.imul(when, 0xc2b2_ae35) ^ Math.imul(stream * 31 + list, 0x27d4_eb2f), 0x1656_67b1);
  return crc32(payload, start >>> 0) | 0;
}
