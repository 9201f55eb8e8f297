import { statSync } from 'node:fs';
import { messageOf } from '../errors/headgate-error.ts';
import { decodeCbor, decodeEvent, makeTagList } from '../model/event-codec.ts';
import { LANES, type Lane } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { StreamLedger } from '../ports/journal.ts';
import { ledgerRow } from './consumer.ts';
import type { LedgerContent } from './ledger.ts';
import type { EncodedList, StoredRecord } from './record.ts';
import { complete, hashBlocks } from './segment-bytes.ts';
import { SegmentFile } from './segment-file.ts';
import { type SegmentInfo, segmentPath } from './segment-info.ts';
import { codeOf } from './sqlite-failure.ts';
import { StreamSums } from './stream-ledger.ts';
import type { VerifyReport } from './verify-report.ts';

/** What is verified. Files are only read. */
export interface VerifySource {
  readonly content: LedgerContent;
  /** The ledger by stream at the same moment. */
  readonly streams: StreamLedger;
  /** Where the file of a segment can be read; it stands alone there. */
  path(segment: SegmentInfo): string;
  /** The journal is in use: a segment that is gone was dropped meanwhile. */
  readonly isLive: boolean;
  /** Found before. */
  readonly problems: VerifyReport['problems'];
  onProgress?(done: number, of: number): void;
}

/** A record and the stream that its content says. */
type CheckedRecord = StoredRecord & { readonly stream: string };

/** Problems named for each segment; the rest is counted. */
const MAX_PROBLEMS = 1000;

/**
 * Read everything: structure and hash of each segment, checksum and content of each event, order and uniqueness of sequences, the counts of the
 * manifest, and for each consumer and lane that what waits by the books is what lies there.
 */
export function verify(source: VerifySource): VerifyReport {
  return new Verification(source).run();
}

class Verification {
  readonly #source: VerifySource;
  readonly #content: LedgerContent;
  readonly #problems: { segment: string; problem: string }[];
  readonly #counts: Record<Lane, number> = { critical: 0, normal: 0, bulk: 0 };
  readonly #unsettled = new Map<string, Record<Lane, number>>();
  readonly #stored = new StreamSums();
  readonly #waiting = new Map<string, StreamSums>();
  readonly #lists = new Map<string, TagList>();
  /** Lanes where something was dropped meanwhile, so that their books cannot be compared. */
  readonly #moved = new Set<Lane>();
  #done = 0;

  constructor(source: VerifySource) {
    this.#source = source;
    this.#content = source.content;
    this.#problems = [...source.problems];
    for (const name of source.content.consumers.keys()) {
      this.#unsettled.set(name, { critical: 0, normal: 0, bulk: 0 });
      this.#waiting.set(name, new StreamSums());
    }
  }

