import { LANES, type Lane } from '../../model/tag.ts';
import type { Stream } from './delivery.ts';

/** Something that could be sent now. */
export interface Candidate {
  readonly lane: Lane;
  readonly stream: Stream;
}

/**
 * How live and backlog share a link: critical events go first; then live gets `liveWeight` bytes for each of the backlog, and within
 * each the lane normal goes before bulk.
 */
export class LinkShare {
  readonly #liveWeight: number;
  /** Weighted bytes by which live is ahead of its share. */
  #liveAhead = 0;
  /** At the last choice both had something to send. */
  #isContended = false;

  constructor(liveWeight: number) {
    this.#liveWeight = liveWeight;
  }

  /** @returns the one of the candidates that goes next; null without any */
  choose<C extends Candidate>(candidates: readonly C[]): C | null {
    const best = (stream: Stream, lanes: readonly Lane[]): C | null => {
      for (const lane of lanes) {
        const found = candidates.find((candidate) => candidate.stream === stream && candidate.lane === lane);
        if (found !== undefined) return found;
      }
      return null;
    };
    const urgent = best('live', ['critical']) ?? best('backlog', ['critical']);
    const live = best('live', LANES);
    const backlog = best('backlog', LANES);
    this.#isContended = live !== null && backlog !== null;
    if (urgent !== null) return urgent;
    if (live === null || backlog === null) return live ?? backlog;
    return this.#liveAhead <= 0 ? live : backlog;
  }

  /** Bytes of events went out. */
  sent({ lane, stream }: Candidate, bytes: number): void {
    if (lane === 'critical') return;
    if (stream === 'live') this.#liveAhead += this.#isContended ? bytes / this.#liveWeight : 0;
    // What the backlog sends while live has nothing to send gives live no claim on the time after.
    else
      this.#liveAhead = this.#isContended
        ? this.#liveAhead - bytes
        : Math.min(this.#liveAhead, Math.max(0, this.#liveAhead - bytes));
  }
}
