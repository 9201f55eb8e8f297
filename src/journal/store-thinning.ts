import type { EpochMs } from '../model/time.ts';
import type { EventSelection, PageRequest } from '../ports/journal.ts';
import type { Books } from './books.ts';
import type { Capacity } from './capacity.ts';
import type { LedgerContent } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { SegmentInfo } from './segment-info.ts';
import type { SegmentShelf } from './segment-shelf.ts';
import type { SelectedSlice } from './select-step.ts';
import type { JournalSettings } from './settings.ts';
import type { Thinned } from './store-notice.ts';
import { THINNED_TYPE } from './thinned-event.ts';
import { Thinner } from './thinner.ts';

/** What thinning works with. */
export interface StoreThinningParts {
  readonly settings: JournalSettings;
  readonly content: LedgerContent;
  readonly shelf: SegmentShelf;
  readonly books: Books;
  readonly capacity: Capacity;
  readonly writer: LedgerWriter;
}

/**
 * Thinning as the store sees it. That thinned events are about to be committed is written down first, with the sequence before them: after a crash
 * in between, one look at the next sequence tells whether they were.
 */
export class StoreThinning {
  readonly #parts: StoreThinningParts;

  constructor(parts: StoreThinningParts) {
    this.#parts = parts;
  }

  /** A segment that waits to be thinned, and is not yet; null: none. */
  next(now: EpochMs): Thinner | null {
    const { settings, content, shelf, capacity } = this.#parts;
    const { thinningWindowMs } = settings;
    if (thinningWindowMs === null || capacity.blocked !== null) return null;
    const segment = capacity.nextToThin(now);
    return segment === null ? null : new Thinner(segment, thinningWindowMs, shelf, content.head.journalId);
  }

  /** A step of thinning; a segment that turns out to be bad, or went meanwhile, ends it with nothing. */
  step(thinner: Thinner): Thinned['drafts'] | null {
    const { segment } = thinner;
    const { books, capacity } = this.#parts;
    if (segment.state !== 'sealed') return [];
    return books.withoutDamage(() => {
      if (segment.state !== 'sealed') return [];
      const drafts = thinner.step();
      if (drafts?.length === 0) capacity.notWorthThinning(segment);
      return drafts;
    });
  }

  /** What a segment was thinned to is about to be committed; to be saved first. Null: it went, or was thinned already. */
  begin(first: number): SegmentInfo | null {
    const { content, shelf, writer } = this.#parts;
    const segment = shelf.lane('bulk').find((candidate) => candidate.first === first);
    if (segment?.state !== 'sealed' || segment.thinnedAfter !== null) return null;
    segment.thinnedAfter = content.head.lastSequence;
    writer.segmentChanged(segment);
    return segment;
  }

  /** @param isStored what it was thinned to is committed */
  end(segment: SegmentInfo, isStored: boolean, now: EpochMs): void {
    if (!isStored) segment.thinnedAfter = null;
    this.#parts.writer.segmentChanged(segment);
    this.#parts.writer.touch(now);
  }

  /** Of segments that were being thinned when the process ended: were the thinned events committed? */
  check(select: (request: PageRequest, where: EventSelection) => SelectedSlice): void {
    for (const segment of this.#parts.shelf.lane('bulk')) {
      const after = segment.thinnedAfter;
      if (after === null) continue;
      const request = { after, until: after + 1, lanes: ['bulk'] as const, maxEvents: 1, maxBytes: 1 };
      if (select(request, { type: THINNED_TYPE }).records.length > 0) continue;
      segment.thinnedAfter = null;
      this.#parts.writer.segmentChanged(segment);
    }
  }
}
