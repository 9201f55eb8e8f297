import { GAP_TYPE } from '../model/event.ts';
import { SequenceRanges } from '../model/sequence-ranges.ts';
import type { ReceivedBatch, ReceivedEvent } from './batch-decoder.ts';

export interface ReceiverFigures {
  /** Events that arrived, repeats among them. */
  readonly received: number;
  readonly repeats: number;
  readonly unique: number;
  /** New events that arrived after a later one of their stream, live and historical seen apart. 0 by the promise. */
  readonly orderViolations: number;
  /** Events that a gap event speaks for. */
  readonly gapEvents: number;
  /** Numbers that no event had, by a gap event: holes that are no loss. */
  readonly unused: number;
  /** Events that neither arrived nor are covered by a gap event, so far: a backlog under way counts. */
  readonly missing: number;
  /** The first 100 ranges of them, by journal. */
  readonly missingRanges: readonly { readonly journalId: string; readonly first: number; readonly last: number }[];
}

export interface ReceiverOptions {
  /** The first sequence that must come; default: the lowest that came. */
  readonly firstSequence?: number;
}

interface JournalState {
  readonly seen: SequenceRanges;
  readonly gaps: SequenceRanges;
  /** How many events each gap says that it lost: its range may also hold delivered events of other lanes. */
  readonly gapCounts: Map<string, { readonly lost: number; readonly unused: number }>;
  /** Highest sequence by stream and by kind of delivery: live may overtake a historical backlog. */
  readonly highest: Map<string, number>;
}

const SHOWN_RANGES = 100;

/**
 * What a receiver of batches keeps: drops repeats by id, keeps each stream in order and names what is missing. Pure; its memory
 * grows with the holes and the streams, not with the events.
 */
export class Receiver {
  readonly #firstSequence: number | undefined;
  readonly #journals = new Map<string, JournalState>();
  #received = 0;
  #repeats = 0;
  #orderViolations = 0;

  constructor(options: ReceiverOptions = {}) {
    this.#firstSequence = options.firstSequence;
  }

  /** Take a batch; returns what is new in it, in order. */
  receive(batch: Pick<ReceivedBatch, 'events' | 'historical'>): readonly ReceivedEvent[] {
    return batch.events.filter((event) => this.receiveEvent(event, batch.historical));
  }

  /** Take one event; false for a repeat. */
  receiveEvent(event: ReceivedEvent, isHistorical: boolean): boolean {
    const journal = this.#journal(event);
    this.#received++;
    if (journal.seen.add(event.sequence, event.sequence) === 0) {
      this.#repeats++;
      return false;
    }
    const stream = `${isHistorical ? 'h' : 'l'} ${event.partitionkey ?? event.subject}`;
    const highest = journal.highest.get(stream) ?? 0;
    if (event.sequence < highest) this.#orderViolations++;
    else journal.highest.set(stream, event.sequence);
    if (event.type === GAP_TYPE) noteGap(journal, event);
    return true;
  }

  figures(): ReceiverFigures {
    const missingRanges: { journalId: string; first: number; last: number }[] = [];
    let missing = 0;
    let unique = 0;
    let gapEvents = 0;
    let unused = 0;
    for (const [journalId, { seen, gaps, gapCounts }] of this.#journals) {
      unique += seen.count;
      const first = this.#firstSequence ?? seen.ranges[0]?.first ?? 1;
      let inGaps = 0;
      for (const hole of seen.missing(first, seen.ranges.at(-1)?.last ?? 0)) {
        inGaps += hole.last - hole.first + 1;
        for (const range of gaps.missing(hole.first, hole.last)) {
          inGaps -= range.last - range.first + 1;
          missing += range.last - range.first + 1;
          if (missingRanges.length < SHOWN_RANGES) missingRanges.push({ journalId, ...range });
        }
      }
      // More holes in the ranges of gaps than they lost: the rest is missing for no told reason.
      const told = [...gapCounts.values()];
      const lost = Math.min(
        inGaps,
        told.reduce((sum, gap) => sum + gap.lost, 0),
      );
      const idle = Math.min(
        inGaps - lost,
        told.reduce((sum, gap) => sum + gap.unused, 0),
      );
      gapEvents += lost;
      unused += idle;
      missing += inGaps - lost - idle;
    }
    return {
      received: this.#received,
      repeats: this.#repeats,
      unique,
      orderViolations: this.#orderViolations,
      gapEvents,
      unused,
      missing,
      missingRanges,
    };
  }

  #journal(event: ReceivedEvent): JournalState {
    const journalId = event.id.slice(0, event.id.lastIndexOf('-'));
    let journal = this.#journals.get(journalId);
    if (journal === undefined) {
      journal = { seen: new SequenceRanges(), gaps: new SequenceRanges(), gapCounts: new Map(), highest: new Map() };
      this.#journals.set(journalId, journal);
    }
    return journal;
  }
}

/** A gap that is told twice (after a crash of the gateway) counts once: `gap` names it. */
function noteGap(journal: JournalState, event: ReceivedEvent): void {
  const { data } = event;
  if (typeof data !== 'object' || data === null) return;
  const { gap, first, last, count, unused = 0 }: Readonly<Record<string, unknown>> = { ...data };
  if (!isCount(first) || !isCount(last) || !isCount(count) || !isCount(unused)) return;
  journal.gaps.add(first, last);
  journal.gapCounts.set(gap === undefined ? event.id : `gap ${String(gap)}`, { lost: count, unused });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
