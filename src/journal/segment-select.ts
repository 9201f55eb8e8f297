import type Database from 'better-sqlite3';
import { decodeCbor } from '../model/event-codec.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EventSelection, SequenceRange } from '../ports/journal.ts';

/** The columns of a row of `event` that make a stored record. */
export interface EventRow {
  readonly sequence: number;
  readonly recorded: number;
  readonly stream: number;
  readonly list: number;
  readonly checksum: number;
  readonly payload: Buffer;
}

type Bindings = Record<string, string | number>;

/** Answers selections on one segment from the columns of its rows: a payload is read only of what matches. */
export class SegmentSelector {
  readonly #db: Database.Database;
  readonly #statements = new Map<string, Database.Statement<[Bindings], EventRow>>();
  /** Of the tag asked for last: the lists that have it, and those looked at. */
  #tag = '';
  readonly #lists = new Map<number, boolean>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** The matching rows of a closed range, in order. */
  rows(range: SequenceRange, where: EventSelection): IterableIterator<EventRow> {
    const bindings: Bindings = { first: range.first, last: range.last };
    const terms = ['sequence BETWEEN :first AND :last'];
    const bind = (name: string, value: string | number | undefined, term: string) => {
      if (value === undefined) return;
      bindings[name] = value;
      terms.push(term);
    };
    bind('from', where.from, 'time >= :from');
    bind('to', where.to, 'time < :to');
    const streams: string[] = [];
    if (where.type !== undefined) {
      const isPrefix = where.type.endsWith('*');
      bindings['type'] = isPrefix ? where.type.slice(0, -1) : where.type;
      streams.push(isPrefix ? 'substr(type, 1, length(:type)) = :type' : 'type = :type');
    }
    if (where.asset !== undefined) {
      bindings['asset'] = where.asset;
      streams.push("(subject = :asset OR substr(subject, 1, length(:asset) + 1) = :asset || '/')");
    }
    if (streams.length > 0) terms.push(`stream IN (SELECT id FROM stream WHERE ${streams.join(' AND ')})`);
    if (where.tag !== undefined) {
      bindings['lists'] = JSON.stringify(this.#listsWith(where.tag));
      terms.push('list IN (SELECT value FROM json_each(:lists))');
    }
    return this.#statement(terms.join(' AND ')).iterate(bindings);
  }

  #statement(terms: string): Database.Statement<[Bindings], EventRow> {
    let statement = this.#statements.get(terms);
    if (statement === undefined) {
      statement = this.#db.prepare<[Bindings], EventRow>(
        `SELECT sequence, recorded, stream, list, checksum, payload FROM event WHERE ${terms} ORDER BY sequence`,
      );
      this.#statements.set(terms, statement);
    }
    return statement;
  }

  #listsWith(tag: string): number[] {
    if (tag !== this.#tag) this.#lists.clear();
    this.#tag = tag;
    for (const { id } of this.#db.prepare<[], { id: number }>('SELECT id FROM tag_list').all()) {
      if (this.#lists.has(id)) continue;
      const row = this.#db.prepare<[number], { body: Buffer }>('SELECT body FROM tag_list WHERE id = ?').get(id);
      this.#lists.set(id, row !== undefined && (decodeCbor(row.body) as TagList).names.includes(tag));
    }
    return [...this.#lists].flatMap(([id, has]) => (has ? [id] : []));
  }
}
