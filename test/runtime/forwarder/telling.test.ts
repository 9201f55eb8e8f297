import fc from 'fast-check';
import t from 'tap';
import type { Cursor, StoredEvent } from '../../../src/ports/journal.ts';
import { countUnsettled } from '../../../src/runtime/forwarder/cursor.ts';
import { Delivery, type Shipment, type Stream } from '../../../src/runtime/forwarder/delivery.ts';
import { OrderedReceiver } from '../../../src/sinks/ordered-receiver.ts';
import type { Delivery as Incoming } from '../../../src/sinks/receiver.ts';
import { plainEvent } from '../../support/events.ts';

const START: Cursor = { settled: 0, above: [] };
const stored = (sequence: number): StoredEvent => ({
  sequence,
  lane: 'bulk',
  recordedtime: 0,
  bytes: new Uint8Array(10),
  list: null,
});
const range = (first: number, last: number) => ({ first, last });
/** A delivery that has live numbers above a backlog confirmed: 11 of 1 to 11. */
function overtaken(): Delivery {
  const delivery = new Delivery({ settled: 0, above: [range(11, 11)] }, 100);
  delivery.linkUp(11, 10, () => true);
  return delivery;
}

t.test('what is passed over below what a receiver knows is owed, and told without events', async (t) => {
  const delivery = overtaken();
  t.equal(delivery.owesTelling, false, 'it may hold events');
  delivery.skip('backlog', range(1, 4));
  delivery.skip('backlog', range(8, 10));
  t.equal(delivery.owesTelling, true);
  t.same(delivery.keptCursor, { settled: 0, above: [range(11, 11)] });
  const telling = delivery.tell(0);
  t.match(telling, { speaksFrom: 1, last: 4, absent: [range(8, 10)], events: [], bytes: 0, historical: false });
  t.equal(delivery.owesTelling, false, 'one at a time');
  t.equal(delivery.tell(0), null);
  if (telling !== null) delivery.confirmed(telling);
  t.equal(delivery.owesTelling, false);
  t.same(delivery.keptCursor, { settled: 4, above: [range(8, 11)] });
});

t.test('what lies above all that a receiver knows is owed to nobody', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  delivery.confirmed(delivery.ship('live', range(1, 1), [stored(1)], 0));
  delivery.skip('live', range(2, 50));
  t.equal(delivery.owesTelling, false, 'numbers of other lanes grow all the time');
  t.equal(delivery.tell(0), null);
  delivery.skip('live', range(60, 70));
  delivery.confirmed(delivery.ship('live', range(71, 71), [stored(71)], 0));
  t.equal(delivery.owesTelling, false, 'the next events carry it');
});

t.test('what an earlier process may have told of counts as known', async (t) => {
  const delivery = new Delivery({ settled: 5, above: [] }, 100);
  delivery.linkUp(20, 15, () => true);
  delivery.skip('backlog', range(6, 20));
  t.equal(delivery.owesTelling, true, 'what came after it may have arrived, and be gone from the journal');
});

t.test('a telling that was not confirmed is told again, and counts as no event that is sent again', async (t) => {
  const delivery = overtaken();
  delivery.skip('backlog', range(1, 10));
  const lost = delivery.tell(0);
  delivery.linkDown();
  delivery.linkUp(12, countUnsettled(delivery.cursor, 12), () => true);
  t.equal(lost === null ? null : delivery.confirmed(lost), false, 'of an earlier link');
  t.equal(delivery.owesTelling, true);
  t.same(delivery.keptCursor, { settled: 0, above: [range(11, 11)] });
  const shipment = delivery.ship('live', range(12, 12), [stored(12)], 0);
  t.match(shipment, { absent: [range(1, 10)] }, 'by events, if there are some');
  t.equal(delivery.resentIn(shipment), 0);
});

