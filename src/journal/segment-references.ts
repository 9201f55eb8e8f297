import type Database from 'better-sqlite3';
import { decodeCbor } from '../model/event-codec.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EventSelection } from '../ports/journal.ts';
import type { EncodedList, StreamKey } from './record.ts';
import { DamageError } from './sqlite-failure.ts';

/** The tables of a segment that its events refer to. */
export const REFERENCE_TABLES = `
  CREATE TABLE stream (
    id INTEGER PRIMARY KEY, type TEXT NOT NULL, subject TEXT NOT NULL, partition_key TEXT NOT NULL,
    UNIQUE (type, subject, partition_key)) STRICT;
  CREATE TABLE tag_list (id INTEGER PRIMARY KEY, list_id TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;
`;

/** What the events of a segment refer to by numbers: streams and tag lists, with the caches of both. */
export class SegmentReferences {
  readonly #db: Database.Database;
  readonly #streamIds = new Map<StreamKey, number>();
  readonly #listIds = new Map<string, number>();
  readonly #lists = new Map<number, EncodedList>();
  /** Of the tag asked for last: the lists that have it, and those looked at. */
  #tag = '';
  readonly #listsOfTag = new Map<number, boolean>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Drop what grows with the number of streams and lists; to be called, too, when what was learnt in a transaction was taken back. */
  forget(): void {
    this.#streamIds.clear();
    this.#listIds.clear();
    this.#lists.clear();
    this.#listsOfTag.clear();
  }

  /** The number of a stream; a new one gets a row. */
  streamId(key: StreamKey): number {
    return this.#streamIds.get(key) ?? this.#findStream(key);
  }

  /** The number of a list; a new one gets a row. 0: no list. */
  listId(list: EncodedList | null): number {
    return list === null ? 0 : (this.#listIds.get(list.id) ?? this.#findList(list));
  }

  /** The list of a number that a stored event has. @throws DamageError there is none */
  list(id: number): EncodedList | null {
    if (id === 0) return null;
    const known = this.#lists.get(id);
    if (known !== undefined) return known;
    const row = this.#db
      .prepare<[number], { list_id: string; body: Buffer }>('SELECT list_id, body FROM tag_list WHERE id = ?')
      .get(id);
    if (row === undefined) throw new DamageError(`tag list ${id} is missing`);
    const list = { id: row.list_id, body: new Uint8Array(row.body) };
    this.#lists.set(id, list);
    return list;
  }

  /** The types of its events; one whose events were all taken back may be among them. */
  types(): string[] {
    return this.#db
      .prepare<[], { type: string }>('SELECT DISTINCT type FROM stream')
      .all()
      .map(({ type }) => type);
  }

  /** Partition keys by stream. */
  partitionKeys(): Map<number, string> {
    const rows = this.#db
      .prepare<[], { id: number; partition_key: string }>('SELECT id, partition_key FROM stream')
      .all();
    return new Map(rows.map(({ id, partition_key }) => [id, partition_key]));
  }

  /** The streams of the type and asset that are asked for; null: all. */
  streamsOf({ type, asset }: EventSelection): number[] | null {
    const terms: string[] = [];
    const bindings: Record<string, string> = {};
    if (type !== undefined) {
      const isPrefix = type.endsWith('*');
      bindings['type'] = isPrefix ? type.slice(0, -1) : type;
      terms.push(isPrefix ? 'substr(type, 1, length(:type)) = :type' : 'type = :type');
    }
    if (asset !== undefined) {
      bindings['asset'] = asset;
      terms.push("(subject = :asset OR substr(subject, 1, length(:asset) + 1) = :asset || '/')");
    }
    if (terms.length === 0) return null;
    return this.#db
      .prepare<[Record<string, string>], { id: number }>(`SELECT id FROM stream WHERE ${terms.join(' AND ')}`)
      .all(bindings)
      .map(({ id }) => id);
  }

  /** The lists with the tag that is asked for; null: all, also none. */
  listsOf({ tag }: EventSelection): number[] | null {
    if (tag === undefined) return null;
    const known = this.#listsOfTag;
    if (tag !== this.#tag) known.clear();
    this.#tag = tag;
    for (const { id } of this.#db.prepare<[], { id: number }>('SELECT id FROM tag_list').all()) {
      if (known.has(id)) continue;
      const row = this.#db.prepare<[number], { body: Buffer }>('SELECT body FROM tag_list WHERE id = ?').get(id);
      known.set(id, row !== undefined && (decodeCbor(row.body) as TagList).names.includes(tag));
    }
    return [...known].flatMap(([id, has]) => (has ? [id] : []));
  }

  #findStream(key: StreamKey): number {
    const values = [key.type, key.subject, key.partitionKey] as const;
    this.#db
      .prepare<[string, string, string]>(
        'INSERT INTO stream (type, subject, partition_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
      )
      .run(...values);
    const row = this.#db
      .prepare<[string, string, string], { id: number }>(
        'SELECT id FROM stream WHERE type = ? AND subject = ? AND partition_key = ?',
      )
      .get(...values);
    if (row === undefined) throw new DamageError('stream table');
    this.#streamIds.set(key, row.id);
    return row.id;
  }

  #findList(list: EncodedList): number {
    this.#db
      .prepare<[string, Uint8Array]>('INSERT INTO tag_list (list_id, body) VALUES (?, ?) ON CONFLICT DO NOTHING')
      .run(list.id, list.body);
    const row = this.#db.prepare<[string], { id: number }>('SELECT id FROM tag_list WHERE list_id = ?').get(list.id);
    if (row === undefined) throw new DamageError('tag list table');
    this.#listIds.set(list.id, row.id);
    return row.id;
  }
}
