import type { HealthAssetConfig, SignalConfig } from './config.ts';
import { ISO_10816_3_LIMITS } from './iso-zones.table.ts';

/** How bad a value is by absolute limits, learnt from nothing: A as new, B long-term, C limited time, D damage. */
export type Zone = 'A' | 'B' | 'C' | 'D';

/** The best score that each zone allows. Source: the house's scoring rules, after ISO 10816-1 §5.3.1. */
export const ZONE_CAPS: Readonly<Record<Zone, number>> = { A: 100, B: 90, C: 60, D: 30 };

/** ISO limits of an asset's machine, A/B, B/C, C/D in mm/s; null when the machine is not described. */
export function isoLimitsOf(asset: HealthAssetConfig): readonly [number, number, number] | null {
  return asset.machine === undefined ? null : ISO_10816_3_LIMITS[asset.machine.group][asset.machine.mount];
}

/** The zone of a signal's value: by ISO for vibration velocity of a described machine, and by the configured limits. */
export function zoneOf(signal: SignalConfig, limits: readonly [number, number, number] | null, value: number): Zone {
  const iso = signal.role === 'vibration_velocity' && limits !== null ? isoZone(limits, value) : 'A';
  const configured = configuredZone(signal, value);
  return worstZone([iso, configured]);
}

/** The worst of some zones; A of none. */
export function worstZone(zones: readonly Zone[]): Zone {
  return [...zones].sort().at(-1) ?? 'A';
}

/** The value at which a signal enters zone D from below, for extrapolation; null when it has no such limit. */
export function failureLimitOf(signal: SignalConfig, limits: readonly [number, number, number] | null): number | null {
  const iso = signal.role === 'vibration_velocity' && limits !== null ? limits[2] : null;
  const { high_alarm: alarm } = signal;
  if (alarm === undefined) return iso;
  return iso === null ? alarm : Math.min(iso, alarm);
}

function isoZone([ab, bc, cd]: readonly [number, number, number], value: number): Zone {
  if (value > cd) return 'D';
  if (value > bc) return 'C';
  return value > ab ? 'B' : 'A';
}

function configuredZone(signal: SignalConfig, value: number): Zone {
  const isAtLeast = (limit: number | undefined) => limit !== undefined && value >= limit;
  const isAtMost = (limit: number | undefined) => limit !== undefined && value <= limit;
  if (isAtLeast(signal.high_alarm) || isAtMost(signal.low_alarm)) return 'D';
  return isAtLeast(signal.high_warning) || isAtMost(signal.low_warning) ? 'C' : 'A';
}