t.test('a telling that is refused waits for the next events', async (t) => {
  const delivery = overtaken();
  delivery.skip('backlog', range(1, 10));
  const refused = delivery.tell(0);
  t.equal(refused === null ? undefined : delivery.rejected(refused), null);
  t.equal(delivery.owesTelling, false, 'not again and again');
  t.match(delivery.ship('live', range(12, 12), [stored(12)], 0), { absent: [range(1, 10)] });
});

t.test('a given up event is owed once its gap is stored: who restores the order waits for it', async (t) => {
  const delivery = new Delivery(START, 100);
  delivery.linkUp(0, 0, () => true);
  const [first, second] = [1, 2].map((n) => delivery.ship('live', range(n, n), [stored(n)], 0));
  if (first === undefined || second === undefined) return;
  const givenUp = delivery.rejected(first);
  delivery.confirmed(second);
  t.equal(delivery.owesTelling, false);
  if (givenUp !== null) delivery.recorded(givenUp);
  t.match(delivery.tell(0), { speaksFrom: 1, last: 1, absent: [] });
});

t.test('no more ranges are told at once than a receiver takes, and the rest afterwards', async (t) => {
  const delivery = new Delivery(START, 1000);
  delivery.linkUp(0, 0, () => true);
  const givenUp: StoredEvent[] = [];
  for (let n = 1; n <= 200; n++) {
    const shipment = delivery.ship('live', range(n, n), [stored(n)], 0);
    if (n % 2 === 0) delivery.confirmed(shipment);
    else givenUp.push(...[delivery.rejected(shipment)].flatMap((event) => event ?? []));
    const [event] = n % 4 === 0 ? givenUp.splice(-1) : [];
    if (event !== undefined) delivery.recorded(event);
  }
  t.ok(delivery.owesTelling);
  for (let told = delivery.tell(0); told !== null; told = delivery.tell(0)) {
    t.ok(told.absent.length <= 63);
    delivery.confirmed(told);
  }
  t.equal(delivery.owesTelling, false);
});

/** What became of a number of the lane. */
type Fate = 'stored' | 'other lane' | 'pruned';

/** One lane with its real Delivery and receiver, over links that break and processes that end. */
class Plant {
  readonly fates: Fate[] = [];
  readonly receiver = new OrderedReceiver({ firstSequence: 1 });
  readonly came: number[] = [];
  flying: { shipment: Shipment; isArrived: boolean }[] = [];
  delivery = new Delivery(START, 8);

  get head(): number {
    return this.fates.length;
  }

  link(): void {
    const { cursor } = this.delivery;
    this.delivery.linkUp(this.head, countUnsettled(cursor, this.head), () => this.head % 2 === 0);
    for (const { shipment } of this.flying.splice(0)) {
      if (this.delivery.confirmed(shipment)) this.fail('a confirmation of an earlier link was taken');
    }
  }

  fail(what: string): never {
    throw new Error(what);
  }

  /** As a feed does: events that are there, or the range is passed over. */
  ship(stream: Stream, count: number): void {
    const next = this.delivery.next(stream, this.head);
    if (next === null) return;
    const numbers = Array.from({ length: next.last - next.first + 1 }, (_, i) => next.first + i);
    const there = numbers.filter((n) => this.fates[n - 1] === 'stored');
    const events = there.slice(0, count).map(stored);
    const last = there.length > count ? (events.at(-1)?.sequence ?? next.last) : next.last;
    if (events.length === 0) this.delivery.skip(stream, range(next.first, last));
    else this.#fly(this.delivery.ship(stream, range(next.first, last), events, 0));
  }

  tell(): void {
    const telling = this.delivery.tell(0);
    if (telling === null) return;
    if (this.flying.length > 0) this.fail('told while something was on the way');
    this.#fly(telling);
  }

