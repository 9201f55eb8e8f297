import { Consumer } from '../../src/journal/consumer.ts';
import type { OpenLedger, SegmentName } from '../../src/journal/journal-disk.ts';
import type {
  LedgerChange,
  LedgerContent,
  LedgerHead,
  StoredGap,
  StreamAccount,
  StreamCount,
} from '../../src/journal/ledger.ts';
import type { SegmentInfo } from '../../src/journal/segment-info.ts';
import { segmentPath } from '../../src/journal/segment-info.ts';
import { LANES } from '../../src/model/tag.ts';
import type { SequenceRange } from '../../src/ports/journal.ts';
import type { SimDisk } from './sim-disk.ts';

type StoredConsumer = Pick<Consumer, 'name' | 'cursors' | 'counts' | 'start'>;

/** The content of cursors.db. Nothing in it is shared with a process. */
export class LedgerImage {
  head: LedgerHead;
  lanes: LedgerContent['lanes'] = {
    critical: { accepted: 0, removed: 0 },
    normal: { accepted: 0, removed: 0 },
    bulk: { accepted: 0, removed: 0 },
  };
  readonly segments = new Map<string, SegmentInfo>();
  readonly consumers = new Map<string, StoredConsumer>();
  readonly gaps = new Map<number, { readonly gap: StoredGap; isTold: boolean; toldBy: number | null }>();
  /** Sums by stream of sealed segments. */
  readonly tallies = new Map<string, readonly StreamCount[]>();
  /** Of segments that are gone, by consumer and stream. */
  readonly accounts = new Map<string, StreamAccount>();
  isDamaged = false;

  constructor(head: LedgerHead) {
    this.head = { ...head };
  }
}

/** The open ledger of the simulated disk: a save happens as a whole or not at all. */
export class SimLedger implements OpenLedger {
  readonly #disk: SimDisk;
  readonly #image: LedgerImage;

  constructor(disk: SimDisk, image: LedgerImage) {
    this.#disk = disk;
    this.#image = image;
  }

  load(): LedgerContent {
    const { head, lanes, segments, consumers } = this.#image;
    const { critical, normal, bulk } = structuredClone(lanes);
    return {
      head: { ...head },
      lanes: { critical, normal, bulk },
      segments: [...segments.values()].map((segment) => ({ ...segment })).sort((a, b) => a.first - b.first),
      consumers: new Map(
        [...consumers.values()].map(({ name, cursors, counts, start }) => [
          name,
          new Consumer(name, structuredClone(cursors), structuredClone(counts), start),
        ]),
      ),
    };
  }

  untoldGaps(): StoredGap[] {
    return [...this.#image.gaps.values()].filter(({ isTold }) => !isTold).map(({ gap }) => gap);
  }

  gapsToldBy({ first, last }: SequenceRange): StoredGap[] {
    const isIn = ({ toldBy }: { toldBy: number | null }) => toldBy !== null && toldBy >= first && toldBy <= last;
    return [...this.#image.gaps.values()].filter(isIn).map(({ gap }) => gap);
  }

  gaps(limit: number): StoredGap[] {
    return [...this.#image.gaps.values()].slice(-limit).map(({ gap }) => gap);
  }

  highestGapId(): number | null {
    return this.#image.gaps.size === 0 ? null : Math.max(...this.#image.gaps.keys());
  }

  save(change: LedgerChange): void {
    this.#disk.hasRefusedLedger = true;
    this.#disk.need(0);
    this.#disk.hasRefusedLedger = false;
    this.#disk.alter('ledger', () => this.#apply(change));
  }

  tally(segment: SegmentName): StreamCount[] | null {
    const counts = this.#image.tallies.get(segmentPath(segment)) ?? [];
    return counts.length === 0 ? null : [...counts];
  }

  streamAccounts(): StreamAccount[] {
    return [...this.#image.accounts.values()];
  }

  close(): void {}

  abandon(): void {}

  #apply(change: LedgerChange): void {
    const image = this.#image;
    image.head = { ...change.head };
    for (const lane of LANES) image.lanes[lane] = { ...change.lanes[lane] };
    for (const segment of change.segments) image.segments.set(segmentPath(segment), { ...segment });
    for (const segment of change.removedSegments) {
      image.segments.delete(segmentPath(segment));
      image.tallies.delete(segmentPath(segment));
    }
    for (const name of change.removedConsumers) {
      image.consumers.delete(name);
      for (const [key, { consumer }] of image.accounts) if (consumer === name) image.accounts.delete(key);
    }
    for (const { segment, counts } of change.tallies) image.tallies.set(segmentPath(segment), structuredClone(counts));
    for (const { consumer, stream, settled, gaps } of change.accounts) {
      const key = JSON.stringify([consumer, stream]);
      const before = image.accounts.get(key) ?? { consumer, stream, settled: 0, gaps: 0 };
      const sums = { settled: before.settled + settled, gaps: before.gaps + gaps };
      image.accounts.set(key, { consumer, stream, ...sums });
    }
    for (const { name, cursors, counts, start } of change.consumers) {
      image.consumers.set(name, structuredClone({ name, cursors, counts, start }));
    }
    for (const gap of change.gaps) image.gaps.set(gap.id, { gap: structuredClone(gap), isTold: false, toldBy: null });
    for (const { id, toldBy } of change.tellings) {
      const known = image.gaps.get(id);
      if (known !== undefined) image.gaps.set(id, { ...known, isTold: toldBy !== null, toldBy });
    }
  }
}
