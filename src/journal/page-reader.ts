import { LANES } from '../model/tag.ts';
import type { PageRequest } from '../ports/journal.ts';
import type { PageAnswer } from './messages.ts';
import type { EncodedList, StoredRecord } from './record.ts';
import type { Store } from './store.ts';

/** Bounds of one slice: about a millisecond of reading between commits. */
const SLICE_EVENTS = 2000;
const SLICE_BYTES = 256 * 1024;
/** A search answers with what it has after so many slices, so that it can be given up. */
const SEARCH_SLICES = 64;
/** Tag lists remembered as sent before both sides start afresh. */
const MAX_KNOWN_LISTS = 4096;

interface Reading {
  readonly id: number;
  readonly request: PageRequest;
  readonly records: StoredRecord[];
  bytes: number;
  /** How far it got. */
  through: number;
  slices: number;
}

/** Answers reads slice by slice, in the order they were asked, so that commits can go on in between. */
export class PageReader {
  readonly #queue: Reading[] = [];
  readonly #knownLists = new Set<string>();

  get isBusy(): boolean {
    return this.#queue.length > 0;
  }

  /** The main thread has this list already. */
  knows(listId: string): void {
    this.#knownLists.add(listId);
  }

  ask(id: number, request: PageRequest): void {
    this.#queue.push({ id, request, records: [], bytes: 0, through: request.after, slices: 0 });
  }

  /** Read a slice; returns the page when it is full or the search is at its end. */
  step(store: Store): { readonly id: number; readonly page: PageAnswer } | null {
    const reading = this.#queue[0];
    if (reading === undefined) return null;
    const { request, records } = reading;
    const maxEvents = request.maxEvents - records.length;
    const maxBytes = request.maxBytes - reading.bytes;
    const after = Math.max(reading.through, records.at(-1)?.sequence ?? request.after);
    const bounds = { maxEvents: Math.min(SLICE_EVENTS, maxEvents), maxBytes: Math.min(SLICE_BYTES, maxBytes) };
    const { where } = request;
    if (!store.prepare({ ...request, after })) {
      this.#giveTurn();
      return null;
    }
    const slice =
      where === undefined
        ? store.read({ ...request, ...bounds, after })
        : store.select({ ...request, ...bounds, after }, where);
    for (const record of slice.records) {
      // The first of a later slice came whatever its size.
      if (records.length > 0 && reading.bytes + record.payload.length > request.maxBytes) {
        return this.#finish(reading, records.at(-1)?.sequence ?? after);
      }
      records.push(record);
      reading.bytes += record.payload.length;
    }
    reading.through = slice.through;
    const isAtEnd = slice.through >= Math.min(request.until, store.lastSequence);
    const isFull = records.length >= request.maxEvents || reading.bytes >= request.maxBytes;
    const isLong = where !== undefined && ++reading.slices >= SEARCH_SLICES;
    if (isAtEnd || isFull || isLong) return this.#finish(reading, slice.through);
    if (where !== undefined) this.#giveTurn();
    return null;
  }

  /** A search, or what comes before a reading, may take long: others get their turn in between. */
  #giveTurn(): void {
    this.#queue.push(...this.#queue.splice(0, 1));
  }

  #finish({ id, records, bytes }: Reading, through: number): { readonly id: number; readonly page: PageAnswer } {
    this.#queue.shift();
    const isReset = this.#knownLists.size > MAX_KNOWN_LISTS;
    if (isReset) this.#knownLists.clear();
    const lists: EncodedList[] = [];
    const payload = new Uint8Array(bytes);
    const count = records.length;
    const page: PageAnswer = {
      sequences: new Float64Array(count),
      recorded: new Float64Array(count),
      lanes: new Uint8Array(count),
      listIds: records.map(({ list }) => list?.id ?? null),
      ends: new Uint32Array(count),
      payload,
      through,
      lists,
      isReset,
    };
    let end = 0;
    records.forEach((record, i) => {
      payload.set(record.payload, end);
      end += record.payload.length;
      page.sequences[i] = record.sequence;
      page.recorded[i] = record.recorded;
      page.lanes[i] = LANES.indexOf(record.lane);
      page.ends[i] = end;
      if (record.list !== null && !this.#knownLists.has(record.list.id)) {
        this.#knownLists.add(record.list.id);
        lists.push(record.list);
      }
    });
    return { id, page };
  }
}
