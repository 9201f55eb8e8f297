import { isGood, severityOf } from '../model/quality.ts';
import type { TagValue } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';

/** What one tag did in a stretch of time. */
export interface TagSummary {
  readonly asset: string;
  readonly tag: string;
  readonly unit: string;
  readonly samples: number;
  /** Samples whose quality was Bad. */
  readonly bad: number;
  /** Of numbers that were not Bad. */
  readonly min: number | null;
  readonly minAt: EpochMs | null;
  /** Weighted by the time for which each value stood, so that a tag reported on change counts right. */
  readonly mean: number | null;
  readonly max: number | null;
  readonly maxAt: EpochMs | null;
  readonly last: TagValue;
  readonly lastAt: EpochMs;
  readonly lastStatus: number;
  /** How often the value was another than before. */
  readonly changes: number;
  /** Longest time between two samples. */
  readonly longestSilenceMs: Millis;
}

/** Sums one tag up, sample by sample, in the order of source time. */
export class TagSummaryBuilder {
  readonly #place: Pick<TagSummary, 'asset' | 'tag' | 'unit'>;
  #samples = 0;
  #bad = 0;
  #min: number | null = null;
  #minAt: EpochMs | null = null;
  #max: number | null = null;
  #maxAt: EpochMs | null = null;
  #area = 0;
  #weight = 0;
  #sum = 0;
  #numbers = 0;
  #last: TagValue = null;
  #lastAt = Number.NaN;
  #lastStatus = 0;
  #changes = 0;
  #silence = 0;

  constructor(place: Pick<TagSummary, 'asset' | 'tag' | 'unit'>) {
    this.#place = place;
  }

  /** Status of the sample before; null before the first. */
  get status(): number | null {
    return this.#samples === 0 ? null : this.#lastStatus;
  }

  add(value: TagValue, status: number, time: EpochMs): void {
    if (this.#samples > 0) {
      const passed = Math.max(0, time - this.#lastAt);
      this.#silence = Math.max(this.#silence, passed);
      if (typeof this.#last === 'number' && severityOf(this.#lastStatus) !== 'bad') {
        this.#area += this.#last * passed;
        this.#weight += passed;
      }
      if (value !== this.#last) this.#changes++;
    }
    this.#samples++;
    this.#last = value;
    this.#lastAt = time;
    this.#lastStatus = status;
    if (severityOf(status) === 'bad') {
      this.#bad++;
      return;
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) return;
    this.#sum += value;
    this.#numbers++;
    if (this.#min === null || value < this.#min) [this.#min, this.#minAt] = [value, time];
    if (this.#max === null || value > this.#max) [this.#max, this.#maxAt] = [value, time];
  }

  /** @returns what it was until now */
  summary(): TagSummary {
    const byTime = this.#weight > 0 ? this.#area / this.#weight : null;
    return {
      ...this.#place,
      samples: this.#samples,
      bad: this.#bad,
      min: this.#min,
      minAt: this.#minAt,
      mean: byTime ?? (this.#numbers > 0 ? this.#sum / this.#numbers : null),
      max: this.#max,
      maxAt: this.#maxAt,
      last: this.#last,
      lastAt: this.#lastAt,
      lastStatus: this.#lastStatus,
      changes: this.#changes,
      longestSilenceMs: this.#silence,
    };
  }
}

/** Worth telling: the quality is another, not only its info bits. */
export function isQualityChange(before: number, after: number): boolean {
  if (isGood(before) && isGood(after)) return false;
  return (before & 0xffff0000) !== (after & 0xffff0000);
}
