import { InvalidArgumentError } from 'commander';
import type { EpochMs } from '../model/time.ts';

const UNITS = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const DAY = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?$/i;

/**
 * A moment as people write it: `2026-11-25`, `2026-11-25T10:30`, with `Z` or `+01:00`, `10:30` (today), `-2h`, `-90min` (before now), `now`, `today`,
 * `yesterday`. Without a zone, local time is meant.
 * @throws InvalidArgumentError anything else, or a moment that does not exist
 */
export function parseMoment(text: string, now: EpochMs): EpochMs {
  const word = text.trim();
  const back = /^-(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)$/.exec(word);
  if (back !== null) return now - Number(back[1]) * UNITS[back[2] as keyof typeof UNITS];
  if (word === 'now') return now;
  if (word === 'today' || word === 'yesterday') return midnight(now, word === 'today' ? 0 : -1);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(word);
  if (clock !== null) {
    const [hours, minutes, seconds] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    if (hours > 23 || minutes > 59 || seconds > 59) throw invalid();
    const date = new Date(now);
    return date.setHours(hours, minutes, seconds, 0);
  }
  const match = DAY.exec(word);
  if (match === null) throw invalid();
  const [year, month, day, hours, minutes, seconds] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = Math.floor(Number(`0.${match[7] ?? 0}`) * 1000);
  const parts = [year ?? 0, (month ?? 1) - 1, day ?? 1, hours ?? 0, minutes ?? 0, seconds ?? 0, ms] as const;
  const utc = new Date(Date.UTC(...parts));
  // 31 February would become 3 March.
  if (utc.getUTCMonth() !== parts[1] || utc.getUTCDate() !== parts[2] || utc.getUTCHours() !== parts[3])
    throw invalid();
  if (parts[4] > 59 || parts[5] > 59) throw invalid();
  return match[8] === undefined ? new Date(...parts).getTime() : utc.getTime() - offsetMs(match[8]);
}

/** Where and how a moment is shown: `2026-11-25 10:30:00 UTC+01:00`. */
export function describeMoment(time: EpochMs): string {
  const date = new Date(time);
  const minutes = -date.getTimezoneOffset();
  const local = new Date(time + minutes * 60_000).toISOString().slice(0, 19).replace('T', ' ');
  if (minutes === 0) return `${local} UTC`;
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, '0');
  return `${local} UTC${minutes < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

function midnight(now: EpochMs, days: number): EpochMs {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

function offsetMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 14 || minutes > 59) throw invalid();
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function invalid(): InvalidArgumentError {
  return new InvalidArgumentError(
    'Expected a time such as 2026-11-25T10:30, 2026-11-25T09:30Z, 10:30, -2h, today, yesterday or now.',
  );
}
