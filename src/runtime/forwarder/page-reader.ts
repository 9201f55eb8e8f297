import type { Lane } from '../../model/tag.ts';
import type { Journal, Page, SequenceRange, StoredEvent } from '../../ports/journal.ts';

const PAGE_EVENTS = 2000;
const PAGE_BYTES = 1_048_576;

export interface PageReaderOptions {
  readonly journal: Pick<Journal, 'read'>;
  readonly lane: Lane;
  /** A page has come: ask again. */
  readonly onReady: () => void;
  /** A read failed; the next `peek` tries again. */
  readonly onFailed: (error: unknown) => void;
}

/** A page and the sequence before its first. */
interface HeldPage extends Page {
  readonly after: number;
  taken: number;
}

/** Reads the journal for one stream of one lane of one sink, a page ahead of what it sends: two pages in memory at most. */
export class PageReader {
  readonly #options: PageReaderOptions;
  #pages: HeldPage[] = [];
  /** Distinguishes reads that were under way when the stream went elsewhere. */
  #era = 0;
  #isReading = false;

  constructor(options: PageReaderOptions) {
    this.#options = options;
  }

  /** True when `take` has something of the range now; if not, a read is under way. */
  isReady(range: SequenceRange): boolean {
    for (;;) {
      const page = this.#pages[0];
      if (page === undefined) break;
      if (page.after < range.first && range.first <= page.through) {
        this.#readAhead(page.through, range.last);
        return true;
      }
      if (range.first <= page.through) this.reset();
      else this.#pages.shift();
    }
    this.#read(range.first - 1, range.last);
    return false;
  }

  /** How far a range that is ready has no events: what of it the next page begins with; null when it begins with an event. */
  emptyThrough(range: SequenceRange): number | null {
    const page = this.#pages[0];
    if (page === undefined) return null;
    const end = Math.min(range.last, page.through);
    const next = page.events.find(({ sequence }, i) => i >= page.taken && sequence >= range.first);
    return next === undefined || next.sequence > end ? end : null;
  }

  /**
   * The next events of a range that is ready, and the range that they speak for.
   * @param maxBytes but for a lone larger event
   */
  take(range: SequenceRange, maxEvents: number, maxBytes: number): { events: StoredEvent[]; range: SequenceRange } {
    const events: StoredEvent[] = [];
    const page = this.#pages[0];
    if (page === undefined) return { events, range: { first: range.first, last: range.first - 1 } };
    const end = Math.min(range.last, page.through);
    let bytes = 0;
    for (; page.taken < page.events.length; page.taken++) {
      const event = page.events[page.taken];
      if (event === undefined || event.sequence > end) break;
      if (event.sequence < range.first) continue;
      bytes += event.bytes.length;
      if (events.length >= maxEvents || (bytes > maxBytes && events.length > 0)) {
        return { events, range: { first: range.first, last: events.at(-1)?.sequence ?? range.first - 1 } };
      }
      events.push(event);
    }
    return { events, range: { first: range.first, last: end } };
  }

  /** Forget all pages: the stream begins somewhere else. */
  reset(): void {
    this.#pages = [];
    this.#era++;
    this.#isReading = false;
  }

  #readAhead(after: number, until: number): void {
    if (this.#pages.length < 2 && after < until) this.#read(this.#pages.at(-1)?.through ?? after, until);
  }

  #read(after: number, until: number): void {
    if (this.#isReading || after >= until) return;
    this.#isReading = true;
    const era = this.#era;
    const { journal, lane } = this.#options;
    journal.read({ after, until, lanes: [lane], maxEvents: PAGE_EVENTS, maxBytes: PAGE_BYTES }).then(
      (page) => {
        if (era !== this.#era) return;
        this.#isReading = false;
        if (page.through <= after) {
          this.#options.onFailed(new Error(`the journal read nothing after ${after}`));
          return;
        }
        this.#pages.push({ ...page, after, taken: 0 });
        this.#options.onReady();
      },
      (error: unknown) => {
        if (era !== this.#era) return;
        this.#isReading = false;
        this.#options.onFailed(error);
      },
    );
  }
}
