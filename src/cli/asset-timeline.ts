import { toCloudEventJson } from '../model/cloud-event.ts';
import { DEVICE_STATE_TYPE, GAP_TYPE, type HeadgateEvent, isTelemetry, type TelemetryEvent } from '../model/event.ts';
import { statusName } from '../model/quality.ts';
import type { EpochMs } from '../model/time.ts';
import { isQualityChange, type TagSummary, TagSummaryBuilder } from './tag-summary.ts';

/** Something that happened: an event, or a tag whose quality changed. */
export interface Happening {
  readonly time: EpochMs;
  readonly asset: string;
  readonly kind: 'event' | 'gap' | 'device' | 'quality';
  /** Event type; of a change of quality `quality`. */
  readonly type: string;
  readonly id: string;
  readonly sequence: number;
  /** As in the event's JSON; of a change of quality `{tag, from, to}`. */
  readonly data: unknown;
}

/** All that is known of an asset in a stretch of time. */
export interface TimelineReport {
  /** In the order of their time. */
  readonly happenings: readonly Happening[];
  /** Happenings that were left out, the newest. */
  readonly more: number;
  readonly tags: readonly TagSummary[];
  readonly reports: number;
  readonly samples: number;
}

/** Puts an asset's history together from its events; memory is bounded by the tags and by `maxHappenings`. */
export class AssetTimeline {
  readonly #maxHappenings: number;
  readonly #tags = new Map<string, TagSummaryBuilder>();
  readonly #devices = new Set<string>();
  #happenings: Happening[] = [];
  #more = 0;
  #reports = 0;
  #samples = 0;

  constructor(maxHappenings: number) {
    this.#maxHappenings = maxHappenings;
  }

  /** An event of the asset or below. */
  add(event: HeadgateEvent): void {
    if (isTelemetry(event)) this.#addReport(event);
    else if (event.type !== GAP_TYPE && event.type !== DEVICE_STATE_TYPE) this.#happened('event', event);
  }

  /** An event of the gateway at large, after all of the asset: a gap in what is stored, or a device's connection. */
  addGeneral(event: HeadgateEvent): void {
    if (event.type === GAP_TYPE) this.#happened('gap', event);
    const { data } = event;
    const device = typeof data === 'object' && data !== null && 'device' in data ? data.device : undefined;
    if (event.type === DEVICE_STATE_TYPE && this.#devices.has(String(device))) this.#happened('device', event);
  }

  report(): TimelineReport {
    return {
      happenings: this.#happenings.sort((a, b) => a.time - b.time || a.sequence - b.sequence),
      more: this.#more,
      tags: [...this.#tags.values()]
        .map((tag) => tag.summary())
        .sort((a, b) => (a.asset < b.asset ? -1 : a.asset > b.asset ? 1 : a.tag < b.tag ? -1 : 1)),
      reports: this.#reports,
      samples: this.#samples,
    };
  }

  #addReport(event: TelemetryEvent): void {
    const { data: report, subject: asset, id, sequence } = event;
    this.#devices.add(report.list.device);
    this.#reports++;
    this.#samples += report.size;
    for (let position = 0; position < report.size; position++) {
      const tag = report.name(position);
      const key = `${asset}\n${tag}`;
      let builder = this.#tags.get(key);
      if (builder === undefined) {
        builder = new TagSummaryBuilder({ asset, tag, unit: report.list.units[report.tagIndex(position)] ?? '' });
        this.#tags.set(key, builder);
      }
      const before = builder.status;
      const status = report.status(position);
      const time = report.time(position);
      builder.add(report.value(position), status, time);
      if (before !== null && isQualityChange(before, status)) {
        const data = { tag, from: statusName(before), to: statusName(status) };
        this.#keep({ time, asset, kind: 'quality', type: 'quality', id, sequence, data });
      }
    }
  }

  #happened(kind: Happening['kind'], event: HeadgateEvent): void {
    const { time, subject: asset, type, id, sequence } = event;
    const { data } = JSON.parse(toCloudEventJson(event)) as { data: unknown };
    this.#keep({ time, asset, kind, type, id, sequence, data });
  }

  #keep(happening: Happening): void {
    if (this.#happenings.length >= this.#maxHappenings) this.#more++;
    else this.#happenings.push(happening);
  }
}
