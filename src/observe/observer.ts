import type { EpochMs, Millis } from '../model/time.ts';
import type { InternalEventEntry, LogLevel } from './internal-event.ts';
import { INTERNAL_EVENTS, type InternalEventName } from './internal-events.ts';
import { Metrics } from './metrics.ts';

/** Key-values of a log line. No secret, no payload. */
export type Fields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** What every part is handed to say what happens: a named internal event makes one log line and one counter. */
export interface Observer {
  /** @param count raises the counter by more than one, for batches */
  emit(name: InternalEventName, fields?: Fields, count?: number): void;
  /** The same with fields that every line carries. */
  with(fields: Fields): Observer;
}

/** Where finished lines go. */
type LineWriter = (line: string) => void;

export interface ObserverOptions {
  readonly write: LineWriter;
  readonly now: () => EpochMs;
  readonly level: LogLevel;
  /** `journald`: `<3>` priority prefixes and no time, since journald has its own; `text`: with time; `json`: one object. */
  readonly format: 'journald' | 'text' | 'json';
  /** Within this time the same event with the same fields is logged once, then counted. Default 60,000. */
  readonly repeatMs?: Millis;
}

const LEVELS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const PRIORITY: Readonly<Record<LogLevel, number>> = { debug: 7, info: 6, warn: 4, error: 3 };
const REPEAT_KEYS_LIMIT = 10_000;

/** Make the observer of a process: logs through `write`, counts into the returned metrics. */
export function createObserver(options: ObserverOptions): { observer: Observer; metrics: Metrics } {
  const metrics = new Metrics();
  const repeats = new Map<string, { until: EpochMs; suppressed: number }>();
  const repeatMs = options.repeatMs ?? 60_000;
  const make = (bound: Fields): Observer => ({
    with: (fields) => make({ ...bound, ...fields }),
    emit: (name, fields = {}, count = 1) => {
      const entry: InternalEventEntry = INTERNAL_EVENTS[name];
      if (entry.counter !== undefined) metrics.add(entry.counter, count);
      if (LEVELS[entry.level] < LEVELS[options.level]) return;
      const all: Fields = { ...bound, ...fields };
      const now = options.now();
      let repeated = 0;
      if (LEVELS[entry.level] >= LEVELS.warn) {
        const key = `${name} ${JSON.stringify(all)}`;
        const before = repeats.get(key);
        if (before !== undefined && now < before.until && now >= before.until - repeatMs) {
          before.suppressed++;
          return;
        }
        repeated = before?.suppressed ?? 0;
        if (repeats.size >= REPEAT_KEYS_LIMIT) repeats.clear();
        repeats.set(key, { until: now + repeatMs, suppressed: 0 });
      }
      options.write(formatLine(options.format, now, entry, name, repeated > 0 ? { ...all, repeated } : all));
    },
  });
  return { observer: make({}), metrics };
}

function formatLine(
  format: ObserverOptions['format'],
  now: EpochMs,
  entry: InternalEventEntry,
  name: string,
  fields: Fields,
): string {
  if (format === 'json') {
    return JSON.stringify({
      time: new Date(now).toISOString(),
      level: entry.level,
      event: name,
      message: entry.message,
      ...fields,
    });
  }
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${formatValue(value)}`)
    .join('');
  return format === 'journald'
    ? `<${PRIORITY[entry.level]}>${entry.message}${pairs}`
    : `${new Date(now).toISOString()} ${entry.level.padEnd(5)} ${entry.message}${pairs}`;
}

function formatValue(value: Fields[string]): string {
  const text = String(value).replace(/[\r\n\t]+/g, ' ');
  return /[\s"=]/.test(text) || text === '' ? JSON.stringify(text) : text;
}
