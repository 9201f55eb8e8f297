import type { EpochMs } from './time.ts';

/** A time of the week, in minutes from Monday 00:00: from `start` up to, not including, `end`; may run over the end of the week. */
export interface WeeklyWindow {
  readonly start: number;
  readonly end: number;
}

/** One or more days or spans of days, then the hours: `22:00-06:00`, `sat,sun 00:00-24:00`, `mon-fri 22:00-06:00`. */
export const WEEKLY_WINDOW_PATTERN =
  '^((mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?(,(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?)* )?([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$';

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY_MINUTES = 1440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
const SHAPE = new RegExp(WEEKLY_WINDOW_PATTERN);

/**
 * The windows of a text, one for each day that it begins on. Hours that end before they begin, or where they begin, end on the next day.
 * @returns null: not of the pattern
 */
export function parseWeeklyWindows(text: string): readonly WeeklyWindow[] | null {
  if (!SHAPE.test(text)) return null;
  const [hours = '', days] = text.split(' ').reverse();
  const [from = 0, to = 0] = hours.split('-').map((time) => {
    const [hour = 0, minute = 0] = time.split(':').map(Number);
    return hour * 60 + minute;
  });
  const lengthMinutes = to > from ? to - from : to + DAY_MINUTES - from;
  return daysOf(days).map((day) => {
    const start = day * DAY_MINUTES + from;
    return { start, end: start + lengthMinutes };
  });
}

function daysOf(text: string | undefined): readonly number[] {
  if (text === undefined) return DAYS.map((_day, i) => i);
  const days = new Set<number>();
  for (const span of text.split(',')) {
    const [first = 0, last = first] = span.split('-').map((day) => DAYS.indexOf(day as (typeof DAYS)[number]));
    for (let day = first; ; day = (day + 1) % DAYS.length) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

/** How many minutes until one of the windows is open: 0 within one; null without any. */
export function minutesUntilOpen(windows: readonly WeeklyWindow[], minuteOfWeek: number): number | null {
  let soonest: number | null = null;
  for (const { start, end } of windows) {
    const since = (minuteOfWeek - start + WEEK_MINUTES) % WEEK_MINUTES;
    if (since < end - start) return 0;
    const wait = WEEK_MINUTES - since;
    if (soonest === null || wait < soonest) soonest = wait;
  }
  return soonest;
}

/** Gives the minute of the week, from Monday 00:00, on the clocks of a time zone. */
export type MinuteOfWeek = (time: EpochMs) => number;

/** @param timeZone IANA name; null: the zone of this machine */
export function minuteOfWeekIn(timeZone: string | null): MinuteOfWeek {
  if (timeZone === null) {
    return (time) => {
      const date = new Date(time);
      return ((date.getDay() + 6) % 7) * DAY_MINUTES + date.getHours() * 60 + date.getMinutes();
    };
  }
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (time) => {
    const parts = new Map(format.formatToParts(time).map(({ type, value }) => [type, value]));
    const day = DAYS.indexOf((parts.get('weekday') ?? '').slice(0, 3).toLowerCase() as (typeof DAYS)[number]);
    return day * DAY_MINUTES + Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  };
}

/** True for a time zone that this machine knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
