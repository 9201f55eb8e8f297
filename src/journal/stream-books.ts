import type { SequenceRange, StreamLedger } from '../ports/journal.ts';
import type { OpenLedger } from './journal-disk.ts';
import type { LedgerContent, StreamCount } from './ledger.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { SegmentInfo } from './segment-info.ts';
import { SegmentDamageError, type SegmentShelf } from './segment-shelf.ts';
import { JOURNAL_ACCOUNT, splitByStream, streamLedger } from './stream-ledger.ts';

/** What the accounts by stream are kept on. */
export interface StreamBooksParts {
  readonly content: LedgerContent;
  readonly shelf: SegmentShelf;
  readonly ledger: Pick<OpenLedger, 'tally' | 'streamAccounts'>;
  readonly writer: LedgerWriter;
}

/**
 * The ledger by stream. A row names its stream, so what is stored is counted by the commit itself, at no cost; a segment's sums go into the manifest
 * when it is sealed; when it goes, what each consumer had of it is added to the accounts, with the save that says so.
 */
export class StreamBooks {
  readonly #parts: StreamBooksParts;

  constructor(parts: StreamBooksParts) {
    this.#parts = parts;
  }

  /** An active segment is about to be sealed. */
  sealing(segment: SegmentInfo): void {
    const { shelf, writer } = this.#parts;
    writer.tally(segment, shelf.tally(segment));
  }

  /** A segment goes; to be called before its file and its cursors do. @param isReadable its file can be asked */
  removing(segment: SegmentInfo, isReadable: boolean): void {
    const { content, writer } = this.#parts;
    const whole = this.#tally(segment, isReadable);
    for (const { stream, count } of whole ?? []) {
      writer.account({ consumer: JOURNAL_ACCOUNT, stream, settled: count, gaps: 0 });
    }
    for (const consumer of content.consumers.values()) {
      const split = splitByStream(consumer, segment, (part) => this.#tally(segment, isReadable, part));
      if (split === null) continue;
      for (const stream of new Set([...split.settled.keys(), ...split.unsettled.keys()])) {
        const account = { settled: split.settled.get(stream), gaps: split.unsettled.get(stream) };
        if (account.settled !== 0 || account.gaps !== 0)
          writer.account({ consumer: consumer.name, stream, ...account });
      }
    }
  }

  /** The ledger at this moment; what was requested to move must be accounted for before. */
  ledger(): StreamLedger {
    const { content, shelf, ledger } = this.#parts;
    return streamLedger({
      content,
      segments: shelf.all(),
      tally: (segment, part) => (part === undefined ? ledger.tally(segment) : null) ?? shelf.tally(segment, part),
      accounts: ledger.streamAccounts(),
    });
  }

  #tally(segment: SegmentInfo, isReadable: boolean, part?: SequenceRange): readonly StreamCount[] | null {
    const { shelf, ledger } = this.#parts;
    const known = part === undefined ? ledger.tally(segment) : null;
    if (known !== null || !isReadable) return known;
    try {
      return shelf.tally(segment, part);
    } catch (error) {
      if (error instanceof SegmentDamageError) return null;
      throw error;
    }
  }
}
