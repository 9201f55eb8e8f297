import { messageOf } from '../errors/headgate-error.ts';
import type { EventDraft, HeadgateEvent } from '../model/event.ts';
import type { EpochMs } from '../model/time.ts';
import type { Observer } from '../observe/observer.ts';
import { type ClockStepData, clockStepEvent } from './clock-step.ts';
import { gapEvent } from './gap-event.ts';
import type { GapTelling, StoredGap } from './ledger.ts';
import { type RefusedData, refusedEvent } from './refused-event.ts';

/** Gaps that are told in one commit. */
const GAPS_AT_ONCE = 100;

/** What the journal's events of itself go through. */
export interface OwnEventsOptions {
  readonly observer: Observer;
  /** CloudEvents source and subject of the events. */
  readonly source: string;
  readonly subject: string;
  append(drafts: readonly EventDraft[]): Promise<readonly HeadgateEvent[]>;
  /** The events of these gaps are stored. */
  onGapsTold(tellings: readonly GapTelling[]): void;
  /** False: nothing can be appended now, nor later. */
  isOpen(): boolean;
}

/** The events by which the journal tells of itself: gaps, what a full disk refused, and steps of the clock. */
export class OwnEvents {
  readonly #options: OwnEventsOptions;
  readonly #untold = new Map<number, StoredGap>();
  #isTelling = false;
  /** What was refused since the disk took no more. */
  #refused: Omit<RefusedData, 'until'> | null = null;

  constructor(options: OwnEventsOptions) {
    this.#options = options;
  }

  /** A gap that was told by no event yet. */
  gap(gap: StoredGap): void {
    this.#untold.set(gap.id, gap);
  }

  /** Store the events of gaps that were not told yet; what fails is tried again at the next call. */
  tellGaps(): void {
    const { append, isOpen, observer, onGapsTold, source, subject } = this.#options;
    if (this.#isTelling || this.#untold.size === 0 || !isOpen()) return;
    const gaps = [...this.#untold.values()].slice(0, GAPS_AT_ONCE);
    this.#isTelling = true;
    append(gaps.map((gap) => gapEvent(gap, source, subject))).then(
      (events) => {
        this.#isTelling = false;
        for (const { id } of gaps) this.#untold.delete(id);
        onGapsTold(gaps.map(({ id }, i) => ({ id, toldBy: events[i]?.sequence ?? null })));
        this.tellGaps();
      },
      (error) => {
        this.#isTelling = false;
        if (isOpen()) observer.emit('journal-gap-untold', { reason: messageOf(error) }, gaps.length);
      },
    );
  }

  /** So many events were refused. */
  refused(count: number, reason: string, now: EpochMs): void {
    const { count: before = 0, since = now } = this.#refused ?? {};
    this.#refused = { count: before + count, since, reason };
  }

  /** Events were accepted: if some had been refused before, say how many. */
  accepted(now: EpochMs): void {
    const refused = this.#refused;
    if (refused === null) return;
    const { append, observer, source, subject } = this.#options;
    this.#refused = null;
    observer.emit('journal-disk-recovered', { refused: refused.count });
    append([refusedEvent({ ...refused, until: now }, source, subject)]).catch((error: unknown) => {
      // Full again: it is told with what was refused since.
      const since = this.#refused ?? { ...refused, count: 0 };
      this.#refused = { ...since, since: refused.since, count: since.count + refused.count };
      observer.emit('journal-gap-untold', { reason: messageOf(error) });
    });
  }

  /** The wall clock was set. */
  clockStepped(step: ClockStepData): void {
    const { append, observer, source, subject } = this.#options;
    observer.emit('clock-stepped', { from: step.before, to: step.after, step_ms: step.stepMs });
    append([clockStepEvent(step, source, subject)]).catch((error: unknown) => {
      observer.emit('clock-step-unrecorded', { reason: messageOf(error) });
    });
  }
}
