import type { EventDraft } from '../model/event.ts';
import type { ReadingBatch, ScanGroup } from '../model/reading.ts';
import type { Millis } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Journal } from '../ports/journal.ts';
import { GroupPipeline } from './group-pipeline.ts';
import { ReportScratch } from './report-stream.ts';

/** How often in a maximum silence the groups are looked over for tags that nobody reported. */
const LOOKS_PER_SILENCE = 4;

export interface PipelineOptions {
  readonly groups: readonly ScanGroup[];
  readonly gatewayName: string;
  readonly maxSilenceMs: Millis;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly journal: Pick<Journal, 'append'>;
}

/** Figures since start, in samples. */
export interface PipelineStats {
  /** Readings that drivers handed in. */
  readonly read: number;
  /** Samples in reports; the others were inside their deadband. */
  readonly reported: number;
  /** Samples whose report the journal refused. */
  readonly refused: number;
}

/** The tag pipeline of the gateway: readings in, one event per asset, lane and scan into the journal. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #groups = new Map<ScanGroup, GroupPipeline>();
  #refused = 0;
  #timer: Timer | null = null;

  constructor(options: PipelineOptions) {
    this.#options = options;
    const scratch = new ReportScratch(Math.max(0, ...options.groups.map(({ tags }) => tags.length)));
    for (const group of options.groups) {
      const source = `/headgate/${options.gatewayName}/${group.device}`;
      this.#groups.set(group, new GroupPipeline(group, source, options.maxSilenceMs, scratch));
    }
    this.#lookAgain();
  }

  /** Take a batch of readings; never throws, never waits. */
  accept(batch: ReadingBatch): void {
    const group = this.#groups.get(batch.group);
    if (group !== undefined) this.#append(group.accept(batch, this.#options.clock.monotonic()));
  }

  stats(): PipelineStats {
    let read = 0;
    let reported = 0;
    for (const group of this.#groups.values()) {
      read += group.readings;
      reported += group.reported;
    }
    return { read, reported, refused: this.#refused };
  }

  /** No report is made afterwards. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #lookAgain(): void {
    const { clock, maxSilenceMs } = this.#options;
    this.#timer = clock.after(maxSilenceMs / LOOKS_PER_SILENCE, () => {
      const now = clock.monotonic();
      for (const group of this.#groups.values()) this.#append(group.overdue(now));
      this.#lookAgain();
    });
  }

  #append(drafts: readonly EventDraft[]): void {
    if (drafts.length === 0) return;
    this.#options.journal.append(drafts).catch((error: unknown) => {
      const samples = drafts.reduce((sum, draft) => sum + (draft.data as { size: number }).size, 0);
      this.#refused += samples;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.observer.emit('pipeline-samples-refused', { reason }, samples);
    });
  }
}
