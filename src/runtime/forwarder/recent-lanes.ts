import { LANES, type Lane } from '../../model/tag.ts';
import type { Millis } from '../../model/time.ts';
import type { CommittedEvent } from '../../ports/journal.ts';
import { RecentEvents, type RecentEventsLimits } from './recent-events.ts';

/** For sinks that keep up; in all 7 MB at most, and critical events are not pushed out by others. */
const LIMITS: Readonly<Record<Lane, RecentEventsLimits>> = {
  critical: { maxEvents: 5_000, maxBytes: 1_048_576 },
  normal: { maxEvents: 10_000, maxBytes: 2_097_152 },
  bulk: { maxEvents: 20_000, maxBytes: 4_194_304 },
};

/** The latest committed events of each lane, shared by all sinks. */
export class RecentLanes {
  readonly lanes: Readonly<Record<Lane, RecentEvents>>;
  #top: number;

  /** @param lastSequence what is committed before is in the journal alone */
  constructor(lastSequence: number, limits: Readonly<Record<Lane, RecentEventsLimits>> = LIMITS) {
    const { critical, normal, bulk } = limits;
    this.#top = lastSequence;
    this.lanes = {
      critical: new RecentEvents(lastSequence, critical),
      normal: new RecentEvents(lastSequence, normal),
      bulk: new RecentEvents(lastSequence, bulk),
    };
  }

  /** Highest committed sequence, over all lanes. */
  get top(): number {
    return this.#top;
  }

  push(events: readonly CommittedEvent[], at: Millis): void {
    const [first] = events;
    if (first === undefined) return;
    if (events.every(({ lane }) => lane === first.lane)) this.lanes[first.lane].push(events, at);
    else {
      for (const lane of LANES)
        this.lanes[lane].push(
          events.filter((event) => event.lane === lane),
          at,
        );
    }
    this.#top = Math.max(this.#top, events.at(-1)?.sequence ?? 0);
  }
}
