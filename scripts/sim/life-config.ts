import type { JournalConfig } from '../../src/journal/config.ts';
import type { Dice } from './virtual-time.ts';

/** A journal's settings for one life: small, so that quotas, ages and segments matter within minutes. */
export function configOf(dice: Dice): JournalConfig {
  return {
    commit_linger_ms: dice.pick([0, 10, 50]),
    quota_mb: dice.pick([1, 1, 2, 16]),
    segment_mb: 0.0625,
    segment_age_h: dice.pick([0.002, 0.01, 1]),
    retain_settled_h: dice.pick([0, 0, 0.002, 1]),
    max_age_days: dice.chance(0.15) ? { bulk: 0.0003 } : {},
    min_free_disk_mb: 0.25,
    ballast_mb: dice.pick([0, 0.1]),
    queue_events: dice.pick([60, 2000]),
    queue_mb: dice.pick([0.2, 8]),
    commit_timeout_ms: 60_000,
  };
}