  arrive(): void {
    const next = this.flying.find(({ isArrived }) => !isArrived);
    if (next === undefined) return;
    next.isArrived = true;
    const { shipment } = next;
    const { speaksFrom: first, last, absent, historical } = shipment;
    const coverage = { lane: 'bulk', first, last, absent, settled: 0 } as const;
    for (const told of [{ first, last }, ...absent]) {
      for (let n = told.first; n <= told.last; n++) {
        const isIn = shipment.events.some(({ sequence }) => sequence === n);
        if (this.fates[n - 1] === 'stored' && !isIn && !this.isSettled(n))
          this.fail(`${n} is there, and told as absent`);
      }
    }
    const events = shipment.events.map(({ sequence }) => ({
      ...plainEvent(sequence),
      id: `j-${sequence}`,
      sequence,
      recordedtime: 1,
      lane: 'bulk' as const,
    }));
    const incoming: Incoming = { journalId: 'j', sink: 'up', historical, coverage, events };
    this.came.push(...this.receiver.receive(incoming).map(({ sequence }) => sequence));
  }

  confirm(): void {
    while (this.flying[0]?.isArrived === false) this.arrive();
    const first = this.flying.shift();
    if (first !== undefined) this.delivery.confirmed(first.shipment);
  }

  /** A quota or an age takes what is stored up to here: it is passed over if it did not go. */
  prune(through: number): void {
    for (let n = 1; n <= through; n++) if (this.fates[n - 1] === 'stored') this.fates[n - 1] = 'pruned';
  }

  restart(): void {
    this.delivery = new Delivery(this.delivery.keptCursor, 8);
    this.flying = [];
    this.link();
  }

  isSettled(n: number): boolean {
    const { settled, above } = this.delivery.cursor;
    return n <= settled || above.some(({ first, last }) => first <= n && n <= last);
  }

  #fly(shipment: Shipment): void {
    this.flying.push({ shipment, isArrived: false });
  }
}

t.test('whatever is passed over, a receiver misses nothing once a lane has fallen silent', async (t) => {
  const stream = fc.constantFrom<Stream>('live', 'backlog');
  const of = <K extends string>(weight: number, kind: K, rest: object = {}) => ({
    weight,
    arbitrary: fc.record({ kind: fc.constant(kind), stream, count: fc.integer({ min: 1, max: 9 }), ...rest }),
  });
  const step = fc.oneof(
    of(4, 'commit'),
    of(4, 'others'),
    of(10, 'ship'),
    of(4, 'arrive'),
    of(6, 'confirm'),
    of(2, 'tell'),
    of(1, 'split'),
    of(1, 'prune'),
    of(1, 'loss'),
    of(1, 'restart'),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
      const plant = new Plant();
      plant.link();
      for (const { kind, stream, count } of steps) {
        if (kind === 'commit') plant.fates.push(...Array.from({ length: count }, (): Fate => 'stored'));
        else if (kind === 'others') plant.fates.push(...Array.from({ length: count }, (): Fate => 'other lane'));
        else if (kind === 'ship') plant.ship(stream, count);
        else if (kind === 'arrive') plant.arrive();
        else if (kind === 'confirm') plant.confirm();
        else if (kind === 'tell') plant.tell();
        else if (kind === 'split') plant.delivery.split(plant.head, countUnsettled(plant.delivery.cursor, plant.head));
        else if (kind === 'prune') plant.prune(Math.floor((plant.head * count) / 10));
        else if (kind === 'loss') plant.link();
        else plant.restart();
      }
      for (let i = 0; i < 1000 && plant.delivery.cursor.settled < plant.head; i++) {
        plant.ship('backlog', 50);
        plant.ship('live', 50);
        while (plant.flying.length > 0) plant.confirm();
      }
      while (plant.delivery.owesTelling) {
        plant.tell();
        plant.confirm();
      }
      const { missing, held, orderViolations, arrivedOutOfOrder } = plant.receiver.figures();
      const isInOrder = plant.came.every((n, i) => i === 0 || n > (plant.came[i - 1] ?? 0));
      const isWhole = plant.fates.every((fate, i) => fate !== 'stored' || plant.came.includes(i + 1));
      return missing === 0 && held === 0 && orderViolations + arrivedOutOfOrder === 0 && isInOrder && isWhole;
    }),
    { numRuns: 1000 },
  );
  t.pass('1000 lives');
});
