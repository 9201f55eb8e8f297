import { type Assessment, DEGRADED_SCORE } from './asset-model.ts';
import type { Zone } from './zones.ts';

/** How soon somebody should look: within the shift, within days, at the next planned stop. */
type Urgency = 'immediate' | 'soon' | 'planned';

const URGENCY_RANK: Readonly<Record<Urgency, number>> = { planned: 0, soon: 1, immediate: 2 };
/** A case opens after so many degraded ticks in a row and closes after so many healthy ones. */
const OPEN_TICKS = 5;
const CLOSE_TICKS = 60;
const HEALTHY_SCORE = 85;
/** An open case is told again at most this often, unless its urgency rises: 30 ticks. */
const UPDATE_TICKS = 30;
/** A new expected date is news when it differs by this share of the time left. */
const DATE_CHANGE = 0.25;

/** Plain JSON. */
export interface CaseState {
  readonly id: string;
  readonly firstSeen: number;
  readonly urgency: Urgency;
  readonly updates: number;
}

/** Something to tell about a case. */
export interface CaseNews {
  readonly kind: 'opened' | 'updated' | 'closed';
  readonly state: CaseState;
}

/** Keeps at most one open case for an asset: opened late, updated rarely, closed later. */
export class CaseKeeper {
  #open: CaseState | null;
  #degradedTicks = 0;
  #healthyTicks = 0;
  #ticksSinceNews = 0;
  #toldDate: number | null = null;
  readonly #asset: string;

  constructor(asset: string, open: CaseState | null = null) {
    this.#asset = asset;
    this.#open = open;
  }

  get open(): CaseState | null {
    return this.#open;
  }

  /** @returns what is worth telling after this tick, or null */
  step(assessment: Assessment): CaseNews | null {
    if (assessment.state === 'idle' || assessment.score === null) return null;
    const { score, time } = assessment;
    this.#degradedTicks = score <= DEGRADED_SCORE ? this.#degradedTicks + 1 : 0;
    this.#healthyTicks = score >= HEALTHY_SCORE ? this.#healthyTicks + 1 : 0;
    this.#ticksSinceNews++;
    if (this.#open === null) {
      if (this.#degradedTicks < OPEN_TICKS) return null;
      const id = `${this.#asset.split('/').at(-1)}-${Math.floor(time / 1000).toString(36)}`;
      return this.#tell(
        'opened',
        { id, firstSeen: time, urgency: urgencyOf(score, assessment.zone), updates: 0 },
        assessment,
      );
    }
    if (this.#healthyTicks >= CLOSE_TICKS) {
      const closed = this.#open;
      this.#open = null;
      return { kind: 'closed', state: closed };
    }
    const urgency = urgencyOf(score, assessment.zone);
    const isWorse = URGENCY_RANK[urgency] > URGENCY_RANK[this.#open.urgency] && this.#degradedTicks >= OPEN_TICKS;
    const isNews = this.#ticksSinceNews >= UPDATE_TICKS && this.#hasNewDate(assessment);
    if (!isWorse && !isNews) return null;
    const next = { ...this.#open, urgency: isWorse ? urgency : this.#open.urgency, updates: this.#open.updates + 1 };
    return this.#tell('updated', next, assessment);
  }

  #tell(kind: CaseNews['kind'], state: CaseState, { prediction }: Assessment): CaseNews {
    this.#open = state;
    this.#ticksSinceNews = 0;
    this.#toldDate = prediction.failure?.p50 ?? null;
    return { kind, state };
  }

  #hasNewDate({ time, prediction }: Assessment): boolean {
    const date = prediction.failure?.p50 ?? null;
    if (date === null || this.#toldDate === null) return date !== this.#toldDate;
    return Math.abs(date - this.#toldDate) > DATE_CHANGE * Math.max(1, this.#toldDate - time);
  }
}

function urgencyOf(score: number, zone: Zone): Urgency {
  if (zone === 'D' || score <= 30) return 'immediate';
  return zone === 'C' || score <= 50 ? 'soon' : 'planned';
}
