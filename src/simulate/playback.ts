import type { StatusCode } from '../model/quality.ts';
import type { TagValue } from '../model/tag.ts';
import type { EpochMs, Millis } from '../model/time.ts';
import type { Series } from './series.ts';

/** Takes one reading at its new source time. */
export type Deliver = (series: number, tag: number, reading: PlayedReading) => void;

export interface PlayedReading {
  readonly value: TagValue;
  readonly status: StatusCode;
  readonly time: EpochMs;
}

/**
 * Recorded series against a running clock: what was recorded at line time t is due at start + t / speed, and that is its new
 * source time. Pure: it is told what time it is.
 */
export class Playback {
  readonly #series: readonly Series[];
  readonly #durationMs: Millis;
  readonly #speed: number;
  readonly #cursors: Int32Array;
  #startedAt: EpochMs;
  loops = 0;

  constructor(series: readonly Series[], options: { durationMs: Millis; speed: number; startedAt: EpochMs }) {
    this.#series = series;
    this.#durationMs = options.durationMs;
    this.#speed = options.speed;
    this.#startedAt = options.startedAt;
    this.#cursors = new Int32Array(series.length);
  }

  /** Line time, from 0 to the duration of the recording. */
  positionMs(now: EpochMs): Millis {
    return Math.min(this.#durationMs, Math.max(0, (now - this.#startedAt) * this.#speed));
  }

  /**
   * The first reading of every tag that came within two periods of the beginning: a device that is switched on has values at
   * once, and not only when the recording's first scan was.
   */
  prime(deliver: Deliver): void {
    this.#series.forEach((series, index) => {
      const seen = new Set<number>();
      for (let at = 0; at < series.length && series.atMs(at) <= 2 * series.periodMs; at++) {
        const tag = series.tag(at);
        if (seen.has(tag)) continue;
        seen.add(tag);
        deliver(index, tag, { value: series.value(at), status: series.status(at), time: this.#startedAt });
      }
    });
  }

  /** Deliver all that is due, each series in its order. @returns how many */
  advance(now: EpochMs, deliver: Deliver): number {
    const position = (now - this.#startedAt) * this.#speed;
    let delivered = 0;
    this.#series.forEach((series, index) => {
      let at = this.#cursors[index] ?? 0;
      for (; at < series.length && series.atMs(at) <= position; at++) {
        const time = this.#startedAt + Math.max(0, series.atMs(at)) / this.#speed;
        deliver(index, series.tag(at), { value: series.value(at), status: series.status(at), time });
        delivered++;
      }
      this.#cursors[index] = at;
    });
    return delivered;
  }

  /** When the next reading is due, or the recording ends; null: it has ended. */
  nextDue(now: EpochMs): EpochMs | null {
    if ((now - this.#startedAt) * this.#speed >= this.#durationMs) return null;
    let next = this.#durationMs;
    this.#series.forEach((series, index) => {
      const at = this.#cursors[index] ?? 0;
      if (at < series.length) next = Math.min(next, series.atMs(at));
    });
    return this.#startedAt + next / this.#speed;
  }

  /** Begin again where the end was, without a gap. */
  rewind(): void {
    this.loops++;
    this.#startedAt += this.#durationMs / this.#speed;
    this.#cursors.fill(0);
  }
}
