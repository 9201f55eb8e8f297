import { isHeadgateError, messageOf } from '../../errors/headgate-error.ts';
import type { EventDraft } from '../../model/event.ts';
import { decodeEvent } from '../../model/event-codec.ts';
import type { Observer } from '../../observe/observer.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Journal } from '../../ports/journal.ts';
import type { OutboxRow } from './messages.ts';

const BATCH = 500;
const RETRY_MS = 500;
const SCAN_EVENTS = 1_000;
const SCAN_BYTES = 1_048_576;

export interface OutletOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Observer;
  /** The journal has everything up to this number. */
  readonly onAccepted: (through: number) => void;
}

/**
 * The way of a service's events into the journal, for the life of one worker: one append at a time, in order, repeated until accepted.
 * A worker that starts may find events in its outbox that the journal already has; they are found there by their bytes and not
 * appended again. Every row here is in the outbox of the service too, so that what is not done when this closes is done by the next.
 */
export class Outlet {
  readonly #options: OutletOptions;
  readonly #rows: OutboxRow[] = [];
  #isReady = false;
  #isClosed = false;
  #running: Promise<void> | null = null;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  /** Rows that the worker just committed, ascending. */
  add(rows: readonly OutboxRow[]): void {
    this.#rows.push(...rows);
    this.#start();
  }

  /** Begin, with the rows that the worker found in its outbox, after the outlet before it has come to rest. */
  async recover(rows: readonly OutboxRow[], previous: Outlet | null): Promise<void> {
    await previous?.close();
    let missing: OutboxRow[] | null = rows.length === 0 ? [] : null;
    while (missing === null && !this.#isClosed) {
      try {
        missing = await this.#notInJournal(rows);
      } catch (error) {
        await this.#pause('service-read-retried', error);
      }
    }
    if (missing === null || this.#isClosed) return;
    const last = rows.at(-1)?.number ?? 0;
    if (last > 0) this.#options.onAccepted((missing[0]?.number ?? last + 1) - 1);
    this.#rows.unshift(...missing);
    this.#isReady = true;
    this.#start();
  }

  /** Take nothing new up; resolves when the append under way has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #notInJournal(rows: readonly OutboxRow[]): Promise<OutboxRow[]> {
    const { journal } = this.#options;
    const wanted = new Set(rows.map((row) => keyOf(row.bytes)));
    const found = new Map<string, number>();
    const until = journal.lastSequence;
    let after = Math.min(until, ...rows.map((row) => row.after));
    while (after < until) {
      const page = await journal.read({ after, until, maxEvents: SCAN_EVENTS, maxBytes: SCAN_BYTES });
      for (const event of page.events) {
        if (event.list !== null) continue;
        const key = keyOf(event.bytes);
        if (wanted.has(key)) found.set(key, (found.get(key) ?? 0) + 1);
      }
      if (page.through <= after) break;
      after = page.through;
    }
    return rows.filter((row) => {
      const key = keyOf(row.bytes);
      const left = found.get(key) ?? 0;
      found.set(key, left - 1);
      return left <= 0;
    });
  }

  #start(): void {
    if (this.#running !== null || !this.#isReady || this.#isClosed || this.#rows.length === 0) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    const { journal, observer, onAccepted } = this.#options;
    let size = BATCH;
    while (this.#rows.length > 0 && !this.#isClosed) {
      const batch = this.#rows.slice(0, size);
      try {
        await journal.append(batch.map(toDraft));
        size = BATCH;
      } catch (error) {
        // Anything but an event that is refused for what it is stays in the outbox until the journal, or the next one, takes it.
        if (!isHeadgateError(error, 'JOURNAL_EVENT_TOO_LARGE')) {
          await this.#pause('service-append-retried', error);
          continue;
        }
        if (batch.length > 1) {
          size = 1;
          continue;
        }
        observer.emit('service-event-lost', { reason: messageOf(error) });
      }
      this.#rows.splice(0, batch.length);
      onAccepted(batch.at(-1)?.number ?? 0);
    }
  }

  async #pause(event: 'service-append-retried' | 'service-read-retried', error: unknown): Promise<void> {
    const { observer, clock, random } = this.#options;
    observer.emit(event, { reason: messageOf(error) });
    await new Promise<void>((resolve) => clock.after(RETRY_MS * (0.5 + random()), resolve));
  }
}

function toDraft(row: OutboxRow): EventDraft {
  const stored = { sequence: 0, recordedtime: 0, lane: row.lane, bytes: row.bytes, list: null };
  const { id: _id, sequence: _sequence, recordedtime: _recordedtime, ...draft } = decodeEvent(stored, '');
  return draft;
}

function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
