import type { LedgerRow, SequenceRange, StreamLedger, StreamLedgerRow } from '../ports/journal.ts';
import { type Consumer, ledgerRow } from './consumer.ts';
import type { LedgerContent, StreamAccount, StreamCount } from './ledger.ts';
import type { SegmentInfo } from './segment-info.ts';

/** What the ledger of the streams is made from. */
export interface StreamSource {
  readonly content: Pick<LedgerContent, 'lanes' | 'consumers'>;
  /** Those that are there, in any order. */
  readonly segments: readonly SegmentInfo[];
  /** The events of a segment by stream, or of a part of it. */
  tally(segment: SegmentInfo, part?: SequenceRange): readonly StreamCount[];
  /** What went with segments that are gone, by consumer and stream. */
  readonly accounts: readonly StreamAccount[];
}

/** The consumer under whose name the journal books what is gone, whoever had it. */
export const JOURNAL_ACCOUNT = '';

/**
 * How a segment stands with a consumer, by stream: what it settled, and what waits or would be lost with the segment.
 * @returns null when that takes reading a part of it, and it cannot be read
 */
export function splitByStream(
  consumer: Consumer,
  segment: SegmentInfo,
  tally: (part?: SequenceRange) => readonly StreamCount[] | null,
): { readonly settled: StreamSums; readonly unsettled: StreamSums } | null {
  const settled = new StreamSums();
  const unsettled = new StreamSums();
  if (segment.count === 0 || consumer.start >= segment.last) return { settled, unsettled };
  const first = Math.max(segment.first, consumer.start + 1);
  const whole = tally(first === segment.first ? undefined : { first, last: segment.last });
  if (whole === null) return null;
  const open = consumer.unsettled(segment.lane, { first, last: segment.last });
  const [only] = open;
  if (open.length === 1 && only?.first === first && only.last === segment.last) unsettled.addAll(whole);
  else {
    settled.addAll(whole);
    for (const range of open) {
      const part = tally(range);
      if (part === null) return null;
      unsettled.addAll(part);
      settled.addAll(part, -1);
    }
  }
  return { settled, unsettled };
}

/** The ledger by stream: `received = settled + waiting + gaps` for each consumer and each stream, from the files. */
export function streamLedger(source: StreamSource): StreamLedger {
  const { content, segments, accounts } = source;
  const gone = new Map<string, StreamAccount[]>();
  for (const account of accounts) {
    const own = gone.get(account.consumer);
    if (own === undefined) gone.set(account.consumer, [account]);
    else own.push(account);
  }
  const stored = new StreamSums();
  for (const segment of segments) stored.addAll(source.tally(segment));
  const removed = new StreamSums();
  for (const { stream, settled } of gone.get(JOURNAL_ACCOUNT) ?? []) removed.add(stream, settled);
  const rows: StreamLedgerRow[] = [];
  for (const consumer of content.consumers.values()) {
    const settled = new StreamSums();
    const waiting = new StreamSums();
    const gaps = new StreamSums();
    for (const account of gone.get(consumer.name) ?? []) {
      settled.add(account.stream, account.settled);
      gaps.add(account.stream, account.gaps);
    }
    for (const segment of segments) {
      const split = splitByStream(consumer, segment, (part) => source.tally(segment, part));
      if (split === null) continue;
      settled.addSums(split.settled);
      waiting.addSums(split.unsettled);
    }
    const own = [...new Set([...settled.keys(), ...waiting.keys(), ...gaps.keys()])].map((stream) =>
      rowOf(consumer.name, stream, [settled.get(stream), waiting.get(stream), gaps.get(stream)]),
    );
    rows.push(
      ...own.filter(({ received, settled: done }) => received > 0 || done !== 0),
      ...rest(own, consumer, content),
    );
  }
  return {
    streams: [...new Set([...stored.keys(), ...removed.keys()])]
      .sort()
      .map((stream) => ({ stream, stored: stored.get(stream), removed: removed.get(stream) })),
    rows: rows.sort((a, b) => compare(a.consumer, b.consumer) || compare(a.stream ?? '\uffff', b.stream ?? '\uffff')),
  };
}

/** Events by stream. */
export class StreamSums {
  readonly #sums = new Map<string, number>();

  get(stream: string): number {
    return this.#sums.get(stream) ?? 0;
  }

  keys(): Iterable<string> {
    return this.#sums.keys();
  }

  entries(): Iterable<[stream: string, count: number]> {
    return this.#sums.entries();
  }

  add(stream: string, count: number): void {
    this.#sums.set(stream, this.get(stream) + count);
  }

  addAll(counts: readonly StreamCount[], factor = 1): void {
    for (const { stream, count } of counts) this.add(stream, count * factor);
  }

  addSums(other: StreamSums): void {
    for (const [stream, count] of other.entries()) this.add(stream, count);
  }
}

/** What the lanes' books have beyond the streams': of segments that could not be read when they went. */
function rest(
  own: readonly StreamLedgerRow[],
  consumer: Consumer,
  content: StreamSource['content'],
): StreamLedgerRow[] {
  const all: LedgerRow = ledgerRow(consumer, content);
  const left = (key: 'settled' | 'waiting' | 'gaps') => own.reduce((sum, row) => sum - row[key], all[key]);
  const row = rowOf(consumer.name, null, [left('settled'), left('waiting'), left('gaps')]);
  return row.settled === 0 && row.waiting === 0 && row.gaps === 0 ? [] : [row];
}

function rowOf(
  consumer: string,
  stream: string | null,
  [settled, waiting, gaps]: readonly [number, number, number],
): StreamLedgerRow {
  return { consumer, stream, received: settled + waiting + gaps, settled, waiting, gaps };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
