import type { StoredEvent } from '../../src/ports/journal.ts';
import type { OutgoingBatch } from '../../src/ports/sink.ts';
import { decodeBatch, type ReceivedEvent } from '../../src/sinks/batch-decoder.ts';
import { OrderedReceiver } from '../../src/sinks/ordered-receiver.ts';
import type { Dice, VirtualTime } from './virtual-time.ts';

/**
 * `up`; `down`: nothing connects, connections are reset; `half-open`: what is sent goes nowhere, without a word; `deaf`: it arrives and
 * no answer comes back; `slow`; `refusing`: not now.
 */
export type LinkMode = 'up' | 'down' | 'half-open' | 'deaf' | 'slow' | 'refusing';

/** How the far side answers a batch. */
export type Answer = 'confirmed' | 'SINK_REFUSED' | 'SINK_REJECTED';

/** One connection as the near side sees it. */
export interface Line {
  transmit(payload: Uint8Array, batch: OutgoingBatch, onAnswer: (answer: Answer) => void): void;
  /** The near side lets go of it: what is on the way may still arrive, and no answer is heard. */
  leave(): void;
}

/** What the destination tells the oracle. */
export interface DestinationWitness {
  /** New events, as a customer's receiver hands them on: each lane in its order. */
  received(destination: string, events: readonly ReceivedEvent[]): void;
  /** A batch, whatever the receiver made of it, is safe at the far side. */
  arrived(destination: string, batch: OutgoingBatch): void;
  /** It will never take this event. */
  refused(destination: string, event: StoredEvent): void;
  failed(error: unknown): void;
}

interface OpenLine {
  isOpen: boolean;
  isLeft: boolean;
  /** Something on it was lost: TCP brings nothing that follows before that. */
  isHoled: { toFar: boolean; toNear: boolean };
  lastArrival: number;
  lastAnswer: number;
  readonly onLost: (reason: string) => void;
}

/** The far side of one sink's name: a link with faults, and a receiver that outlives every gateway process. */
export class Destination {
  readonly name: string;
  readonly receiver = new OrderedReceiver();
  /** It refused a batch and took what was on the way behind it: that comes late, and only an ordered receiver sees none of it. */
  hasRefused = false;
  mode: LinkMode = 'up';
  readonly #time: VirtualTime;
  readonly #dice: Dice;
  readonly #witness: DestinationWitness;
  readonly #latencyMs: number;
  readonly #isPoison: (event: StoredEvent) => boolean;
  #line: OpenLine | null = null;

  constructor(
    name: string,
    options: {
      readonly time: VirtualTime;
      readonly dice: Dice;
      readonly witness: DestinationWitness;
      readonly latencyMs: number;
      /** Events that it will never take; null: it takes all. */
      readonly isPoison: ((event: StoredEvent) => boolean) | null;
    },
  ) {
    this.name = name;
    this.#time = options.time;
    this.#dice = options.dice;
    this.#witness = options.witness;
    this.#latencyMs = options.latencyMs;
    this.#isPoison = options.isPoison ?? (() => false);
  }

  /** Set what the link does; `down` resets what is connected. */
  become(mode: LinkMode): void {
    this.mode = mode;
    if (mode === 'down') this.reset('reset');
  }

  /** End the connection; what has not arrived never will. */
  reset(reason: string): void {
    const line = this.#line;
    if (line === null) return;
    this.#line = null;
    line.isOpen = false;
    if (!line.isLeft) line.onLost(reason);
  }

  /** The process at the near side is gone: it hears nothing any more. */
  orphan(): void {
    if (this.#line !== null) this.#line.isLeft = true;
  }

  /** @param onLost the connection has ended by itself */
  connect(onLost: (reason: string) => void): Line {
    // As a broker does: a client that comes again takes over from its old connection.
    if (this.#line !== null) this.#line.isOpen = false;
    const now = this.#time.now;
    const isHoled = { toFar: false, toNear: false };
    const line: OpenLine = { isOpen: true, isLeft: false, isHoled, lastArrival: now, lastAnswer: now, onLost };
    this.#line = line;
    return {
      transmit: (payload, batch, onAnswer) => {
        line.lastArrival = Math.max(line.lastArrival, this.#time.now + this.#latency());
        this.#time.at(line.lastArrival - this.#time.now, () => this.#arrive(line, payload, batch, onAnswer));
      },
      leave: () => {
        line.isLeft = true;
      },
    };
  }

  #latency(): number {
    const factor = this.mode === 'slow' ? this.#dice.between(5, 40) : 1;
    return this.#latencyMs * factor * this.#dice.between(0.5, 1.5);
  }

  #arrive(line: OpenLine, payload: Uint8Array, batch: OutgoingBatch, onAnswer: (answer: Answer) => void): void {
    if (this.mode === 'half-open') line.isHoled.toFar = true;
    if (!line.isOpen || line.isHoled.toFar) return;
    if (this.mode === 'refusing' && this.#dice.chance(0.7)) {
      this.#answer(line, 'SINK_REFUSED', onAnswer);
      return;
    }
    const poison = batch.events.find((event) => this.#isPoison(event));
    if (poison !== undefined) {
      if (batch.events.length === 1) this.#witness.refused(this.name, poison);
      this.#answer(line, 'SINK_REJECTED', onAnswer);
      return;
    }
    const copies = this.#dice.chance(0.04) ? 2 : 1;
    decodeBatch(payload).then(
      (received) => {
        this.#witness.arrived(this.name, batch);
        for (let i = 0; i < copies; i++) {
          this.#witness.received(this.name, this.receiver.receive(received));
        }
        this.#answer(line, 'confirmed', onAnswer);
      },
      (error: unknown) => this.#witness.failed(error),
    );
  }

  #answer(line: OpenLine, answer: Answer, onAnswer: (answer: Answer) => void): void {
    if (answer !== 'confirmed') this.hasRefused = true;
    // Answers may overtake one another: confirmations are by number.
    const delay = this.#latency();
    this.#time.at(delay, () => {
      if (this.mode === 'half-open' || this.mode === 'deaf') line.isHoled.toNear = true;
      if (line.isOpen && !line.isLeft && !line.isHoled.toNear) onAnswer(answer);
    });
  }
}
