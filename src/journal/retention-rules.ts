import type { Lane } from '../model/tag.ts';
import type { Millis } from '../model/time.ts';

/** A limit for the events of a lane, of a type, or of both. */
export interface RetentionRule {
  /** null: every lane. */
  readonly lane: Lane | null;
  /** Exact, or a prefix ending in `*`; null: every type. */
  readonly type: string | null;
  /** null: not limited by this rule; 0: for ever. */
  readonly maxAgeMs: Millis | null;
  /** Of the whole lane; only in a rule without a type. */
  readonly maxBytes: number | null;
}

/** The limits as they are configured; plain, so that it can be posted. */
export interface RetentionLimits {
  readonly rules: readonly RetentionRule[];
  /** By lane, where no rule says otherwise; 0: for ever. */
  readonly laneAgesMs: Readonly<Record<Lane, Millis>>;
}

/** What the rules say, most special first: type and lane, type, lane, then the lane's own limit. Pure. */
export class RetentionRules {
  readonly #rules: readonly RetentionRule[];
  readonly #laneAgesMs: Readonly<Record<Lane, Millis>>;

  constructor({ rules, laneAgesMs }: RetentionLimits) {
    const weight = ({ type, lane }: RetentionRule) => (type === null ? 0 : 2) + (lane === null ? 0 : 1);
    this.#rules = [...rules].sort((a, b) => weight(b) - weight(a));
    this.#laneAgesMs = laneAgesMs;
  }

  /** The age at which events of a type may go; 0: never by age. */
  maxAgeMs(lane: Lane, type: string): Millis {
    const rule = this.#rules.find((one) => one.maxAgeMs !== null && applies(one, lane) && matches(one, type));
    return rule?.maxAgeMs ?? this.#laneAgesMs[lane];
  }

  /**
   * The age at which a segment may go: that of the event in it that is kept longest.
   * @param types asked for only when it depends on them
   */
  segmentAgeMs(lane: Lane, age: Millis, types: () => readonly string[]): Millis {
    const ages = [
      this.#laneAgesMs[lane],
      ...this.#rules.flatMap((rule) => (rule.maxAgeMs !== null && applies(rule, lane) ? [rule.maxAgeMs] : [])),
    ];
    // Younger than every limit there is: no need to know what is in it.
    if (ages.every((limit) => limit === 0 || age < limit)) return 0;
    if (!this.#rules.some((rule) => rule.type !== null && rule.maxAgeMs !== null && applies(rule, lane))) {
      return this.maxAgeMs(lane, '');
    }
    const limits = types().map((type) => this.maxAgeMs(lane, type));
    return limits.length === 0 || limits.includes(0) ? 0 : Math.max(...limits);
  }

  /** Bytes that a lane may take; infinite without a rule. */
  maxBytes(lane: Lane): number {
    const limits = this.#rules.flatMap((rule) =>
      rule.maxBytes !== null && applies(rule, lane) ? [rule.maxBytes] : [],
    );
    return Math.min(Number.POSITIVE_INFINITY, ...limits);
  }
}

function applies(rule: RetentionRule, lane: Lane): boolean {
  return rule.lane === null || rule.lane === lane;
}

function matches({ type: wanted }: RetentionRule, type: string): boolean {
  if (wanted === null) return true;
  return wanted.endsWith('*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}
