import type { Random } from '../../src/ports/clock.ts';

/** What one torture is given. */
export interface TortureContext {
  /** How often the fault is brought about. */
  readonly runs: number;
  /** Of all chance in this call, so that a failure can be had again. */
  readonly seed: number;
  /** Drawn from `seed`. */
  readonly random: Random;
  /** Gateways that may be under torture at the same time. */
  readonly jobs: number;
  /** Progress, for people. */
  readonly say: (line: string) => void;
}

/** What a torture found; the first four must be 0. */
export interface TortureFigures {
  /** Events that the local broker acknowledged and that neither arrived upstream nor are told by a gap event. */
  readonly acceptedLost: number;
  /** Messages that arrived under two ids, or ids that came through the receiver twice. */
  readonly duplicatesAfterDedupe: number;
  /** Events behind a later one of their stream. */
  readonly orderViolations: number;
  /** Problems that `journal verify` names, books that do not balance, unreadable batches. */
  readonly corrupt: number;
  /** The longest time from the start of a daemon, or the end of a fault, until an event was acknowledged again. */
  readonly maxRecoverySeconds: number;
  /** Figures of this torture alone. */
  readonly own: Readonly<Record<string, unknown>>;
  /** Criteria of this torture that do not hold, in words; each with the seed of its run where that helps. */
  readonly failures: readonly string[];
}

/** One way to hurt a running gateway; a module of its own exports it as `torture`. */
export interface Torture {
  run(context: TortureContext): Promise<TortureFigures>;
}

/** A torture in the list of the command. */
export interface TortureEntry {
  readonly summary: string;
  /** Runs at full strength. */
  readonly fullRuns: number;
  readonly load: () => Promise<{ readonly torture: Torture }>;
}

/** Many figures as one: counts add up, the longest recovery counts; numbers among the own figures add up, too. */
export function sumFigures(parts: readonly TortureFigures[]): TortureFigures {
  const sum = (key: 'acceptedLost' | 'duplicatesAfterDedupe' | 'orderViolations' | 'corrupt') =>
    parts.reduce((total, part) => total + part[key], 0);
  const own: Record<string, unknown> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part.own)) {
      const before = own[name];
      if (typeof value !== 'number' || typeof before !== 'number') own[name] = value;
      else own[name] = name.startsWith('max') ? Math.max(before, value) : before + value;
    }
  }
  return {
    acceptedLost: sum('acceptedLost'),
    duplicatesAfterDedupe: sum('duplicatesAfterDedupe'),
    orderViolations: sum('orderViolations'),
    corrupt: sum('corrupt'),
    maxRecoverySeconds: Math.max(0, ...parts.map((part) => part.maxRecoverySeconds)),
    own,
    failures: parts.flatMap((part) => part.failures),
  };
}
