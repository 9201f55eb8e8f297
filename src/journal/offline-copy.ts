import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { HeadgateError, messageOf } from '../errors/headgate-error.ts';
import { LANES } from '../model/tag.ts';
import type { SequenceRange, StreamLedger } from '../ports/journal.ts';
import type { LedgerContent, StoredGap, StreamCount } from './ledger.ts';
import { loadLedger, migrateLedger, readGaps, readStreamAccounts, readTally } from './ledger-file.ts';
import { checkLedgerSum } from './ledger-sum.ts';
import { ReadOnlyWatch } from './read-only-watch.ts';
import { fileBytes } from './segment-bytes.ts';
import { SegmentFile } from './segment-file.ts';
import { HALF_CREATED } from './segment-identity.ts';
import { emptySegment, firstOfFileName, type SegmentInfo, segmentPath, spanning } from './segment-info.ts';
import { streamLedger } from './stream-ledger.ts';

/**
 * A journal's directory, read without touching it: what is still in WAL mode (the ledger and the active segments, a bounded amount) is
 * copied aside first, since SQLite cannot read a WAL without writing beside it.
 */
export class OfflineCopy {
  readonly content: LedgerContent;
  readonly gaps: readonly StoredGap[];
  readonly problems: { segment: string; problem: string }[] = [];
  readonly #ledger: Database.Database;
  readonly #directory: string;
  readonly #copies: string;

  /** @throws JOURNAL_UNAVAILABLE there is no journal, or its ledger cannot be read */
  constructor(directory: string) {
    this.#directory = directory;
    this.#copies = mkdtempSync(join(tmpdir(), 'headgate-journal-'));
    try {
      this.#ledger = this.#openLedger();
      migrateLedger(this.#ledger);
      this.content = loadLedger(this.#ledger);
      this.gaps = readGaps(this.#ledger, 'ORDER BY id DESC LIMIT 1000').reverse();
      this.#addUnknown();
      const { segments } = this.content;
      const isKept = segments.map((segment) => segment.state !== 'active' || this.#catchUp(segment));
      segments.splice(0, segments.length, ...segments.filter((_, i) => isKept[i]));
    } catch (error) {
      rmSync(this.#copies, { recursive: true, force: true });
      throw new HeadgateError('JOURNAL_UNAVAILABLE', { directory, reason: messageOf(error) }, error);
    }
  }

  path(segment: SegmentInfo): string {
    return join(segment.state === 'active' ? this.#copies : this.#directory, segmentPath(segment));
  }

  /** The ledger by stream; what cannot be read is named in `problems` and left out. */
  streamLedger(): StreamLedger {
    return streamLedger({
      content: this.content,
      segments: this.content.segments.filter(({ state }) => state !== 'dropping'),
      tally: (segment, part) => {
        const known = part === undefined && segment.state === 'sealed' ? readTally(this.#ledger, segment) : null;
        return known ?? this.#tally(segment, part ?? segment);
      },
      accounts: readStreamAccounts(this.#ledger),
    });
  }

  /** The ledger was in use and its WAL is gone, perhaps with those of the segments: a copy of `*.db` alone. */
  get #isWalMissing(): boolean {
    return !this.content.head.isClean && fileBytes(join(this.#directory, 'cursors.db-wal')) === 0;
  }

  #tally(segment: SegmentInfo, { first, last }: SequenceRange): StreamCount[] {
    try {
      const identity = { journalId: this.content.head.journalId, lane: segment.lane, first: segment.first };
      const file = SegmentFile.openSealed(this.path(segment), identity);
      try {
        return file.tally(first, last);
      } finally {
        file.close();
      }
    } catch (error) {
      this.problems.push({ segment: segmentPath(segment), problem: messageOf(error) });
      return [];
    }
  }

  close(): void {
    this.#ledger.close();
    rmSync(this.#copies, { recursive: true, force: true });
  }

  #openLedger(): Database.Database {
    // A directory that may not be looked into is not one without a journal.
    const found = statSync(join(this.#directory, 'cursors.db'), { throwIfNoEntry: false });
    if (found === undefined) throw new Error('there is no journal yet');
    this.#copy('cursors.db');
    try {
      checkLedgerSum(join(this.#directory, 'cursors.db'));
    } catch (error) {
      this.problems.push({ segment: 'ledger', problem: messageOf(error) });
    }
    return new Database(join(this.#copies, 'cursors.db'), { fileMustExist: true });
  }

  /** Segments created in the last second, before the ledger was written. */
  #addUnknown(): void {
    for (const lane of LANES) {
      const known = new Set(this.content.segments.filter((s) => s.lane === lane).map(({ first }) => first));
      const folder = join(this.#directory, lane);
      for (const name of existsSync(folder) ? readdirSync(folder) : []) {
        const first = firstOfFileName(name);
        if (first === null || known.has(first)) continue;
        this.content.segments.push(emptySegment(lane, first, 0));
      }
    }
    this.content.segments.sort((a, b) => a.first - b.first);
  }

  /**
   * Count what was committed after the ledger was written last.
   * @returns false for a segment that the ledger does not know and whose creation a crash cut off: nothing was ever in it
   */
  #catchUp(segment: SegmentInfo): boolean {
    const { head, lanes } = this.content;
    try {
      segment.bytes = this.#copy(segmentPath(segment));
      const identity = { journalId: head.journalId, lane: segment.lane, first: segment.first };
      const file = SegmentFile.openActive(this.path(segment), identity, new ReadOnlyWatch(this.#copies));
      try {
        const { last } = file.bounds();
        const fresh = file.count(segment.last + 1, Number.MAX_SAFE_INTEGER);
        if (fresh > 0) segment.times = spanning(segment.times, file.times(segment.last + 1));
        // Before the newest that is known, too: a crash came before they were taken back.
        const uncounted = Math.max(0, file.count(segment.first, segment.last) - segment.count);
        lanes[segment.lane].accepted += fresh + uncounted;
        segment.count += fresh + uncounted;
        segment.last = Math.max(segment.last, last);
        head.lastSequence = Math.max(head.lastSequence, last);
        file.seal();
      } finally {
        file.close();
      }
    } catch (error) {
      if (segment.count === 0 && messageOf(error) === HALF_CREATED && !this.#isWalMissing) return false;
      this.problems.push({ segment: segmentPath(segment), problem: messageOf(error) });
    }
    return true;
  }

  #copy(name: string): number {
    const to = join(this.#copies, name);
    mkdirSync(dirname(to), { recursive: true });
    for (const suffix of ['', '-wal']) {
      const from = join(this.#directory, name + suffix);
      if (suffix === '' || existsSync(from)) copyFileSync(from, to + suffix);
    }
    return fileBytes(to) + fileBytes(`${to}-wal`);
  }
}
