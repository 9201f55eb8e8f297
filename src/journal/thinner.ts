import { TELEMETRY_TYPE } from '../model/event.ts';
import { decodeCbor, decodeEvent, encodeEvent } from '../model/event-codec.ts';
import type { TagList } from '../model/telemetry.ts';
import type { Millis } from '../model/time.ts';
import type { StoredRecord } from './record.ts';
import type { SegmentInfo } from './segment-info.ts';
import type { SegmentShelf } from './segment-shelf.ts';
import { Thinning } from './thinned-event.ts';

/** Work of one step, between two commits: some milliseconds. */
const STEP = { maxEvents: 100, maxBytes: 131_072 };
/** What is not a good deal smaller is not worth it. */
const MAX_SHARE = 0.5;

/** Thins one segment step by step. The result goes through an ordinary append, so that everybody hears of it. */
export class Thinner {
  readonly segment: SegmentInfo;
  readonly #shelf: SegmentShelf;
  readonly #journalId: string;
  readonly #thinning: Thinning;
  readonly #lists = new Map<string, TagList>();
  #after: number;
  #rawBytes = 0;

  constructor(segment: SegmentInfo, windowMs: Millis, shelf: SegmentShelf, journalId: string) {
    this.segment = segment;
    this.#shelf = shelf;
    this.#journalId = journalId;
    this.#after = segment.first - 1;
    this.#thinning = new Thinning(segment.first, windowMs);
  }

  /** @returns null while there is more to do; then the drafts, none if they would save too little. @throws SegmentDamageError */
  step(): Thinning['drafts'] | null {
    const { segment } = this;
    const range = { first: this.#after + 1, last: segment.last };
    const records = this.#shelf.select(segment, range, { type: TELEMETRY_TYPE }, STEP);
    for (const record of records) {
      this.#rawBytes += record.payload.length;
      this.#thinning.add(this.#decode(record));
    }
    this.#after = records.at(-1)?.sequence ?? segment.last;
    if (this.#after < segment.last) return null;
    this.#thinning.end();
    const { drafts } = this.#thinning;
    const bytes = drafts.reduce((sum, draft) => sum + encodeEvent(draft).length, 0);
    return bytes > this.#rawBytes * MAX_SHARE ? [] : drafts;
  }

  #decode({ sequence, lane, recorded, payload, list: stored }: StoredRecord) {
    let list: TagList | null = null;
    if (stored !== null) {
      list = this.#lists.get(stored.id) ?? (decodeCbor(stored.body) as TagList);
      this.#lists.set(stored.id, list);
    }
    return decodeEvent({ sequence, lane, recordedtime: recorded, bytes: payload, list }, this.#journalId);
  }
}
