import type { ReceivedEvent } from './batch-decoder.ts';
import {
  type Delivery,
  journalIdOf,
  type LaneKey,
  Receiver,
  type ReceiverFigures,
  type ReceiverState,
} from './receiver.ts';

export interface OrderedReceiverOptions {
  /** `stream`: live events wait until what is before them in their lane has come. `arrival`: events are passed on as they come. */
  readonly order?: 'stream' | 'arrival';
  /** Events that may wait; beyond it the oldest is passed on. Default 50,000. */
  readonly maxHeldEvents?: number;
  readonly firstSequence?: number;
  /** Pass events on that are replayed on request even if they came before. Default: once is once. */
  readonly passReplays?: boolean;
}

export interface OrderedReceiverFigures extends ReceiverFigures {
  /** Events that were passed on after a later one of their lane; with the order of arrival those that arrived so. */
  readonly orderViolations: number;
  /** New events that arrived after a later one of their stream and lane, live and historical apart; what was put right is among them. */
  readonly arrivedOutOfOrder: number;
  /** Events that wait for what is before them. */
  readonly held: number;
  /** Events that were passed on before their turn, because too many waited. */
  readonly early: number;
}

/** Events of one lane that wait for what is before them, ascending. */
interface HeldLane {
  readonly journalId: string;
  readonly lane: LaneKey;
  readonly events: ReceivedEvent[];
  /** Through here they were passed on although something before them had not come. */
  earlyThrough: number;
  /** The highest that was passed on, of the account and of what lies before it. */
  readonly passed: { own: number; before: number };
}

/**
 * Exactly-once and in order for what receives from a gateway: each event once by its id, and those of a lane, so of a stream, in their order,
 * though live events overtake a backlog. Pure; memory is bounded by `maxHeldEvents` and the holes in what came.
 */
export class OrderedReceiver {
  readonly #receiver: Receiver;
  readonly #order: 'stream' | 'arrival';
  readonly #maxHeld: number;
  readonly #passesReplays: boolean;
  readonly #lanes = new Map<string, HeldLane>();
  #held = 0;
  #early = 0;
  #orderViolations: number;
  #last: { readonly lane: HeldLane; readonly sequence: number } | null = null;

  /** @param state of an earlier one, from `state()` */
  constructor(options: OrderedReceiverOptions = {}, state: ReceiverState | null = null) {
    const { order = 'stream', maxHeldEvents = 50_000, passReplays = false, ...rest } = options;
    this.#passesReplays = passReplays;
    this.#receiver = new Receiver(rest, state);
    this.#orderViolations = state?.passedOn?.orderViolations ?? 0;
    this.#order = order;
    this.#maxHeld = maxHeldEvents;
  }

  get held(): number {
    return this.#held;
  }

  get early(): number {
    return this.#early;
  }

