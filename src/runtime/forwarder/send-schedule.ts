import type { EpochMs } from '../../model/time.ts';
import { type MinuteOfWeek, minuteOfWeekIn, minutesUntilOpen } from '../../model/weekly-window.ts';
import type { SinkSchedule } from '../../ports/sink.ts';

const MINUTE_MS = 60_000;

/** When what is held may go; null: it is not held. */
export interface ScheduleHolds {
  readonly backlog: EpochMs | null;
  readonly bulk: EpochMs | null;
}

const NOTHING_HELD: ScheduleHolds = { backlog: null, bulk: null };

/** Which traffic of a sink its schedule holds back. Looks at local time once a minute, so that it may be asked at any rate. */
export class SendSchedule {
  readonly #schedule: SinkSchedule | null;
  readonly #minuteOfWeek: MinuteOfWeek;
  #minute = Number.NaN;
  #holds = NOTHING_HELD;

  constructor(schedule: SinkSchedule | null) {
    this.#schedule = schedule;
    this.#minuteOfWeek = minuteOfWeekIn(schedule?.timeZone ?? null);
  }

  /** What is held at a time, and until when. */
  holds(now: EpochMs): ScheduleHolds {
    const schedule = this.#schedule;
    if (schedule === null) return NOTHING_HELD;
    const minute = Math.floor(now / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      const local = this.#minuteOfWeek(now);
      const until = (windows: SinkSchedule['backlog']): EpochMs | null => {
        const wait = windows === null ? 0 : minutesUntilOpen(windows, local);
        return wait === null || wait === 0 ? null : (minute + wait) * MINUTE_MS;
      };
      this.#holds = { backlog: until(schedule.backlog), bulk: until(schedule.bulk) };
    }
    return this.#holds;
  }

  /** How long until it is worth asking again: the next full minute. */
  nextLookMs(now: EpochMs): number {
    return MINUTE_MS - (now % MINUTE_MS);
  }
}
