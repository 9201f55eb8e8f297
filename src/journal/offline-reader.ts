import { messageOf } from '../errors/headgate-error.ts';
import { decodeCbor } from '../model/event-codec.ts';
import type { Lane } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EventSelection, Page, PageRequest, SequenceRange, StoredEvent } from '../ports/journal.ts';
import { OfflineCopy } from './offline-copy.ts';
import type { EncodedList, StoredRecord } from './record.ts';
import { SegmentFile } from './segment-file.ts';
import { type SegmentInfo, segmentPath } from './segment-info.ts';
import { type SelectBounds, type SelectSource, selectStep } from './select-step.ts';

/** Segments that are held open: one for each lane, and the one that was before. */
const OPEN_LIMIT = 6;

/**
 * Answers page requests from the files of a journal whose daemon is down, or out of reach; alters nothing. What cannot be read is named in
 * `problems` and left out.
 */
export class OfflineReader implements SelectSource {
  readonly journalId: string;
  readonly lastSequence: number;
  readonly #copy: OfflineCopy;
  readonly #open = new Map<SegmentInfo, SegmentFile | null>();
  readonly #lists = new Map<string, TagList>();

  /** @throws JOURNAL_UNAVAILABLE there is no journal, or its ledger cannot be read */
  constructor(directory: string) {
    this.#copy = new OfflineCopy(directory);
    const { head, segments } = this.#copy.content;
    this.journalId = head.journalId;
    this.lastSequence = Math.max(head.lastSequence, ...segments.map(({ last }) => last));
  }

  get problems(): readonly { readonly segment: string; readonly problem: string }[] {
    return this.#copy.problems;
  }

  lane(lane: Lane): readonly SegmentInfo[] {
    return this.#copy.content.segments.filter((segment) => segment.lane === lane && segment.state !== 'dropping');
  }

  select(segment: SegmentInfo, range: SequenceRange, where: EventSelection, bounds: SelectBounds): StoredRecord[] {
    try {
      return this.#file(segment)?.select(range, where, bounds) ?? [];
    } catch (error) {
      this.#copy.problems.push({ segment: segmentPath(segment), problem: messageOf(error) });
      this.#open.get(segment)?.close();
      this.#open.set(segment, null);
      return [];
    }
  }

  /** As Journal.read; one step, so a page may be empty before the search is at its end. */
  read(request: PageRequest): Page {
    const { records, through } = selectStep(this, request, request.where ?? {}, this.lastSequence);
    const events = records.map(
      (record): StoredEvent => ({
        sequence: record.sequence,
        lane: record.lane,
        recordedtime: record.recorded,
        bytes: record.payload,
        list: record.list === null ? null : this.#list(record.list),
      }),
    );
    return { events, through };
  }

  close(): void {
    for (const file of this.#open.values()) file?.close();
    this.#copy.close();
  }

  #file(segment: SegmentInfo): SegmentFile | null {
    const known = this.#open.get(segment);
    if (known !== undefined) return known;
    const { lane, first } = segment;
    const identity = { journalId: this.journalId, lane, first };
    const file = SegmentFile.openSealed(this.#copy.path(segment), identity);
    this.#open.set(segment, file);
    for (const [oldest, other] of this.#open) {
      if (this.#open.size <= OPEN_LIMIT) break;
      if (other === null) continue;
      other.close();
      this.#open.delete(oldest);
    }
    return file;
  }

  #list(stored: EncodedList): TagList {
    const known = this.#lists.get(stored.id) ?? (decodeCbor(stored.body) as TagList);
    this.#lists.set(stored.id, known);
    return known;
  }
}
