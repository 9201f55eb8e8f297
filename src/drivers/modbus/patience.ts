import type { Millis } from '../../model/time.ts';
import { RecentSlowest } from './recent-slowest.ts';
import type { Wire } from './wire.ts';

/** Whether a silent unit answers again is asked with less patience than for a value: so many times the slowest answer of late, its own or any on the wire. */
const PROBE_PATIENCE = 4;
const LEAST_PROBE_MS = 50;
/** Others wait for an answer so many times longer than answers take, of the unit or on the wire, whichever is longer. */
const HOLD_PATIENCE = 4;
const LEAST_HOLD_MS = 20;
/** The fourth probe, the eighth, the sixteenth and so on have the whole time-out: the unit may have become slow. */
const FIRST_PATIENT_PROBE = 4;

/** How long an answer is waited for, how long the others on the wire wait too (null: as long), and until when the others go first. */
export interface Patience {
  readonly timeoutMs: Millis;
  readonly holdMs: (() => Millis) | null;
  readonly waitsUntil: Millis | null;
}

/** How patiently a unit is asked, by how it and the others on its wire have answered of late. */
export class UnitPatience {
  /** The whole time-out, and everybody waits. */
  readonly whole: Patience;
  readonly #short: Patience;
  readonly #timeoutMs: Millis;
  readonly #wire: Pick<Wire, 'capacity' | 'isUnnumbered' | 'slowestMs' | 'typicalMs'>;
  readonly #slowest = new RecentSlowest();
  /** How long it takes to answer of late; 0 before it has. */
  #typicalMs: Millis = 0;

  constructor(timeoutMs: Millis, wire: Pick<Wire, 'capacity' | 'isUnnumbered' | 'slowestMs' | 'typicalMs'>) {
    this.#timeoutMs = timeoutMs;
    this.#wire = wire;
    this.whole = { timeoutMs, holdMs: null, waitsUntil: null };
    this.#short = { ...this.whole, holdMs: () => this.#holdMs() };
  }

  /** Take how long an answer took. @param now monotonic */
  take(tookMs: Millis, now: Millis): void {
    this.#slowest.take(tookMs, now);
    this.#typicalMs += (tookMs - this.#typicalMs) / (this.#typicalMs === 0 ? 1 : 16);
  }

  /**
   * For a value. Where answers carry numbers one that is late is known as such: others wait for it only much longer than usual, and it counts
   * later too. Where several may be in flight one that is late is in nobody's way.
   */
  get forValue(): Patience {
    const { isUnnumbered, capacity } = this.#wire;
    return isUnnumbered || capacity > 1 ? this.whole : this.#short;
  }

  /** For the question whether it lives: it has had the whole time-out already, and on a line that others wait for it gets no second one. */
  get forCheck(): Patience {
    if (!this.#wire.isUnnumbered) return this.forValue;
    return { timeoutMs: this.#probeTimeoutMs(0), holdMs: null, waitsUntil: null };
  }

  /**
   * For a probe of a silent unit.
   * @param waitsUntil it goes when it is in nobody's way, at the latest then
   * @param silences how many probes and reads have not been answered, at least 1
   */
  forProbe(waitsUntil: Millis, silences: number): Patience {
    if (this.#wire.isUnnumbered) return { timeoutMs: this.#probeTimeoutMs(silences), holdMs: null, waitsUntil };
    return { ...this.#short, waitsUntil };
  }

  #holdMs(): Millis {
    const usualMs = Math.max(this.#wire.typicalMs, this.#typicalMs);
    if (usualMs === 0) return this.#timeoutMs;
    return Math.min(this.#timeoutMs, Math.max(LEAST_HOLD_MS, Math.ceil(HOLD_PATIENCE * usualMs)));
  }

  #probeTimeoutMs(silences: number): Millis {
    const slowestMs = this.#slowest.ms === 0 ? this.#wire.slowestMs : this.#slowest.ms;
    const isPatient = silences >= FIRST_PATIENT_PROBE && Number.isInteger(Math.log2(silences));
    if (slowestMs === 0 || isPatient) return this.#timeoutMs;
    return Math.min(this.#timeoutMs, Math.max(LEAST_PROBE_MS, Math.ceil(PROBE_PATIENCE * slowestMs)));
  }
}
