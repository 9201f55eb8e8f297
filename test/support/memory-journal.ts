import type { EventDraft, HeadgateEvent } from '../../src/model/event.ts';
import { eventId, isTelemetry } from '../../src/model/event.ts';
import { encodeEvent } from '../../src/model/event-codec.ts';
import { LANES, type Lane } from '../../src/model/tag.ts';
import type {
  CommittedEvent,
  Cursor,
  Journal,
  JournalStatus,
  LaneCursors,
  Page,
  PageRequest,
  StoredEvent,
} from '../../src/ports/journal.ts';

import { passesFilter } from '../../src/runtime/event-filter.ts';

/** The journal port in memory, for tests of consumers: commits on the next turn of the loop; keeps everything. */
export class MemoryJournal implements Journal {
  readonly journalId: string;
  readonly events: CommittedEvent[] = [];
  readonly cursors = new Map<string, LaneCursors>();
  readonly failed = new Promise<Error>(() => {});
  /** Pages read from "disk". */
  reads = 0;
  /** What the next reads do instead of answering. */
  readFault: (() => Promise<Page>) | null = null;
  /** Called before each append commits; throw to refuse it. */
  beforeCommit: (drafts: readonly EventDraft[]) => void = () => {};
  #listeners = new Set<(events: readonly CommittedEvent[]) => void>();
  #now: () => number;
  #lastSequence = 0;

  constructor(options: { journalId?: string; now?: () => number } = {}) {
    this.journalId = options.journalId ?? 'j1';
    this.#now = options.now ?? Date.now;
  }

  get lastSequence(): number {
    return this.#lastSequence;
  }

  async append(drafts: readonly EventDraft[]): Promise<readonly HeadgateEvent[]> {
    await new Promise((resolve) => setImmediate(resolve));
    this.beforeCommit(drafts);
    return this.commit(drafts);
  }

  /** Commit at once. */
  commit(drafts: readonly EventDraft[]): readonly HeadgateEvent[] {
    const committed = drafts.map((draft): CommittedEvent => {
      const sequence = ++this.#lastSequence;
      const recordedtime = this.#now();
      const { lane } = draft;
      const list = isTelemetry(draft) ? draft.data.list : null;
      const event = { ...draft, id: eventId(this.journalId, sequence), sequence, recordedtime };
      return { sequence, lane, recordedtime, bytes: encodeEvent(draft), list, event };
    });
    this.events.push(...committed);
    for (const listener of this.#listeners) listener(committed);
    return committed.map(({ event }) => event);
  }

  /** Leave sequences out, as if never accepted. */
  hole(count: number): void {
    this.#lastSequence += count;
  }

  onCommit(listener: (events: readonly CommittedEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async read(request: PageRequest): Promise<Page> {
    this.reads++;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.readFault !== null) return this.readFault();
    const events: StoredEvent[] = [];
    let bytes = 0;
    for (const { event, ...stored } of this.events) {
      const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, ...filter } = request.where ?? {};
      if (event.time < from || event.time >= to || !passesFilter(filter, event)) continue;
      if (event.sequence <= request.after || event.sequence > request.until) continue;
      if (request.lanes !== undefined && !request.lanes.includes(event.lane)) continue;
      bytes += stored.bytes.length;
      if (events.length >= request.maxEvents || (bytes > request.maxBytes && events.length > 0)) {
        return { events, through: events.at(-1)?.sequence ?? request.after };
      }
      events.push(stored);
    }
    return { events, through: request.until };
  }

  async openCursor(consumer: string, start: 'now' | 'beginning'): Promise<LaneCursors> {
    const known = this.cursors.get(consumer);
    if (known !== undefined) return known;
    const cursor = { settled: start === 'now' ? this.#lastSequence : 0, above: [] };
    const cursors = { critical: cursor, normal: cursor, bulk: cursor };
    this.cursors.set(consumer, cursors);
    return cursors;
  }

  moveCursor(consumer: string, cursor: Cursor, lanes: readonly Lane[] = LANES): void {
    const known = this.cursors.get(consumer) ?? { critical: cursor, normal: cursor, bulk: cursor };
    this.cursors.set(consumer, { ...known, ...Object.fromEntries(lanes.map((lane) => [lane, cursor])) });
  }

  async forgetCursor(consumer: string): Promise<void> {
    this.cursors.delete(consumer);
  }

  async status(): Promise<JournalStatus> {
    const none = { segments: 0, events: 0, bytes: 0 };
    return {
      journalId: this.journalId,
      lastSequence: this.lastSequence,
      lanes: { critical: none, normal: none, bulk: none },
      bytes: 0,
      quotaBytes: 0,
      freeDiskBytes: 0,
      blocked: null,
      gaps: [],
      ledger: [],
    };
  }

  async close(): Promise<void> {}
}
