import Database from 'better-sqlite3';
import { csvLine } from '../model/csv-line.ts';
import { type HeadgateEvent, isTelemetry } from '../model/event.ts';
import { type EpochMs, type Millis, toRfc3339 } from '../model/time.ts';
import type { EventWriter } from './event-writer.ts';
import { sampleRows } from './sample-rows.ts';
import type { FoundEvents } from './stored-events.ts';

/** Text that is handed on at once. */
const CHUNK_CHARACTERS = 65_536;

interface Cell {
  readonly time: EpochMs;
  readonly tag: number;
  readonly cell: string;
}

/**
 * A table as a spreadsheet has it: one row per interval in which something was reported, one column per tag, in UTC. A cell holds the last sample of its
 * interval by source time; it is empty if there was none, or if that one had no value. Devices report in turns and a device may catch up late, so the
 * samples are sorted in a temporary SQLite database on disk: memory does not grow with the export.
 */
export class WideSamples implements EventWriter {
  readonly #everyMs: Millis;
  readonly #tags = new Map<string, number>();
  /** Asset and name of each tag, by its number. */
  readonly #places: { readonly asset: string; readonly name: string }[] = [];
  // SQLite makes a file of its own for the empty name, and removes it.
  readonly #database = new Database('');
  readonly #put: Database.Statement<[time: EpochMs, tag: number, at: EpochMs, cell: string]>;

  /** @param everyMs a row's interval; rows begin at its multiples */
  constructor(everyMs: Millis) {
    this.#everyMs = everyMs;
    this.#database.exec(
      'CREATE TABLE cells (time INTEGER, tag INTEGER, at INTEGER, cell TEXT, PRIMARY KEY (time, tag)) WITHOUT ROWID; BEGIN',
    );
    this.#put = this.#database.prepare(
      `INSERT INTO cells VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET at = excluded.at, cell = excluded.cell WHERE excluded.at >= at`,
    );
  }

  begin(): string {
    return '';
  }

  async add({ events }: FoundEvents): Promise<string> {
    for (const event of events) if (isTelemetry(event)) this.#keep(event);
    return '';
  }

  async *end(): AsyncGenerator<string, void, void> {
    yield `${csvLine(['time', ...this.#headings()])}\r\n`;
    let text = '';
    for (const row of this.#rows()) {
      text += row;
      if (text.length < CHUNK_CHARACTERS) continue;
      yield text;
      text = '';
    }
    yield text;
    this.#database.close();
  }

  #keep(event: HeadgateEvent): void {
    for (const { time, asset, tag, value, text } of sampleRows(event)) {
      const start = Math.floor(time / this.#everyMs) * this.#everyMs;
      this.#put.run(start, this.#numberOf(asset, tag), time, text ?? (value === null ? '' : String(value)));
    }
  }

  #numberOf(asset: string, name: string): number {
    const key = `${asset}\n${name}`;
    const known = this.#tags.get(key);
    if (known !== undefined) return known;
    const number = this.#places.push({ asset, name }) - 1;
    this.#tags.set(key, number);
    return number;
  }

  /** The tag's name, with its asset in front where two assets have a tag of that name. */
  #headings(): string[] {
    const counts = new Map<string, number>();
    for (const { name } of this.#places) counts.set(name, (counts.get(name) ?? 0) + 1);
    return this.#places.map(({ asset, name }) => (counts.get(name) === 1 ? name : `${asset}/${name}`));
  }

  *#rows(): Generator<string, void, void> {
    const cells = this.#database.prepare<[], Cell>('SELECT time, tag, cell FROM cells ORDER BY time, tag').iterate();
    let time: EpochMs | null = null;
    let row: string[] = [];
    for (const cell of cells) {
      if (cell.time !== time) {
        if (time !== null) yield `${csvLine([toRfc3339(time), ...row])}\r\n`;
        time = cell.time;
        row = new Array<string>(this.#places.length).fill('');
      }
      row[cell.tag] = cell.cell;
    }
    if (time !== null) yield `${csvLine([toRfc3339(time), ...row])}\r\n`;
  }
}
