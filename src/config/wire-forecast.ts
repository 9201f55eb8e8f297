import type { TagSequence } from '../model/tag-columns.ts';
import type { Millis } from '../model/time.ts';

/** A device with the tags that are polled from it. */
export interface PolledDevice {
  readonly name: string;
  readonly config: unknown;
  readonly tags: TagSequence;
  /** How long it takes to begin an answer, where that was measured; counts before what its configuration says. */
  readonly measuredMs?: Millis;
}

/** One request of a scan. */
export interface ForeseenRead {
  /** For people: `unit 1 HR:0-41`. */
  readonly place: string;
  readonly tags: readonly string[];
  readonly busMs: Millis;
}

/** How long a device takes to begin an answer, and who says so. */
export interface ForeseenLatency {
  readonly ms: Millis;
  readonly from: 'measured' | 'configured' | 'guessed';
}

/** The tags of a device with the same period. */
export interface ForeseenGroup {
  readonly device: string;
  readonly latency: ForeseenLatency;
  readonly periodMs: Millis;
  readonly tags: number;
  readonly reads: readonly ForeseenRead[];
  /** What one scan takes the wire. */
  readonly busMs: Millis;
  /** Of the wire's time, 1 being all of it. */
  readonly utilisation: number;
}

/** What polling asks of one wire: a serial line, or a connection. */
export interface WireForecast {
  /** `serial:/dev/ttyUSB0`, `tcp://10.0.0.5:502`. */
  readonly wire: string;
  /** True when the line's speed or the unit's latency is known; else the times are guesses and no reason to warn. */
  readonly isKnown: boolean;
  /** For people: what the times are worked out from. */
  readonly basis: string;
  readonly groups: readonly ForeseenGroup[];
  readonly requestsPerSecond: number;
  /** Of the wire's time; above 1 the scans come late. */
  readonly utilisation: number;
}

/** How a group could be slowed down. */
export interface SlowDown {
  readonly device: string;
  readonly periodMs: Millis;
  /** The period that would do. */
  readonly toMs: Millis;
}

/** A wire should have time for what is not foreseen: retries, writes, a unit that is slow today. */
const COMFORTABLE = 0.9;
/** A group that would have to be slowed down by more than this is not the only one to blame, unless the others leave it half of the wire. */
const MOST_FOR_ONE = 10;

/** The shortest period that a group could have beside the others; null when they leave it no time. */
export function shortestPeriodMs(forecast: WireForecast, group: ForeseenGroup): Millis | null {
  const others = forecast.utilisation - group.utilisation;
  return others >= 1 ? null : group.busMs / (1 - others);
}

/** What to slow down so that a wire has time for all: the group that takes most of it, if that is enough, else all alike. None if it has. */
export function slowDowns(forecast: WireForecast): readonly SlowDown[] {
  const { groups, utilisation } = forecast;
  if (utilisation <= 1) return [];
  const [first] = [...groups].sort((a, b) => b.utilisation - a.utilisation);
  if (first === undefined) return [];
  const left = COMFORTABLE - (utilisation - first.utilisation);
  const isAlone = left >= COMFORTABLE / 2;
  if (isAlone || (left > 0 && first.busMs / left <= first.periodMs * MOST_FOR_ONE)) {
    return [{ device: first.device, periodMs: first.periodMs, toMs: roundedUp(first.busMs / left) }];
  }
  return groups.map(({ device, periodMs }) => ({
    device,
    periodMs,
    toMs: roundedUp((periodMs * utilisation) / COMFORTABLE),
  }));
}

/** The latencies of all that share a wire, as ranges by where they are from: `10.6 to 32.6 ms (measured), 10 ms (guessed: latency_ms says it)`. */
export function describeLatencies(latencies: readonly ForeseenLatency[]): string {
  return [...Map.groupBy(latencies, ({ from }) => from)]
    .map(([from, own]) => {
      const all = own.map(({ ms }) => Number(ms.toFixed(1)));
      const low = Math.min(...all);
      const high = Math.max(...all);
      const source = from === 'guessed' ? 'guessed: latency_ms says it' : from;
      return `${low === high ? low : `${low} to ${high}`} ms (${source})`;
    })
    .join(', ');
}

/** What a tag takes of the wire: its share of the reads that it is in, of each second. */
export interface TagCost {
  readonly device: string;
  readonly tag: string;
  readonly periodMs: Millis;
  readonly busMsPerSecond: Millis;
}

/** The tags that cost a wire most. */
export function costliestTags(forecast: WireForecast, count: number): readonly TagCost[] {
  const costs: TagCost[] = [];
  for (const { device, periodMs, reads } of forecast.groups) {
    for (const { tags, busMs } of reads) {
      const busMsPerSecond = ((busMs / tags.length) * 1_000) / periodMs;
      for (const tag of tags) costs.push({ device, tag, periodMs, busMsPerSecond });
    }
  }
  return costs.sort((a, b) => b.busMsPerSecond - a.busMsPerSecond).slice(0, count);
}

/** `raise scan_ms of meter from 100 to at least 250`. */
export function describeSlowDowns(changes: readonly SlowDown[]): string {
  const some = changes
    .slice(0, 3)
    .map(({ device, periodMs, toMs }) => `${device} from ${periodMs} to at least ${toMs}`);
  return `raise scan_ms of ${some.join(', ')}${changes.length > 3 ? ', and all others alike' : ''}`;
}

/** Up to two digits: periods are chosen by people. */
function roundedUp(ms: Millis): Millis {
  const step = 10 ** Math.max(1, Math.floor(Math.log10(ms)) - 1);
  return Math.ceil(ms / step) * step;
}
