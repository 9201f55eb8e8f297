import type Database from 'better-sqlite3';
import type { Lane } from '../model/tag.ts';
import type { EpochMs } from '../model/time.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';
import {
  decodeHeads,
  FrameBuilder,
  type FrameHeadRow,
  type FrameHeads,
  type FrameRow,
  frameChecksum,
} from './frame.ts';
import type { StreamCount } from './ledger.ts';
import type { NewRecord, StoredRecord } from './record.ts';
import type { SegmentEvents } from './segment-events.ts';
import type { TimeRange } from './segment-info.ts';
import type { SegmentReferences } from './segment-references.ts';
import type { SelectBounds } from './select-step.ts';
import { DamageError } from './sqlite-failure.ts';

/** The heads come before the payload, so that reading them does not read its pages. */
export const FRAME_TABLE = `
  CREATE TABLE frame (
    first INTEGER PRIMARY KEY, span INTEGER NOT NULL, count INTEGER NOT NULL, recorded INTEGER NOT NULL,
    time NUMERIC NOT NULL, time_span NUMERIC NOT NULL, checksum INTEGER NOT NULL,
    heads BLOB NOT NULL, payload BLOB NOT NULL);
`;

const HEAD_COLUMNS = 'first, count, recorded, time, heads';
const COLUMNS = `${HEAD_COLUMNS}, span, time_span AS timeSpan, checksum, payload`;
/** From the frame that may hold a sequence on. */
const REACHES = 'first >= coalesce((SELECT max(first) FROM frame WHERE first <= :first), 0) AND first + span >= :first';

/** A frame that was read. */
interface Frame {
  readonly first: number;
  readonly last: number;
  readonly heads: FrameHeads;
  readonly payload: Uint8Array;
}

/** The events of a segment of format 2, in frames; those that are written. */
export class SegmentFrames implements SegmentEvents {
  readonly #db: Database.Database;
  readonly #lane: Lane;
  readonly #references: SegmentReferences;
  /** Of events that are not in the database yet. */
  #builder: FrameBuilder | undefined;
  #insert: Database.Statement<unknown[]> | undefined;
  readonly #before: Database.Statement<[number], FrameRow>;
  readonly #after: Database.Statement<[number], FrameRow>;
  readonly #selections = new Map<string, Database.Statement<[Record<string, number>], FrameHeadRow>>();
  /** The last one: whoever reads on, or in small pages, begins in it. */
  #frame: Frame | null = null;

  constructor(db: Database.Database, lane: Lane, references: SegmentReferences) {
    this.#db = db;
    this.#lane = lane;
    this.#references = references;
    this.#before = db.prepare(`SELECT ${COLUMNS} FROM frame WHERE first <= ? ORDER BY first DESC LIMIT 1`);
    this.#after = db.prepare(`SELECT ${COLUMNS} FROM frame WHERE first > ? ORDER BY first LIMIT 1`);
  }