  /** Tells, now and later, whether anything waits that the batch taken last brought; null: nothing of it does. */
  get lastHeld(): (() => boolean) | null {
    if (this.#last === null) return null;
    const { lane, sequence } = this.#last;
    const waits = () => lane.events[0] !== undefined && lane.events[0].sequence <= sequence;
    return waits() ? waits : null;
  }

  /** Take a batch. @returns the events whose turn it is now */
  receive(batch: Delivery): readonly ReceivedEvent[] {
    const before = this.#receiver.orderViolations;
    const fresh = this.#receiver.receive(batch);
    const [first] = batch.events;
    const { coverage = null, replay = null } = batch;
    const journalId = batch.journalId ?? (first === undefined ? '' : journalIdOf(first));
    const due: ReceivedEvent[] = [];
    this.#last = null;
    if (this.#order === 'arrival' || coverage === null || (replay !== null && this.#passesReplays)) {
      this.#orderViolations += this.#receiver.orderViolations - before;
      for (const event of replay !== null && this.#passesReplays ? batch.events : fresh) due.push(event);
    } else {
      const lane = this.#lane(journalId, coverage.lane);
      this.#hold(lane, fresh);
      this.#last = { lane, sequence: fresh.at(-1)?.sequence ?? 0 };
    }
    // A gap event may speak for another lane, and `settled` for all.
    for (const other of this.#lanes.values()) if (other.journalId === journalId) this.#release(other, due);
    while (this.#held > this.#maxHeld) this.#releaseEarly(due);
    return due;
  }

  /** All that waits, in order, because nothing more will come. */
  flush(): readonly ReceivedEvent[] {
    const rest: ReceivedEvent[] = [];
    for (const held of this.#lanes.values()) {
      held.earlyThrough = Math.max(held.earlyThrough, held.events.at(-1)?.sequence ?? 0);
      this.#pass(held, held.events.splice(0), rest);
    }
    this.#held = 0;
    this.#early += rest.length;
    return rest;
  }

  figures(): OrderedReceiverFigures {
    const { orderViolations: arrivedOutOfOrder, ...rest } = this.#receiver.figures();
    const orderViolations = this.#orderViolations;
    return { ...rest, orderViolations, arrivedOutOfOrder, held: this.#held, early: this.#early };
  }

  /** The account of what was passed on; what waits is not in it and must be received again. */
  state(): ReceiverState {
    const { counts, ...state } = this.#receiver.state((journalId, lane) => {
      const held = this.#lanes.get(keyOf(journalId, lane))?.events[0];
      return held === undefined ? null : held.sequence - 1;
    });
    const { received, unique, ...rest } = counts;
    return {
      ...state,
      counts: { ...rest, received: received - this.#held, unique: unique - this.#held },
      passedOn: { orderViolations: this.#orderViolations },
    };
  }

  #lane(journalId: string, lane: LaneKey): HeldLane {
    const key = keyOf(journalId, lane);
    let held = this.#lanes.get(key);
    if (held === undefined) {
      held = { journalId, lane, events: [], earlyThrough: 0, passed: { own: 0, before: 0 } };
      this.#lanes.set(key, held);
    }
    return held;
  }

  #hold({ events }: HeldLane, fresh: readonly ReceivedEvent[]): void {
    this.#held += fresh.length;
    const last = events.at(-1)?.sequence ?? 0;
    events.push(...fresh);
    if ((fresh[0]?.sequence ?? last) < last) events.sort((a, b) => a.sequence - b.sequence);
  }

  #release(lane: HeldLane, due: ReceivedEvent[]): void {
    const { events } = lane;
    if (events.length === 0) return;
    const through = this.#passedThrough(lane);
    const count = events.findIndex(({ sequence }) => sequence > through);
    const released = events.splice(0, count < 0 ? events.length : count);
    this.#held -= released.length;
    this.#pass(lane, released, due);
  }

  #pass({ passed }: HeldLane, events: readonly ReceivedEvent[], due: ReceivedEvent[]): void {
    for (const event of events) {
      const kind = this.#receiver.isBeforeAccount(event) ? 'before' : 'own';
      if (event.sequence < passed[kind]) this.#orderViolations++;
      else passed[kind] = event.sequence;
      due.push(event);
    }
  }

  #passedThrough({ journalId, lane, earlyThrough }: HeldLane): number {
    return Math.max(this.#receiver.completeThrough(journalId, lane), earlyThrough);
  }

  #releaseEarly(due: ReceivedEvent[]): void {
    const fullest = [...this.#lanes.values()].reduce((a, b) => (b.events.length > a.events.length ? b : a));
    const released = fullest.events.splice(0, Math.max(1, this.#held - this.#maxHeld));
    fullest.earlyThrough = released.at(-1)?.sequence ?? fullest.earlyThrough;
    this.#held -= released.length;
    this.#early += released.length;
    this.#pass(fullest, released, due);
  }
}

function keyOf(journalId: string, lane: LaneKey): string {
  return `${lane} ${journalId}`;
}
