import type { Lane } from '../../model/tag.ts';
import type { EpochMs, Millis } from '../../model/time.ts';
import type { SinkHold, SinkPacing } from '../../ports/sink.ts';
import type { Shipment, Stream } from './delivery.ts';
import { type Candidate, LinkShare } from './link-share.ts';
import { LinkWindow } from './link-window.ts';
import { RateCap } from './rate-cap.ts';
import { SendSchedule } from './send-schedule.ts';

/** Bytes of events on the way; the backlog's share follows the link, and live, which has the right of way, may have four times that. */
const MAX_BACKLOG_BYTES_IN_FLIGHT = 6_291_456;
const MAX_BYTES_IN_FLIGHT = 8_388_608;
const MIN_LIVE_BYTES_IN_FLIGHT = 524_288;
const LIVE_WINDOWS = 4;

/** What is on the way on a link, and how many batches it takes. */
export interface Load {
  readonly batches: number;
  readonly slots: number;
  readonly bytes: Readonly<Record<Stream, number>>;
}

/** What one link may carry: its window, its shares, its cap and its schedule. Decides by the times that it is given. */
export class LinkTraffic {
  readonly #window = new LinkWindow(MAX_BACKLOG_BYTES_IN_FLIGHT);
  readonly #share: LinkShare;
  readonly #cap: RateCap;
  readonly #schedule: SendSchedule;
  readonly #charged = new Map<Shipment, number>();
  #isCapped = false;

  constructor(pacing: Pick<SinkPacing, 'liveWeight' | 'maxBytesPerSecond' | 'schedule'>) {
    this.#share = new LinkShare(pacing.liveWeight);
    this.#cap = new RateCap(pacing.maxBytesPerSecond);
    this.#schedule = new SendSchedule(pacing.schedule);
  }

  /** Which of those that could go goes first. */
  choose<C extends Candidate>(candidates: readonly C[]): C | null {
    return this.#share.choose(candidates);
  }

  /** True when the link has room: critical has a slot left to itself, live one beside the backlog, and the queue on the link is short. */
  hasRoom({ lane, stream }: Candidate, { batches, slots, bytes }: Load): boolean {
    if (lane === 'critical') return true;
    const reserved = Math.min(stream === 'live' ? 1 : 2, slots - 1);
    if (batches >= slots - reserved) return false;
    if (stream === 'backlog') return bytes.backlog < this.#window.bytes;
    const liveBytes = Math.max(MIN_LIVE_BYTES_IN_FLIGHT, this.#window.bytes * LIVE_WINDOWS);
    return bytes.live < liveBytes && bytes.live + bytes.backlog < MAX_BYTES_IN_FLIGHT;
  }

  /** How long until it is worth looking again whether schedule and cap let something go; 0: they do. */
  heldMs({ lane, stream }: Candidate, wall: EpochMs, now: Millis): Millis {
    if (lane === 'critical') return 0;
    const { backlog, bulk } = this.#schedule.holds(wall);
    if ((stream === 'backlog' && backlog !== null) || (lane === 'bulk' && bulk !== null)) {
      return this.#schedule.nextLookMs(wall);
    }
    const capMs = this.#cap.waitMs(now);
    this.#isCapped = capMs > 0;
    return capMs;
  }

  /** What is held at the moment, for people. */
  holds(wall: EpochMs, now: Millis): SinkHold[] {
    const held: SinkHold[] = [];
    const { backlog, bulk } = this.#schedule.holds(wall);
    if (backlog !== null) held.push({ what: 'backlog', by: 'schedule', until: backlog });
    if (bulk !== null) held.push({ what: 'bulk', by: 'schedule', until: bulk });
    if (this.#isCapped && this.#cap.waitMs(now) > 0) {
      held.push({ what: 'all but critical', by: 'max_bytes_per_s', until: null });
    }
    return held;
  }

  /** Bytes of events that a batch may hold. */
  batchBytes(stream: Stream): number {
    return Math.min(stream === 'backlog' ? this.#window.bytes / 4 : Number.POSITIVE_INFINITY, this.#cap.batchBytes);
  }

  sent(lane: Lane, shipment: Shipment, now: Millis): void {
    this.#share.sent({ lane, stream: shipment.stream }, shipment.bytes);
    this.#charged.set(shipment, this.#cap.charge(shipment.bytes, now));
  }

  /** @param wireBytes what it came to */
  confirmed(lane: Lane, shipment: Shipment, wireBytes: number, now: Millis): void {
    this.#cap.correct(this.#charged.get(shipment) ?? 0, shipment.bytes, wireBytes);
    this.#charged.delete(shipment);
    if (lane !== 'critical' && shipment.events.length > 0) this.#window.confirmed(shipment.bytes, shipment.sentAt, now);
  }

  /** A replayed batch goes, on what the cap allows. @returns what it was charged */
  sentReplay(bytes: number, now: Millis): number {
    return this.#cap.charge(bytes, now);
  }

  confirmedReplay(charged: number, bytes: number, wireBytes: number): void {
    this.#cap.correct(charged, bytes, wireBytes);
  }

  rejected(shipment: Shipment): void {
    this.#charged.delete(shipment);
  }

  /** The next link may be another path. */
  lost(): void {
    this.#charged.clear();
    this.#window.lost();
  }
}