  /** Add an event, in a transaction; its sequence is above all others'. */
  insert(sequence: number, recorded: EpochMs, { stream, list, time, payload }: NewRecord): void {
    this.#builder ??= new FrameBuilder();
    if (!this.#builder.hasRoomFor(payload)) this.flush();
    const references = this.#references;
    const head = { sequence, recorded, time, stream: references.streamId(stream), list: references.listId(list) };
    this.#builder.add(head, payload);
  }

  /** Hand all events to the database: they are there when the transaction commits. */
  flush(): void {
    if (this.#builder === undefined || this.#builder.isEmpty) return;
    const { first, span, count, recorded, time, timeSpan, checksum, heads, payload } = this.#builder.take();
    this.#insert ??= this.#db.prepare('INSERT INTO frame VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
    this.#insert.run(first, span, count, recorded, time, timeSpan, checksum, heads, payload);
  }

  /** Forget what the transaction had. */
  rollback(): void {
    this.#builder?.clear();
    this.#frame = null;
  }

  /** Take events out, in a transaction: frames that have others, too, are written anew. */
  deleteRange(first: number, last: number): void {
    const remove = this.#db.prepare<[number]>('DELETE FROM frame WHERE first = ?');
    this.#builder ??= new FrameBuilder();
    for (let frame = this.#reaching(first); frame !== null && frame.first <= last; frame = this.#next(frame)) {
      remove.run(frame.first);
      const { heads, payload } = frame;
      heads.sequences.forEach((sequence, i) => {
        if (sequence >= first && sequence <= last) return;
        const [recorded, time] = [heads.recorded[i] ?? 0, heads.times[i] ?? 0];
        const [stream, list] = [heads.streams[i] ?? 0, heads.lists[i] ?? 0];
        const bytes = payload.subarray(heads.ends[i - 1] ?? 0, heads.ends[i]);
        this.#builder?.add({ sequence, recorded, time, stream, list }, bytes);
      });
      this.flush();
    }
    this.#frame = null;
  }

  *read(first: number, last: number): Generator<StoredRecord, void, void> {
    for (let frame = this.#reaching(first); frame !== null && frame.first <= last; frame = this.#next(frame)) {
      const { sequences } = frame.heads;
      for (let i = 0; i < sequences.length; i++) {
        const sequence = sequences[i] ?? 0;
        if (sequence > last) return;
        if (sequence >= first) yield this.#record(frame, i);
      }
    }
  }

  select({ first, last }: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = where;
    const streams = toSet(this.#references.streamsOf(where));
    const lists = toSet(this.#references.listsOf(where));
    const found: StoredRecord[] = [];
    let bytes = 0;
    for (const row of this.#selection(where).iterate({ first, last, from, to })) {
      const heads = decodeHeads(row);
      for (let i = 0; i < heads.sequences.length; i++) {
        const sequence = heads.sequences[i] ?? 0;
        const time = heads.times[i] ?? 0;
        if (sequence < first || sequence > last || !(time >= from && time < to)) continue;
        if (streams?.has(heads.streams[i] ?? 0) === false || lists?.has(heads.lists[i] ?? 0) === false) continue;
        const frame = this.#reaching(row.first);
        if (frame?.first !== row.first) throw new DamageError(`frame ${row.first} is missing`);
        const record = this.#record(frame, i);
        found.push(record);
        bytes += record.payload.length;
        if (found.length > bounds.maxEvents || bytes > bounds.maxBytes) return found;
      }
    }
    return found;
  }

  times(first: number): TimeRange | null {
    const row = this.#db
      .prepare<[Record<string, number>], { low: number | null; high: number | null }>(
        `SELECT min(time) AS low, max(time + time_span) AS high FROM frame WHERE ${REACHES}`,
      )
      .get({ first });
    return row === undefined || row.low === null || row.high === null ? null : { low: row.low, high: row.high };
  }

  count(first: number, last: number): number {
    const { count } = this.#db
      .prepare<[number, number], { count: number }>(
        'SELECT coalesce(sum(count), 0) AS count FROM frame WHERE first >= ? AND first + span <= ?',
      )
      .get(first, last) ?? { count: 0 };
    return this.#straddling(first, last).reduce((sum, heads) => sum + within(heads, first, last), count);
  }

  tally(first: number, last: number): StreamCount[] {
    const counts = new Map<number, number>();
    for (const row of this.#selection({}).iterate({ first, last })) {
      const { sequences, streams } = decodeHeads(row);
      for (let i = 0; i < sequences.length; i++) {
        const sequence = sequences[i] ?? 0;
        const stream = streams[i] ?? 0;
        if (sequence >= first && sequence <= last) counts.set(stream, (counts.get(stream) ?? 0) + 1);
      }
    }
    const keys = this.#references.partitionKeys();
    const sums = new Map<string, number>();
    for (const [id, count] of counts) {
      const stream = keys.get(id);
      if (stream === undefined) throw new DamageError(`stream ${id} is missing`);
      sums.set(stream, (sums.get(stream) ?? 0) + count);
    }
    return [...sums].map(([stream, count]) => ({ stream, count }));
  }

  bounds(): { readonly first: number; readonly last: number; readonly recorded: EpochMs } {
    const first = this.#db.prepare<[], { first: number | null }>('SELECT min(first) AS first FROM frame').get()?.first;
    const newest = this.#before.get(Number.MAX_SAFE_INTEGER);
    if (newest === undefined) return { first: 0, last: 0, recorded: 0 };
    return {
      first: first ?? 0,
      last: newest.first + newest.span,
      recorded: decodeHeads(newest).recorded.at(-1) ?? 0,
    };
  }

  /** Frames that have events of a range and others. */
  #straddling(first: number, last: number): FrameHeads[] {
    const rows = [this.#before.get(first), this.#before.get(last)];
    const isInPart = (row: FrameRow | undefined): row is FrameRow =>
      row !== undefined && row.first + row.span >= first && (row.first < first || row.first + row.span > last);
    const [low, high] = rows.map((row) => (isInPart(row) ? row : null));
    return [low, high?.first === low?.first ? null : high].flatMap((row) => (row ? [decodeHeads(row)] : []));
  }

  /** The frame that has a sequence, or else the next; null if there is none. */
  #reaching(sequence: number): Frame | null {
    const known = this.#frame;
    if (known !== null && known.first <= sequence && known.last >= sequence) return known;
    const row = this.#before.get(sequence);
    return row !== undefined && row.first + row.span >= sequence
      ? this.#load(row)
      : this.#load(this.#after.get(sequence));
  }

  #next({ last }: Frame): Frame | null {
    return this.#load(this.#after.get(last));
  }

  #load(row: FrameRow | undefined): Frame | null {
    if (row === undefined) return null;
    const { first, span, payload } = row;
    if (!(payload instanceof Uint8Array && row.heads instanceof Uint8Array) || row.checksum !== frameChecksum(row)) {
      throw new DamageError(`checksum of events ${first} to ${first + span} is wrong`);
    }
    // Of a plain array a part costs a third of what one of a Buffer does.
    const bytes = new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#frame = { first, last: first + span, heads: decodeHeads(row), payload: bytes };
    return this.#frame;
  }

  #record({ heads, payload }: Frame, i: number): StoredRecord {
    return {
      sequence: heads.sequences[i] ?? 0,
      lane: this.#lane,
      recorded: heads.recorded[i] ?? 0,
      payload: payload.subarray(heads.ends[i - 1] ?? 0, heads.ends[i]),
      list: this.#references.list(heads.lists[i] ?? 0),
    };
  }

  /** Heads of the frames that may have events of a range of sequences and times. */
  #selection({ from, to }: EventSelection): Database.Statement<[Record<string, number>], FrameHeadRow> {
    const terms = [REACHES, 'first <= :last'];
    if (from !== undefined) terms.push('time + time_span >= :from');
    if (to !== undefined) terms.push('time < :to');
    const where = terms.join(' AND ');
    let statement = this.#selections.get(where);
    if (statement === undefined) {
      statement = this.#db.prepare(`SELECT ${HEAD_COLUMNS} FROM frame WHERE ${where} ORDER BY first`);
      this.#selections.set(where, statement);
    }
    return statement;
  }
}

function toSet(values: number[] | null): Set<number> | null {
  return values === null ? null : new Set(values);
}

function within({ sequences }: FrameHeads, first: number, last: number): number {
  return sequences.reduce((sum, sequence) => (sequence >= first && sequence <= last ? sum + 1 : sum), 0);
}
