import type { Millis } from '../../model/time.ts';
import { systemClock } from '../../ports/system-clock.ts';
import type { OutboxRow } from './messages.ts';
import type { StateStore } from './state-store.ts';
import type { WorkMarker } from './work-marker.ts';
import { WorkingState } from './working-state.ts';

/**
 * What the tasks of a service do to the world: state changes and published events. A task's effects are kept or discarded as a whole;
 * those of many tasks go into one transaction with the inbox position; published events leave after it.
 */
export class Effects {
  readonly state: WorkingState;
  /** Last handled sequence of the durable feed. */
  inbox: number;
  /** What the outbox held when it was opened. */
  readonly waiting: readonly OutboxRow[];
  readonly #store: StateStore;
  readonly #marker: WorkMarker;
  readonly #position: number;
  readonly #waiters: { readonly number: number; readonly resolve: () => void }[] = [];
  #isInTask = false;
  #taskRows: OutboxRow[] = [];
  #keptRows: OutboxRow[] = [];
  #nextNumber: number;
  #accepted: number;
  #acceptedInStore: number;
  #isClosed = false;

  /** @param position of the service among those of the worker, for the marker */
  constructor(service: string, store: StateStore, marker: WorkMarker, position: number) {
    const place = store.place();
    this.#marker = marker;
    this.#position = position;
    this.#store = store;
    this.state = new WorkingState(service, store);
    this.inbox = place.inbox;
    this.waiting = place.outbox;
    this.#nextNumber = place.nextNumber;
    this.#accepted = (place.outbox[0]?.number ?? place.nextNumber) - 1;
    this.#acceptedInStore = this.#accepted;
  }

  /** Events that the task at hand has published. */
  get publishedInTask(): number {
    return this.#taskRows.length;
  }

  /** Published and not accepted by the journal yet. */
  get unaccepted(): number {
    return this.#nextNumber - 1 - this.#accepted;
  }

  /** Run something that is no event: its effects are kept if it succeeds, discarded if it throws. */
  async task(task: () => void | Promise<void>): Promise<void> {
    this.begin(0);
    try {
      await task();
      this.keep();
    } catch (error) {
      this.discard();
      throw error;
    }
  }

  /** @param sequence of the event that the task handles; 0: none */
  begin(sequence: number): void {
    this.#isInTask = true;
    this.#marker.enter(this.#position, sequence);
  }

  /** The task succeeded. */
  keep(): void {
    this.#rest();
    this.state.keep();
    if (this.#taskRows.length === 0) return;
    this.#keptRows.push(...this.#taskRows);
    this.#taskRows = [];
  }

  /** The task failed: none of it happened. */
  discard(): void {
    this.#rest();
    this.state.discard();
    this.#nextNumber = this.#taskRows[0]?.number ?? this.#nextNumber;
    this.#taskRows = [];
  }

  /** Take an event up, numbered: resolves at once within a task, else when the journal has accepted it. */
  publish(prepare: (number: number) => OutboxRow): Promise<void> {
    const row = prepare(this.#nextNumber);
    this.#nextNumber++;
    if (this.#isInTask) {
      this.#taskRows.push(row);
      return Promise.resolve();
    }
    this.#keptRows.push(row);
    return this.#untilAccepted(row.number);
  }

  /** The journal accepted everything up to this number. */
  accepted(through: number): void {
    this.#accepted = Math.max(this.#accepted, through);
    while ((this.#waiters[0]?.number ?? Number.POSITIVE_INFINITY) <= through) this.#waiters.shift()?.resolve();
  }

  /** Make what is kept durable; without effects there is nothing to write. @returns what may leave now */
  commit(): readonly OutboxRow[] {
    if (this.#isClosed) return [];
    const rows = this.#keptRows;
    const canEmptyOutbox = this.#accepted > this.#acceptedInStore && this.unaccepted === 0;
    if (rows.length === 0 && this.state.pending.size === 0 && !canEmptyOutbox) return rows;
    this.#store.commit({
      writes: this.state.pending,
      inbox: this.inbox,
      outbox: rows,
      acceptedThrough: this.#accepted,
    });
    this.#acceptedInStore = this.#accepted;
    this.#keptRows = [];
    this.state.committed();
    return rows;
  }

  /** Resolves when everything that left was accepted, at the latest after a time. */
  async drained(withinMs: Millis): Promise<void> {
    if (this.unaccepted <= 0) return;
    const late = new Promise<void>((resolve) => systemClock.after(withinMs, resolve));
    await Promise.race([this.#untilAccepted(this.#nextNumber - 1), late]);
  }

  close(): void {
    this.#rest();
    if (!this.#isClosed) this.#store.close();
    this.#isClosed = true;
  }

  #rest(): void {
    this.#isInTask = false;
    this.#marker.leave(this.#position);
  }

  #untilAccepted(number: number): Promise<void> {
    return new Promise((resolve) => this.#waiters.push({ number, resolve }));
  }
}
