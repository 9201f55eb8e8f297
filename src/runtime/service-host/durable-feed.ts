import type { Journal, LaneCursors, StoredEvent } from '../../ports/journal.ts';
import type { ServiceLimits } from './limits.ts';
import { Outstanding, type SendEvents } from './outstanding.ts';

export interface DurableFeedOptions {
  readonly consumer: string;
  readonly journal: Journal;
  readonly limits: ServiceLimits;
  /** False: surely nothing for the service. */
  readonly isWanted: (event: StoredEvent) => boolean;
  readonly onBehind: () => void;
  readonly onReadError: (error: unknown) => void;
  /** Call back after a pause. */
  readonly later: (callback: () => void) => void;
}

const PAGE_EVENTS = 500;
const PAGE_BYTES = 1_048_576;

/**
 * What the feed of durable subscriptions does. It follows the commits while the worker keeps up; when the credit is used up it lets go and
 * reads pages from the journal until it has caught up, so that nothing waits in memory. The cursor stands at the last event of which
 * everything before is handled and committed by the service, and passes over events that nobody wants.
 */
export class DurableFeed {
  readonly #options: DurableFeedOptions;
  readonly #outstanding = new Outstanding();
  #state: 'closed' | 'following' | 'reading' = 'closed';
  #send: SendEvents | null = null;
  #settled = 0;
  #position = 0;
  #committed = 0;
  #isReading = false;
  #session = 0;

  constructor(options: DurableFeedOptions) {
    this.#options = options;
  }

  /** Events committed and not settled. */
  get lag(): number {
    return this.#state === 'closed' && this.#settled === 0 ? 0 : Math.max(0, this.#committed - this.#settled);
  }

  /** The worker runs; `inbox` is how far the service's own store says it got. */
  async open(send: SendEvents, inbox: number): Promise<void> {
    const { journal, consumer, onReadError, later } = this.#options;
    const session = ++this.#session;
    let cursors: LaneCursors;
    try {
      cursors = await journal.openCursor(consumer, 'now');
    } catch (error) {
      onReadError(error);
      later(() => {
        if (session === this.#session) void this.open(send, inbox);
      });
      return;
    }
    if (session !== this.#session) return;
    this.#committed = Math.max(this.#committed, journal.lastSequence);
    const settled = Math.min(cursors.critical.settled, cursors.normal.settled, cursors.bulk.settled);
    this.#settled = Math.max(this.#settled, settled, Math.min(inbox, this.#committed));
    this.#position = this.#settled;
    this.#send = send;
    this.#state = 'reading';
    void this.#read();
  }

  /** The worker is gone: what was not settled will be read again. */
  close(): void {
    this.#session++;
    this.#state = 'closed';
    this.#send = null;
    this.#isReading = false;
    this.#outstanding.clear();
  }

  /** True: put these events of a commit into the commit's message. False: they will be read from the journal, or are not wanted. */
  admit(events: readonly StoredEvent[], bytes: number, through: number): boolean {
    this.#committed = through;
    if (this.#state === 'reading') void this.#read();
    if (this.#state !== 'following') return false;
    if (events.length === 0) {
      this.#passOver(through);
      return false;
    }
    if (!this.#outstanding.isWithin(this.#options.limits, 1)) {
      this.#state = 'reading';
      this.#options.onBehind();
      return false;
    }
    this.#outstanding.add({ through, events: events.length, bytes });
    this.#position = through;
    return true;
  }

  handled(batches: number): void {
    this.#settle(this.#outstanding.settle(batches));
    if (this.#state === 'reading') void this.#read();
  }

  /** Nothing in this range is wanted: the place moves with what is still out, or at once. */
  #passOver(through: number): void {
    this.#position = through;
    const { last } = this.#outstanding;
    if (last === undefined) this.#settle(through);
    else last.through = through;
  }

  #settle(through: number): void {
    if (through <= this.#settled) return;
    this.#settled = through;
    this.#options.journal.moveCursor(this.#options.consumer, { settled: through, above: [] });
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    const session = this.#session;
    const { journal, limits, isWanted } = this.#options;
    this.#isReading = true;
    try {
      while (session === this.#session && this.#state === 'reading') {
        if (this.#position >= this.#committed) {
          this.#state = 'following';
          return;
        }
        if (!this.#outstanding.isWithin(limits, 0.5)) return;
        const page = await journal.read({
          after: this.#position,
          until: this.#committed,
          maxEvents: PAGE_EVENTS,
          maxBytes: PAGE_BYTES,
        });
        if (session !== this.#session) return;
        this.#take(page.events.filter(isWanted), page.through);
      }
    } catch (error) {
      if (session !== this.#session) return;
      this.#options.onReadError(error);
      this.#options.later(() => void this.#read());
    } finally {
      if (session === this.#session) this.#isReading = false;
    }
  }

  #take(wanted: readonly StoredEvent[], through: number): void {
    if (through <= this.#position) throw new Error(`the journal's page ends at ${through}, before its start`);
    if (wanted.length === 0) {
      this.#passOver(through);
      return;
    }
    const bytes = wanted.reduce((sum, event) => sum + event.bytes.length, 0);
    this.#outstanding.add({ through, events: wanted.length, bytes });
    this.#position = through;
    this.#send?.(wanted);
  }
}
