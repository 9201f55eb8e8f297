import Type, { type Static } from 'typebox';
import type { EventDraft, HeadgateEvent } from '../model/event.ts';
import { isTelemetry, type TelemetryEvent } from '../model/event.ts';
import { severityOf } from '../model/quality.ts';
import type { TagValue } from '../model/tag.ts';
import type { TagList } from '../model/telemetry.ts';
import type { EpochMs, Millis } from '../model/time.ts';

export const THINNED_TYPE = 'headgate.telemetry.thinned.v1';

const numbers = (description: string) => Type.Array(Type.Union([Type.Number(), Type.Null()]), { description });

/** Contract of headgate.telemetry.thinned.v1: what a group's reports of one window came to, as columns over `names`. */
export const thinnedSchema = Type.Object({
  segment: Type.Integer({
    description: 'First sequence of the segment whose reports these are; the gap that tells of them lies in it.',
  }),
  group: Type.String(),
  from: Type.Number({ description: 'Start of the window by source time, epoch ms.' }),
  windowMs: Type.Number(),
  reports: Type.Integer(),
  names: Type.Array(Type.String()),
  units: Type.Array(Type.String()),
  min: numbers('Smallest value that was not Bad; null where there was no number.'),
  max: numbers('Largest value that was not Bad.'),
  mean: numbers('Mean over the samples that were not Bad.'),
  last: Type.Array(Type.Union([Type.Number(), Type.String(), Type.Boolean(), Type.Null()]), {
    description: 'Newest value, of whatever quality; an integer beyond ±2^53 as text.',
  }),
  status: Type.Array(Type.Integer(), { description: 'StatusCode of the newest value.' }),
  samples: Type.Array(Type.Integer()),
  bad: Type.Array(Type.Integer({ description: 'Samples of them that were Bad.' })),
});

export type ThinnedData = Static<typeof thinnedSchema>;

/** Tags in one event, so that it stays far below the largest that is accepted. */
const MAX_TAGS = 2000;

/** One tag's samples of a window. */
interface Sums {
  min: number | null;
  max: number | null;
  sum: number;
  numbers: number;
  last: TagValue;
  lastAt: EpochMs;
  status: number;
  samples: number;
  bad: number;
}

interface Window {
  readonly list: TagList;
  readonly from: EpochMs;
  reports: number;
  readonly tags: Map<number, Sums>;
}

/** Thins reports, in the order of their sequence: at most one window of each tag list is open, so memory follows the tags. */
export class Thinning {
  readonly #segment: number;
  readonly #windowMs: Millis;
  readonly #open = new Map<string, Window>();
  readonly drafts: EventDraft<ThinnedData>[] = [];

  /** @param segment first sequence of the segment that is thinned */
  constructor(segment: number, windowMs: Millis) {
    this.#segment = segment;
    this.#windowMs = windowMs;
  }

  /** Take an event; all but reports are passed over. */
  add(event: HeadgateEvent): void {
    if (!isTelemetry(event)) return;
    const { list } = event.data;
    const from = Math.floor(event.time / this.#windowMs) * this.#windowMs;
    let window = this.#open.get(list.id);
    if (window !== undefined && window.from !== from) this.#close(window);
    if (window === undefined || window.from !== from) {
      window = { list, from, reports: 0, tags: new Map() };
      this.#open.set(list.id, window);
    }
    window.reports++;
    addReport(window.tags, event);
  }

  /** No more events come. */
  end(): void {
    for (const window of this.#open.values()) this.#close(window);
    this.#open.clear();
  }

  #close(window: Window): void {
    const indexes = [...window.tags.keys()].sort((a, b) => a - b);
    for (let i = 0; i < indexes.length; i += MAX_TAGS) this.#make(window, indexes.slice(i, i + MAX_TAGS));
  }

  #make({ list, from, reports, tags }: Window, indexes: readonly number[]): void {
    const column = <T>(of: (sums: Sums) => T): T[] =>
      indexes.flatMap((index) => {
        const sums = tags.get(index);
        return sums === undefined ? [] : [of(sums)];
      });
    const data: ThinnedData = {
      segment: this.#segment,
      group: list.group,
      from,
      windowMs: this.#windowMs,
      reports,
      names: indexes.map((index) => list.names[index] ?? ''),
      units: indexes.map((index) => list.units[index] ?? ''),
      min: column(({ min }) => min),
      max: column(({ max }) => max),
      mean: column(({ sum, numbers: count }) => (count === 0 ? null : sum / count)),
      last: column(({ last }) => (typeof last === 'bigint' ? String(last) : last)),
      status: column(({ status }) => status),
      samples: column(({ samples }) => samples),
      bad: column(({ bad }) => bad),
    };
    this.drafts.push({
      type: THINNED_TYPE,
      source: list.source,
      subject: list.asset,
      // A stream of its own: it comes after newer reports of the group.
      partitionkey: `${list.asset}/${list.group}/thinned`,
      time: from,
      lane: 'bulk',
      data,
    });
  }
}

function addReport(tags: Map<number, Sums>, { data: report }: TelemetryEvent): void {
  for (let position = 0; position < report.size; position++) {
    const index = report.tagIndex(position);
    const value = report.value(position);
    const status = report.status(position);
    const time = report.time(position);
    let sums = tags.get(index);
    if (sums === undefined) {
      sums = { min: null, max: null, sum: 0, numbers: 0, last: null, lastAt: time, status, samples: 0, bad: 0 };
      tags.set(index, sums);
    }
    sums.samples++;
    if (time >= sums.lastAt) [sums.last, sums.lastAt, sums.status] = [value, time, status];
    if (severityOf(status) === 'bad') sums.bad++;
    else if (typeof value === 'number' && Number.isFinite(value)) {
      if (sums.min === null || value < sums.min) sums.min = value;
      if (sums.max === null || value > sums.max) sums.max = value;
      sums.sum += value;
      sums.numbers++;
    }
  }
}
