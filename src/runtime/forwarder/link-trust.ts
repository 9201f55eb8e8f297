import { LANES, type Lane } from '../../model/tag.ts';
import type { Stream } from './delivery.ts';

/** Connections in a row without one confirmation after which batches get smaller: one of them may be what ends them. */
const FRUITLESS_CONNECTIONS = 2;
/** The same where only one stream of a lane got nothing through, others did: what came last on a bad link has bad luck more often. */
const FRUITLESS_OF_STREAM = 4;
/** After as many the largest batch is one event. */
const MOST_HALVINGS = 14;
/** Most confirmations that are awaited before batches grow again. */
const MOST_PATIENCE = 256;

/** A lane's live data or backlog. */
export interface Flow {
  readonly lane: Lane;
  readonly stream: Stream;
}

/** How far something is trusted to get through: a connection that ends with something of it sent and nothing confirmed was fruitless. */
class Trust {
  readonly #threshold: number;
  #fruitless = 0;
  #hasSent = false;
  #hasConfirmed = false;
  /** Confirmations in a row before one fruitless connection is forgiven: more each time that the larger batches failed again. */
  #patience = 1;
  #confirmations = 0;
  #hasGrown = false;

  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  up(): void {
    this.#hasSent = false;
    this.#hasConfirmed = false;
  }

  sent(): void {
    this.#hasSent = true;
  }

  confirmed(): void {
    this.#hasConfirmed = true;
    if (this.#fruitless === 0 || ++this.#confirmations < this.#patience) return;
    this.#confirmations = 0;
    this.#fruitless--;
    // What follows is larger, and has to prove itself.
    this.#hasGrown = true;
    this.#hasSent = false;
    this.#hasConfirmed = false;
    if (this.#fruitless === 0) this.#patience = 1;
  }

  down(): boolean {
    if (!this.#hasSent || this.#hasConfirmed) return false;
    this.#fruitless = Math.min(this.#fruitless + 1, this.#threshold + MOST_HALVINGS);
    this.#confirmations = 0;
    if (this.#hasGrown) this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
    this.#hasGrown = false;
    return this.isDoubtful;
  }

  get isWhole(): boolean {
    return this.#fruitless === 0;
  }

  get isDoubtful(): boolean {
    return this.#fruitless >= this.#threshold;
  }

  get halvings(): number {
    return Math.max(0, this.#fruitless - this.#threshold + 1);
  }
}

/**
 * How far a link is trusted, by what its connections brought through: all together, and each flow alone, since small live batches may go where those of
 * a backlog are too large.
 */
export class LinkTrust {
  readonly #link = new Trust(FRUITLESS_CONNECTIONS);
  readonly #flows: Readonly<Record<Stream, ReadonlyMap<Lane, Trust>>> = { live: eachLane(), backlog: eachLane() };
  readonly #all: readonly Trust[] = [this.#link, ...this.#flows.live.values(), ...this.#flows.backlog.values()];

  /** A connection begins. */
  up(): void {
    for (const trust of this.#all) trust.up();
  }

  sent(flow: Flow): void {
    this.#link.sent();
    this.#of(flow)?.sent();
  }

  confirmed(flow: Flow): void {
    this.#link.confirmed();
    this.#of(flow)?.confirmed();
  }

  /** The connection has ended. @returns true: it was fruitless, as were those before it */
  down(): boolean {
    return this.#all.map((trust) => trust.down()).includes(true);
  }

  /** The last connections, or enough confirmations since, brought all through. */
  get isWhole(): boolean {
    return this.#all.every(({ isWhole }) => isWhole);
  }

  /** Batches go one at a time. */
  get isDoubtful(): boolean {
    return this.#all.some(({ isDoubtful }) => isDoubtful);
  }

  /** So many times batches of a flow are halved. */
  halvings(flow: Flow): number {
    return Math.max(this.#link.halvings, this.#of(flow)?.halvings ?? 0);
  }

  #of({ lane, stream }: Flow): Trust | undefined {
    return this.#flows[stream].get(lane);
  }
}

function eachLane(): ReadonlyMap<Lane, Trust> {
  return new Map(LANES.map((lane) => [lane, new Trust(FRUITLESS_OF_STREAM)]));
}
