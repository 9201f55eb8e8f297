import type { EventDraft } from '../model/event.ts';
import { telemetryAttributes } from '../model/event-codec.ts';
import { Status, type StatusCode } from '../model/quality.ts';
import type { ReadingBatch, ScanGroup } from '../model/reading.ts';
import type { TagValue } from '../model/tag.ts';
import type { TelemetryReport } from '../model/telemetry.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import { type Deadband, deadbandOf } from './deadband.ts';
import { type OtherValue, type ReportScratch, type ReportStream, streamsOf } from './report-stream.ts';
import { type Scaling, scaleValue, scalingOf } from './scaling.ts';

/** What a tag's state in the pipeline holds as a value: a bool tag's as 1 or 0, absent as NaN. */
type StateValue = number | OtherValue;

/** The stamp of what never was. */
const NEVER = 0;

/** A monotonic time in 32 bits: whole ms, which come round after 49 days. Looked at a few times in a silence, no age comes near that. */
function stampOf(now: Millis): number {
  const stamp = Math.floor(now) >>> 0;
  return stamp === NEVER ? 1 : stamp;
}

function msBetween(earlier: number, later: number): Millis {
  return (later - earlier) >>> 0;
}

/** What is done with the values of a tag. */
interface Rule {
  readonly scaling: Scaling;
  readonly deadband: Deadband;
}

/**
 * The readings of one scan group on their way to events: scaled, clamped, given their quality, and reported when they changed by
 * more than the deadband, when their status changed, or when the maximum silence has passed. Pure but for its state; time is
 * handed in. Constant memory: some arrays over the tags of the group.
 */
export class GroupPipeline {
  /** Readings taken and samples reported since start. */
  readings = 0;
  reported = 0;
  readonly #group: ScanGroup;
  readonly #maxSilenceMs: Millis;
  /** Each rule once: tens of thousands of tags have a handful. */
  readonly #rules: readonly Rule[];
  /** By tag; null: all have the first. */
  readonly #ruleOf: Uint32Array | null;
  readonly #streams: readonly ReportStream[];
  /** The stream of each tag and its place in it; null: there is one stream, with all tags in order. */
  readonly #streamOf: Uint32Array | null;
  readonly #slotOf: Uint32Array | null;
  /** The value last reported. */
  readonly #last: Float64Array;
  /** The current value; where no rule holds a change back it is the one last reported, and both are the same array. */
  readonly #current: Float64Array;
  /** A change of status is always reported. */
  readonly #status: Uint32Array;
  /** Source time of the current value. */
  readonly #time: Float64Array;
  /** When last reported (`stampOf`); `NEVER` before. */
  readonly #reportedAt: Uint32Array;
  /** Texts, bigints, and booleans of tags that are not declared bool: the current one and the one last reported, by tag. */
  readonly #currentOther = new Map<number, OtherValue>();
  readonly #lastOther = new Map<number, OtherValue>();

