import Value from 'typebox/value';
import type { Lane } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';
import { type JournalConfig, journalConfigSchema } from './config.ts';
import type { RetentionLimits, RetentionRule } from './retention-rules.ts';

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** The configuration with defaults filled in and in base units, as the worker takes it. */
export interface JournalSettings {
  readonly quotaBytes: number;
  /** By lane and type. */
  readonly retention: RetentionLimits;
  readonly minFreeBytes: number;
  readonly segmentBytes: number;
  readonly segmentAgeMs: Millis;
  readonly retainSettledMs: Millis;
  readonly queueEvents: number;
  readonly queueBytes: number;
  readonly lingerMs: Millis;
  readonly commitTimeoutMs: Millis;
  readonly ballastBytes: number;
  /** null: what must go is dropped as it is. */
  readonly thinningWindowMs: Millis | null;
}

type Full = Required<Omit<JournalConfig, 'max_age_days' | 'thinning'>> & {
  max_age_days: Record<Lane, number>;
  thinning?: { window_ms: number };
};

/** @param config valid by journalConfigSchema, defaults may be missing */
export function toSettings(config: JournalConfig): JournalSettings {
  const full = Value.Default(journalConfigSchema, structuredClone(config)) as Full;
  const quotaBytes = full.quota_mb * MB;
  const age = full.max_age_days;
  const rules = full.retention.map(
    ({ lane = null, type = null, max_age_days: days, max_mb: mb }): RetentionRule => ({
      lane,
      type,
      maxAgeMs: days === undefined ? null : days * 24 * HOUR_MS,
      maxBytes: mb === undefined || type !== null ? null : mb * MB,
    }),
  );
  return {
    quotaBytes,
    retention: {
      rules,
      laneAgesMs: {
        critical: age.critical * 24 * HOUR_MS,
        normal: age.normal * 24 * HOUR_MS,
        bulk: age.bulk * 24 * HOUR_MS,
      },
    },
    minFreeBytes: full.min_free_disk_mb * MB,
    // Dropping goes by whole segments: eight or more of them let a full quota still hold most of what it could.
    segmentBytes: Math.max(64 * 1024, Math.min(full.segment_mb * MB, quotaBytes / 8)),
    segmentAgeMs: full.segment_age_h * HOUR_MS,
    retainSettledMs: full.retain_settled_h * HOUR_MS,
    queueEvents: full.queue_events,
    queueBytes: full.queue_mb * MB,
    lingerMs: full.commit_linger_ms,
    commitTimeoutMs: full.commit_timeout_ms,
    ballastBytes: full.ballast_mb * MB,
    thinningWindowMs: full.thinning?.window_ms ?? null,
  };
}
