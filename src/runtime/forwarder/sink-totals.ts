import type { Millis } from '../../model/time.ts';
import { RateMeter } from './rate-meter.ts';
import type { SinkStatus } from './sink-status.ts';

type Totals = Pick<SinkStatus, 'rates' | 'eventsSettled' | 'batchesSettled' | 'bytesSent' | 'resent' | 'deadLettered'>;

/** What a sink has brought through since start, and how fast of late. */
export class SinkTotals {
  readonly #eventRate = new RateMeter();
  readonly #byteRate = new RateMeter();
  #counts = { eventsSettled: 0, batchesSettled: 0, bytesSent: 0, resent: 0, deadLettered: 0 };

  confirmed(events: number, bytes: number, now: Millis): void {
    this.#counts.eventsSettled += events;
    this.#counts.batchesSettled++;
    this.#counts.bytesSent += bytes;
    this.#eventRate.add(events, now);
    this.#byteRate.add(bytes, now);
  }

  resent(events: number): void {
    this.#counts.resent += events;
  }

  deadLettered(): void {
    this.#counts.deadLettered++;
  }

  figures(now: Millis): Totals {
    const rates = { eventsPerSecond: this.#eventRate.perSecond(now), bytesPerSecond: this.#byteRate.perSecond(now) };
    return { rates, ...this.#counts };
  }
}