  run(): VerifyReport {
    const segments = this.#content.segments.filter(({ state }) => state !== 'dropping');
    let events = 0;
    let last = 0;
    for (const record of merge(LANES.map((lane) => this.#lane(segments.filter((segment) => segment.lane === lane))))) {
      events++;
      this.#counts[record.lane]++;
      if (record.sequence === last) this.#problem('journal', `sequence ${last} is used twice`);
      last = record.sequence;
      this.#stored.add(record.stream, 1);
      for (const consumer of this.#content.consumers.values()) {
        const range = { first: record.sequence, last: record.sequence };
        if (consumer.unsettled(record.lane, range).length === 0) continue;
        const counts = this.#unsettled.get(consumer.name);
        if (counts !== undefined) counts[record.lane]++;
        this.#waiting.get(consumer.name)?.add(record.stream, 1);
      }
    }
    const ledger = [...this.#content.consumers.values()].map((consumer) => ledgerRow(consumer, this.#content));
    this.#compareBooks();
    if (this.#moved.size === 0) this.#compareStreams();
    return { segments: segments.length, events, problems: this.#problems, ledger, holds: this.#problems.length === 0 };
  }

  *#lane(segments: readonly SegmentInfo[]): Generator<CheckedRecord, void, void> {
    for (const segment of segments) {
      const name = segmentPath(segment);
      let last = segment.first - 1;
      let count = 0;
      try {
        for (const record of this.#segment(segment)) {
          if (record.sequence <= last || record.sequence > segment.last) {
            this.#problem(name, `event ${record.sequence} is out of order`);
          }
          last = record.sequence;
          count++;
          yield { ...record, stream: this.#decode(name, record) };
        }
        if (count !== segment.count) this.#problem(name, `${count} events instead of ${segment.count}`);
      } catch (error) {
        if (this.#source.isLive && ['ENOENT', 'SQLITE_CANTOPEN'].includes(codeOf(error))) this.#moved.add(segment.lane);
        else this.#problem(name, messageOf(error));
      }
      this.#source.onProgress?.(++this.#done, this.#content.segments.length);
    }
  }

  *#segment(segment: SegmentInfo): Generator<StoredRecord, void, void> {
    const path = this.#source.path(segment);
    if (segment.state === 'sealed') {
      const bytes = statSync(path).size;
      if (bytes !== segment.bytes) throw new Error(`${bytes} bytes instead of ${segment.bytes}`);
      if (segment.sha256 !== null && complete(hashBlocks(path)) !== segment.sha256) throw new Error('the hash differs');
    }
    const { journalId } = this.#content.head;
    const file = SegmentFile.openSealed(path, { journalId, lane: segment.lane, first: segment.first });
    try {
      file.checkStructure('integrity_check');
      yield* file.read(0, Number.MAX_SAFE_INTEGER);
    } finally {
      file.close();
    }
  }

  /** @returns the stream that it belongs to */
  #decode(segment: string, record: StoredRecord): string {
    try {
      const { sequence, lane, recorded, payload } = record;
      const list = record.list === null ? null : this.#list(record.list);
      const stored = { sequence, lane, recordedtime: recorded, bytes: payload, list };
      const event = decodeEvent(stored, this.#content.head.journalId);
      return event.partitionkey ?? event.subject;
    } catch (error) {
      this.#problem(segment, `event ${record.sequence}: ${messageOf(error)}`);
      return '';
    }
  }

  #list(stored: EncodedList): TagList {
    const known = this.#lists.get(stored.id);
    if (known !== undefined) return known;
    const list = decodeCbor(stored.body) as TagList;
    if (makeTagList(list).id !== stored.id) throw new Error(`tag list ${stored.id} is not what its id says`);
    this.#lists.set(stored.id, list);
    return list;
  }

  #compareBooks(): void {
    for (const lane of LANES) {
      if (this.#moved.has(lane)) continue;
      const { accepted, removed } = this.#content.lanes[lane];
      if (accepted - removed !== this.#counts[lane]) {
        this.#problem('ledger', `${lane}: ${this.#counts[lane]} events lie there instead of ${accepted - removed}`);
      }
      for (const consumer of this.#content.consumers.values()) {
        const waiting = consumer.waiting(lane, accepted);
        const found = this.#unsettled.get(consumer.name)?.[lane] ?? 0;
        if (waiting !== found) {
          this.#problem('ledger', `${consumer.name}, ${lane}: ${found} events wait instead of ${waiting}`);
        }
      }
    }
  }

  /** Streams beyond the bound share an account without a name, which is compared as the rest. */
  #compareStreams(): void {
    const { streams, rows } = this.#source.streams;
    const hasShared = streams.some(({ stream }) => stream === '');
    for (const { stream, stored } of streams) {
      const found = this.#stored.get(stream);
      if (!hasShared && stored !== found) {
        this.#problem('ledger', `stream ${stream}: ${found} events lie there instead of ${stored}`);
      }
    }
    for (const { consumer, stream, waiting } of rows) {
      const found = stream === null ? 0 : (this.#waiting.get(consumer)?.get(stream) ?? 0);
      if (!hasShared && waiting !== found) {
        this.#problem(
          'ledger',
          `${consumer}, stream ${stream ?? 'unknown'}: ${found} events wait instead of ${waiting}`,
        );
      }
    }
  }

  #problem(segment: string, problem: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push({ segment, problem });
  }
}

/** Ascending by sequence over sources that ascend. */
function* merge(sources: readonly Generator<CheckedRecord, void, void>[]): Generator<CheckedRecord, void, void> {
  const heads = sources.map((source) => source.next());
  for (;;) {
    let lowest = -1;
    let record: CheckedRecord | undefined;
    heads.forEach((head, i) => {
      if (head.done !== true && (record === undefined || head.value.sequence < record.sequence)) {
        record = head.value;
        lowest = i;
      }
    });
    const source = sources[lowest];
    if (record === undefined || source === undefined) return;
    yield record;
    heads[lowest] = source.next();
  }
}
