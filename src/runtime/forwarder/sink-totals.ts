import type { Lane } from '../../model/tag.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import { Confirmations } from './confirmations.ts';
import type { Shipment } from './delivery.ts';
import { RateMeter } from './rate-meter.ts';
import type { SinkStatus } from './sink-status.ts';

type Totals = Pick<
  SinkStatus,
  'rates' | 'confirmations' | 'eventsSettled' | 'batchesSettled' | 'bytesSent' | 'resent' | 'deadLettered'
>;

/** What a sink has brought through since start, and of late how fast and when. */
export class SinkTotals {
  readonly #eventRate = new RateMeter();
  readonly #byteRate = new RateMeter();
  readonly #confirmations = { critical: new Confirmations(), normal: new Confirmations(), bulk: new Confirmations() };
  #counts = { eventsSettled: 0, batchesSettled: 0, bytesSent: 0, resent: 0, deadLettered: 0 };

  /** @param bytes on the wire; `now` and `wall` are the same moment */
  confirmed(lane: Lane, { events, first, last }: Shipment, bytes: number, now: Millis, wall: EpochMs): void {
    this.#counts.eventsSettled += events.length;
    this.#counts.batchesSettled++;
    this.#counts.bytesSent += bytes;
    this.#eventRate.add(events.length, now);
    this.#byteRate.add(bytes, now);
    if (events.length > 0) this.#confirmations[lane].add(first, last, wall);
  }

  resent(events: number): void {
    this.#counts.resent += events;
  }

  deadLettered(): void {
    this.#counts.deadLettered++;
  }

  figures(now: Millis): Totals {
    const rates = { eventsPerSecond: this.#eventRate.perSecond(now), bytesPerSecond: this.#byteRate.perSecond(now) };
    return { rates, confirmations: this.#confirmations, ...this.#counts };
  }
}