  /**
   * @param source CloudEvents source of the reports
   * @param maxSilenceMs after this long without a report a tag is reported again, unchanged
   * @param scratch with room for as many samples as the group has tags
   */
  constructor(group: ScanGroup, source: string, maxSilenceMs: Millis, scratch: ReportScratch) {
    const size = group.tags.length;
    this.#group = group;
    this.#maxSilenceMs = maxSilenceMs;
    const [rules, ruleOf] = rulesOf(group);
    this.#rules = rules;
    this.#ruleOf = rules.length === 1 ? null : ruleOf;
    const streams = streamsOf(group, source, scratch);
    this.#streams = streams.map(({ stream }) => stream);
    const isOne = streams.length === 1;
    this.#slotOf = isOne ? null : new Uint32Array(size);
    this.#streamOf = isOne ? null : new Uint32Array(size);
    for (const [number, { members }] of isOne ? [] : streams.entries()) {
      members.forEach((index, slot) => {
        (this.#streamOf as Uint32Array)[index] = number;
        (this.#slotOf as Uint32Array)[index] = slot;
      });
    }
    const holdsBack = rules.some(({ deadband: { width, share } }) => width > 0 || share > 0);
    this.#last = new Float64Array(size).fill(Number.NaN);
    this.#current = holdsBack ? this.#last.slice() : this.#last;
    this.#status = new Uint32Array(size).fill(Status.Bad_WaitingForInitialData);
    this.#time = new Float64Array(size);
    this.#reportedAt = new Uint32Array(size);
  }

  /**
   * Take the readings of a scan.
   * @param now monotonic
   * @returns a report for each asset and lane with something to tell
   */
  accept(batch: ReadingBatch, now: Millis): EventDraft<TelemetryReport>[] {
    const drafts: EventDraft<TelemetryReport>[] = [];
    const { count, indexes, values, statuses, times } = batch;
    const size = this.#last.length;
    const stamp = stampOf(now);
    this.readings += count;
    for (let i = 0; i < count; i++) {
      const index = indexes === null ? i : (indexes[i] as number);
      if (index >= size) continue;
      const { scaling } = this.#ruleAt(index);
      let status: StatusCode = typeof statuses === 'number' ? statuses : (statuses[i] as number);
      const raw = values[i] ?? null;
      let value: StateValue;
      if (status >>> 31 === 1) value = Number.NaN;
      else if (typeof raw === 'number' && scaling.isIdentity && raw - raw === 0) value = raw;
      else {
        const scaled = scaleValue(scaling, raw, status);
        status = scaled.status;
        value = this.#stateValue(index, scaled.value);
      }
      const time: EpochMs = typeof times === 'number' ? times : (times[i] as number);
      const isDue = this.#isDue(index, value, status, stamp);
      this.#setCurrent(index, value, status, time);
      if (isDue) this.#report(index, stamp, drafts);
    }
    this.#takeReports(drafts);
    return drafts;
  }

  /** Report again what has been silent too long, with the source time that it had. Call a few times per maximum silence. */
  overdue(now: Millis): EventDraft<TelemetryReport>[] {
    const drafts: EventDraft<TelemetryReport>[] = [];
    const stamp = stampOf(now);
    for (let index = 0; index < this.#reportedAt.length; index++) {
      const at = this.#reportedAt[index] as number;
      if (at !== NEVER && msBetween(at, stamp) >= this.#maxSilenceMs) this.#report(index, stamp, drafts);
    }
    this.#takeReports(drafts);
    return drafts;
  }

  /** `<device>` and period, for messages. */
  get group(): ScanGroup {
    return this.#group;
  }

  #setCurrent(index: number, value: StateValue, status: StatusCode, time: EpochMs): void {
    if (typeof value === 'number') {
      this.#current[index] = value;
      if (this.#currentOther.size > 0) this.#currentOther.delete(index);
    } else {
      this.#current[index] = Number.NaN;
      this.#currentOther.set(index, value);
    }
    this.#status[index] = status;
    this.#time[index] = time;
  }

  #isDue(index: number, value: StateValue, status: StatusCode, stamp: number): boolean {
    const at = this.#reportedAt[index] as number;
    if (status !== this.#status[index] || at === NEVER) return true;
    const { width, share } = this.#ruleAt(index).deadband;
    if (width < 0) return true;
    const last = this.#last[index] as number;
    if (typeof value === 'number') {
      const hasChanged = share === 0 ? Math.abs(value - last) > width : Math.abs(value - last) > share * Math.abs(last);
      // NaN against a number is a change too; NaN against NaN is none, unless a text stood there.
      if (hasChanged || Number.isNaN(value) !== Number.isNaN(last)) return true;
    } else if (value !== this.#lastOther.get(index)) return true;
    return msBetween(at, stamp) >= this.#maxSilenceMs;
  }

  #report(index: number, stamp: number, drafts: EventDraft<TelemetryReport>[]): void {
    const stream = this.#streamAt(index);
    if (stream.isFull) drafts.push(draftOf(stream.take()));
    const other = this.#currentOther.size > 0 ? this.#currentOther.get(index) : undefined;
    const value = other ?? (this.#current[index] as number);
    stream.add(this.#slotAt(index), value, this.#status[index] as number, this.#time[index] as number);
    this.#last[index] = typeof value === 'number' ? value : Number.NaN;
    if (typeof value !== 'number') this.#lastOther.set(index, value);
    else if (this.#lastOther.size > 0) this.#lastOther.delete(index);
    this.#reportedAt[index] = stamp;
    this.reported++;
  }

  #stateValue(index: number, value: TagValue): StateValue {
    if (value === null) return Number.NaN;
    if (typeof value !== 'boolean') return value;
    return this.#streamAt(index).list.types[this.#slotAt(index)] === 'bool' ? Number(value) : value;
  }

  #ruleAt(index: number): Rule {
    return this.#rules[this.#ruleOf === null ? 0 : (this.#ruleOf[index] as number)] as Rule;
  }

  #streamAt(index: number): ReportStream {
    return this.#streams[this.#streamOf === null ? 0 : (this.#streamOf[index] as number)] as ReportStream;
  }

  #slotAt(index: number): number {
    return this.#slotOf === null ? index : (this.#slotOf[index] as number);
  }

  #takeReports(drafts: EventDraft<TelemetryReport>[]): void {
    for (const stream of this.#streams) if (!stream.isEmpty) drafts.push(draftOf(stream.take()));
  }
}

/** The rules of a group's tags, equal ones once, and which one each tag has. */
function rulesOf({ tags }: ScanGroup): [rules: Rule[], ruleOf: Uint32Array] {
  const rules: Rule[] = [];
  const known = new Map<string, number>();
  const ruleOf = new Uint32Array(tags.length);
  let index = 0;
  for (const tag of tags) {
    const rule = { scaling: scalingOf(tag), deadband: deadbandOf(tag) };
    const key = keyOf(rule);
    let number = known.get(key);
    if (number === undefined) {
      number = rules.push(rule) - 1;
      known.set(key, number);
    }
    ruleOf[index++] = number;
  }
  return [rules, ruleOf];
}

/** Equal for rules that do the same. */
function keyOf({ scaling, deadband }: Rule): string {
  const { factor, offset, low, high, root, texts } = scaling;
  const bounds = `${factor} ${offset} ${low} ${high} ${deadband.width} ${deadband.share}`;
  return root === null && texts === null ? bounds : `${bounds} ${JSON.stringify([root, texts])}`;
}

function draftOf(report: TelemetryReport): EventDraft<TelemetryReport> {
  return {
    ...telemetryAttributes(report.list),
    time: report.columns.timeBase,
    lane: report.list.lane,
    data: report,
  };
}
